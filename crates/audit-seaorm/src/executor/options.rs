//! How a transaction is opened, as text.

use sea_orm::{DbBackend, TransactionOptions};

/// What opens a transaction with these options, where that is not the database's own way.
pub(super) fn opening(backend: DbBackend, options: &TransactionOptions) -> Option<String> {
    match backend {
        DbBackend::Sqlite => {
            let mode = options.sqlite_transaction_mode?;
            Some(format!("BEGIN {}", mode.sqlite_keyword()))
        }
        DbBackend::MySql => {
            // What is set is that of the next transaction alone.
            let settings = settings(backend, options)?;
            Some(format!("{settings}; START TRANSACTION"))
        }
        _ => Some(format!("BEGIN {}", modes(options)?)),
    }
}

/// What sets these options in a savepoint, as SeaORM does; where the database takes them there is its
/// to say. SQLite has none.
pub(super) fn settings(backend: DbBackend, options: &TransactionOptions) -> Option<String> {
    match backend {
        DbBackend::Sqlite => None,
        _ => Some(format!("SET TRANSACTION {}", modes(options)?)),
    }
}

fn modes(options: &TransactionOptions) -> Option<String> {
    let level = options
        .isolation_level
        .map(|level| format!("ISOLATION LEVEL {level}"));
    let access = options.access_mode.map(|mode| mode.to_string());
    let modes: Vec<String> = level.into_iter().chain(access).collect();
    (!modes.is_empty()).then(|| modes.join(", "))
}

#[cfg(test)]
mod tests {
    use sea_orm::{AccessMode, IsolationLevel, SqliteTransactionMode};

    use super::*;

    #[test]
    fn each_database_has_its_options() {
        let none = TransactionOptions::default();
        let level = TransactionOptions {
            isolation_level: Some(IsolationLevel::RepeatableRead),
            ..none
        };
        let all = TransactionOptions {
            access_mode: Some(AccessMode::ReadOnly),
            sqlite_transaction_mode: Some(SqliteTransactionMode::Exclusive),
            ..level
        };
        let modes = "ISOLATION LEVEL REPEATABLE READ, READ ONLY";
        for (backend, options, text, in_savepoint) in [
            (DbBackend::MySql, none, None, None),
            (DbBackend::Postgres, none, None, None),
            (DbBackend::Sqlite, none, None, None),
            (DbBackend::Sqlite, level, None, None),
            (
                DbBackend::MySql,
                all,
                Some(format!("SET TRANSACTION {modes}; START TRANSACTION")),
                Some(format!("SET TRANSACTION {modes}")),
            ),
            (
                DbBackend::Postgres,
                all,
                Some(format!("BEGIN {modes}")),
                Some(format!("SET TRANSACTION {modes}")),
            ),
            (
                DbBackend::Sqlite,
                all,
                Some("BEGIN EXCLUSIVE".to_owned()),
                None,
            ),
        ] {
            assert_eq!(opening(backend, &options), text);
            assert_eq!(settings(backend, &options), in_savepoint);
        }
    }
}
