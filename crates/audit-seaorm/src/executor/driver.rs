//! What SeaORM sends and gets, as sqlx has it.

use sea_orm::{DbBackend, ExecResult, QueryResult, Statement, Values};
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
use sea_query_sqlx::SqlxValues;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
use sqlx::IntoArguments;
use sqlx::{AssertSqlSafe, Database};

use crate::backend::Backend;

/// A database whose rows and results SeaORM takes.
pub(super) trait Driver:
    Backend + Database<QueryResult: Into<ExecResult>, Row: Into<QueryResult>>
{
    /// What SeaORM calls it.
    const BACKEND: DbBackend;

    /// Binds values as SeaORM does.
    fn bind(values: Values) -> Self::Arguments;

    /// A statement of SeaORM's, as sqlx takes it: the one place in which its text could be replaced
    /// before it is a statement of sqlx's.
    fn statement(statement: Statement) -> (AssertSqlSafe<String>, Option<Self::Arguments>) {
        // With no values it is prepared all the same, as by SeaORM.
        let values = statement.values.unwrap_or(Values(Vec::new()));
        (AssertSqlSafe(statement.sql), Some(Self::bind(values)))
    }
}

#[cfg(feature = "mysql")]
impl Driver for sqlx::MySql {
    const BACKEND: DbBackend = DbBackend::MySql;

    fn bind(values: Values) -> Self::Arguments {
        IntoArguments::<Self>::into_arguments(SqlxValues(values))
    }
}

#[cfg(feature = "postgres")]
impl Driver for sqlx::Postgres {
    const BACKEND: DbBackend = DbBackend::Postgres;

    fn bind(values: Values) -> Self::Arguments {
        IntoArguments::<Self>::into_arguments(SqlxValues(values))
    }
}

#[cfg(feature = "sqlite")]
impl Driver for sqlx::Sqlite {
    const BACKEND: DbBackend = DbBackend::Sqlite;

    fn bind(values: Values) -> Self::Arguments {
        IntoArguments::<Self>::into_arguments(SqlxValues(values))
    }
}
