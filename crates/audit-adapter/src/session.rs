//! A connection, as far as the audit log needs one.

use std::borrow::Cow;
use std::error::Error;

use audit_core::Dialect;
pub use audit_core::log::Rows;
use audit_core::query::BoundQuery;
use futures_core::future::BoxFuture;

/// A connection of a database library. A library that blocks gives futures that are ready at once.
///
/// Work on a session that is dropped, or that fails, may leave a transaction open on it: whoever
/// holds the connection closes it then.
pub trait Session: Send {
    /// Stands for the adapter; any type of its own.
    type Adapter;

    /// The library's error.
    type Error: Error + Refusal<Self::Adapter> + Send + Sync + 'static;

    /// The SQL dialect of the database.
    const DIALECT: Dialect;

    /// Runs a text of one or several statements without binds.
    fn run<'c>(&'c mut self, text: &'c str) -> BoxFuture<'c, Result<(), Self::Error>>;

    /// Runs a statement with binds and gives its rows. Every column is a text or NULL; SQLite
    /// may have a whole number there, which reads as its text. A bind of
    /// bytes is a secret: it is never written into the text, nor kept with a prepared statement.
    fn texts<'c>(&'c mut self, query: &'c BoundQuery) -> BoxFuture<'c, Result<Rows, Self::Error>>;
}

/// An error of a database library that may hold the answer of a database. `Adapter` is a type of the
/// adapter that implements it, so that it can be implemented for the library's own type.
pub trait Refusal<Adapter> {
    /// What the database said, where the error is its answer; `None` for one of the library, such
    /// as a broken connection.
    fn answer(&self) -> Option<Answer<'_>>;

    /// The dialect of the database that answered; `None` where the error does not tell.
    fn dialect(&self) -> Option<Dialect>;
}

/// The answer of a database that refused a statement, as far as the library hands it on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer<'e> {
    /// The error code: SQLSTATE (PostgreSQL), the error number (MySQL), the extended result code
    /// (SQLite). `None` where the library keeps it to itself.
    pub code: Option<Cow<'e, str>>,
    /// The message.
    pub message: &'e str,
    /// Where in functions it happened, innermost first: PostgreSQL's `CONTEXT`. `None` elsewhere,
    /// and where the library keeps it to itself.
    pub place: Option<&'e str>,
}
