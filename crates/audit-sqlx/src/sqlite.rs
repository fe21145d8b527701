//! SQLite: TEMP triggers on each connection, context in the connection's memory.

use audit_adapter::{Attachment, Rows, install_on_connection};
#[cfg(feature = "executor")]
use audit_adapter::{ContextScope, Until};
use audit_capture::context::sqlite as context;
use audit_core::Dialect;
use audit_core::query::BoundQuery;
use audit_core::stamp::Stamp;
use audit_sqlite::CheckOut;
use futures_core::future::BoxFuture;
use sqlx::{AssertSqlSafe, Executor, Row, Sqlite, SqliteConnection};

use crate::database::{Stamped, sealed::Capture};
use crate::session::{Session, unreadable};

impl Capture for Sqlite {
    const DIALECT: Dialect = Dialect::Sqlite;

    fn initialize() -> Result<(), sqlx::Error> {
        audit_sqlite::register().map_err(|error| sqlx::Error::Configuration(Box::new(error)))
    }

    async fn check_out(
        connection: &mut SqliteConnection,
        attachment: &Attachment,
        stamp: &Stamp,
    ) -> Result<Stamped, sqlx::Error> {
        if !set_stamp(connection, stamp).await? {
            install_on_connection(&mut Session::<Self>(connection), attachment)
                .await
                .map_err(unreadable)?;
            set_stamp(connection, stamp).await?;
        }
        Ok(Stamped::Yes)
    }

    async fn check_in(connection: &mut SqliteConnection) -> Result<Stamped, sqlx::Error> {
        let open: i64 = sqlx::query_scalar(context::CLEAR)
            .fetch_one(connection)
            .await?;
        Ok(match open {
            0 => Stamped::Yes,
            _ => Stamped::InTransaction,
        })
    }

    fn begin_statement(opening: Option<&str>, _stamp: Option<&Stamp>) -> Option<String> {
        opening.map(str::to_owned)
    }

    #[cfg(feature = "executor")]
    async fn put_on(
        connection: &mut SqliteConnection,
        stamp: &Stamp,
        _scope: ContextScope,
        _depth: usize,
    ) -> Result<(), sqlx::Error> {
        let session = &mut Session::<Self>(connection);
        audit_adapter::stamp(session, Some(stamp), Until::Replaced).await
    }

    fn run<'c>(
        connection: &'c mut SqliteConnection,
        text: &'c str,
    ) -> BoxFuture<'c, Result<(), sqlx::Error>> {
        Box::pin(async move {
            connection.execute(AssertSqlSafe(text)).await?;
            Ok(())
        })
    }

    fn texts<'c>(
        connection: &'c mut SqliteConnection,
        query: &'c BoundQuery,
    ) -> BoxFuture<'c, Result<Rows, sqlx::Error>> {
        Box::pin(async move {
            let rows = bound!(query).fetch_all(connection).await?;
            rows.iter().map(texts!()).collect()
        })
    }
}

/// Puts a stamp on the connection; says whether its triggers are those of the schema.
async fn set_stamp(connection: &mut SqliteConnection, stamp: &Stamp) -> Result<bool, sqlx::Error> {
    let found = sqlx::query_scalar(context::CHECK_OUT)
        .bind(stamp.joined().to_owned())
        .fetch_one(connection)
        .await?;
    Ok(CheckOut::from_number(found).is_current)
}
