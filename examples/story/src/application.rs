//! What an example brings.

use std::fmt::Display;
use std::future::Future;
use std::io::Write as _;
use std::net::TcpListener;

use anyhow::Result;
use audit_core::Event;
use audit_core::query::LogQuery;

use crate::{Issuer, Place};

/// An example's application: its database library, its web framework, and the audit log.
pub trait Application: Sized + Send + Sync + 'static {
    /// Opens the database, creates the tables where they are not there yet, and brings the audit
    /// log up to date.
    ///
    /// # Errors
    /// When the database cannot be used; the text says what to do.
    fn open(place: &Place) -> impl Future<Output = Result<Self>> + Send;

    /// Serves the API of [`contract`](crate::contract) until `stopped` is over, and answers what
    /// has come in by then.
    ///
    /// # Errors
    /// When it cannot serve.
    fn serve(
        &self,
        listener: TcpListener,
        issuer: Issuer,
        stopped: impl Future<Output = ()> + Send + 'static,
    ) -> impl Future<Output = Result<()>> + Send;

    /// Reads the audit log.
    ///
    /// # Errors
    /// When the database fails.
    fn log(&self, query: LogQuery) -> impl Future<Output = Result<Vec<Event>>> + Send;

    /// Closes the database.
    ///
    /// # Errors
    /// When it cannot be closed.
    fn close(&self) -> impl Future<Output = Result<()>> + Send;
}

/// Says on standard error what the audit log cannot do.
///
/// # Errors
/// When standard error is gone.
pub fn print_findings<F: Display>(findings: &[F]) -> std::io::Result<()> {
    let mut talk = std::io::stderr();
    for finding in findings {
        writeln!(talk, "audit: {finding}")?;
    }
    Ok(())
}
