//! SQLite. It has no decimals: totals are texts, which keep their digits.

#[expect(clippy::duplicate_mod, reason = "compiled once for each database")]
#[path = "../api.rs"]
mod api;
#[expect(clippy::duplicate_mod, reason = "compiled once for each database")]
#[path = "../models.rs"]
mod models;
#[expect(clippy::duplicate_mod, reason = "compiled once for each database")]
#[path = "../server.rs"]
mod server;
#[expect(clippy::duplicate_mod, reason = "compiled once for each database")]
#[path = "../standard.rs"]
mod standard;
#[expect(clippy::duplicate_mod, reason = "compiled once for each database")]
#[path = "../trail.rs"]
mod trail;

pub(crate) use server::Server;

use diesel::SqliteConnection;
use diesel_async::sync_connection_wrapper::SyncConnectionWrapper;

use standard::{SAME_INVOICE, insert_user};

schema!(Text, Json);

/// SQLite on a thread that may block.
type Connection = SyncConnectionWrapper<SqliteConnection>;
type Total = String;

const KIND: story::Kind = story::Kind::Sqlite;

/// What each connection is told.
const SETTINGS: &str =
    "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON";
