//! The memory of a connection, by functions that the application's own statements call.

use audit_core::query::{Bind, BoundQuery};

/// Puts a context on a connection that comes out of a pool; bind: as of [`STAMP`]. Gives the
/// number of an `audit_sqlite::CheckOut`. Reads no row, but the database as it is now: it is prepared
/// anew on another schema, which `audit_prepared` counts.
pub const CHECK_OUT: &str = "SELECT audit_check_out(?1, \
     EXISTS(SELECT 1 FROM main.sqlite_schema, audit_prepared(0) WHERE 0))";

/// Replaces the context of a connection; bind: the joined stamp, the empty text for the fallback
/// that [`INSTALLED`] left.
pub const STAMP: &str = "SELECT audit_stamp(?1)";

/// The version of the schema.
pub const SCHEMA_VERSION: &str = "PRAGMA schema_version";

/// Takes the context off, and gives 0 where no transaction is open.
pub const CLEAR: &str = "SELECT audit_clear()";

/// Notes which version of the schema the triggers are for, and keeps the stamp of work that brings
/// no context; binds: the version, the joined stamp.
pub const INSTALLED: &str = "SELECT audit_installed(CAST(?1 AS INTEGER), ?2)";

/// Notes that there are no triggers.
pub const NOT_INSTALLED: &str = "SELECT audit_installed(NULL, NULL)";

/// Gives the connection the key of hashes.
#[must_use]
pub fn keep_key(key: &[u8]) -> BoundQuery {
    BoundQuery {
        text: "SELECT audit_key(?1)".to_owned(),
        binds: vec![Bind::Bytes(key.to_vec())],
    }
}
