//! How a transaction is opened.

use std::fmt::Write as _;

use audit_core::Dialect;
use diesel::result::Error;

/// How a transaction is opened: the options of Diesel's `TransactionBuilder`, which is there for
/// PostgreSQL alone, and the locks that one of SQLite can take at once. What is not set is as the
/// database has it.
///
/// | option | PostgreSQL | MySQL, MariaDB | SQLite |
/// |---|---|---|---|
/// | [`read_committed`](Self::read_committed), [`repeatable_read`](Self::repeatable_read), [`serializable`](Self::serializable) | yes | yes | no |
/// | [`read_only`](Self::read_only), [`read_write`](Self::read_write) | yes | yes | no |
/// | [`deferrable`](Self::deferrable), [`not_deferrable`](Self::not_deferrable) | yes | no | no |
/// | [`immediate`](Self::immediate), [`exclusive`](Self::exclusive) | no | no | yes |
///
/// An option that the database has not is [`UnsupportedOption`]. Of two that contradict each other
/// the later one counts.
///
/// # Source
/// <https://www.postgresql.org/docs/18/sql-set-transaction.html>,
/// <https://mariadb.com/kb/en/set-transaction/>, <https://www.sqlite.org/lang_transaction.html>
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[must_use = "give it to `begin_with_options` or `transaction_with_options`"]
pub struct TransactionOptions {
    isolation: Option<&'static str>,
    access: Option<&'static str>,
    deferrable: Option<&'static str>,
    lock: Option<&'static str>,
}

/// A database has no such option of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a transaction of {database} cannot be `{option}`; leave this option out")]
pub struct UnsupportedOption {
    option: &'static str,
    database: &'static str,
}

impl TransactionOptions {
    /// What the database does unless it is told otherwise.
    pub fn new() -> Self {
        Self::default()
    }

    /// Each statement sees what was committed before it.
    pub fn read_committed(self) -> Self {
        self.isolated("READ COMMITTED")
    }

    /// All statements see what was committed before the first.
    pub fn repeatable_read(self) -> Self {
        self.isolated("REPEATABLE READ")
    }

    /// Transactions that commit could have run one after the other.
    pub fn serializable(self) -> Self {
        self.isolated("SERIALIZABLE")
    }

    /// Writes are refused.
    pub fn read_only(self) -> Self {
        self.with_access("READ ONLY")
    }

    /// Writes are allowed.
    pub fn read_write(self) -> Self {
        self.with_access("READ WRITE")
    }

    /// One that is serializable and read-only waits until it cannot fail.
    pub fn deferrable(mut self) -> Self {
        self.deferrable = Some("DEFERRABLE");
        self
    }

    /// It does not wait.
    pub fn not_deferrable(mut self) -> Self {
        self.deferrable = Some("NOT DEFERRABLE");
        self
    }

    /// The lock of writers is taken at once.
    pub fn immediate(self) -> Self {
        self.locked("IMMEDIATE")
    }

    /// The lock of writers is taken at once, and nobody reads meanwhile; with a write-ahead log they do.
    pub fn exclusive(self) -> Self {
        self.locked("EXCLUSIVE")
    }

    fn isolated(mut self, level: &'static str) -> Self {
        self.isolation = Some(level);
        self
    }

    fn with_access(mut self, access: &'static str) -> Self {
        self.access = Some(access);
        self
    }

    fn locked(mut self, lock: &'static str) -> Self {
        self.lock = Some(lock);
        self
    }

    /// The statements that open a transaction like this.
    ///
    /// # Errors
    /// [`UnsupportedOption`], as Diesel has errors of a statement that cannot be built.
    pub(crate) fn opening(&self, dialect: Dialect) -> Result<String, Error> {
        let (database, unsupported) = match dialect {
            Dialect::Postgres => ("PostgreSQL", self.lock),
            Dialect::MySql => ("MySQL", self.deferrable.or(self.lock)),
            _ => ("SQLite", self.isolation.or(self.access).or(self.deferrable)),
        };
        if let Some(option) = unsupported {
            let unsupported = UnsupportedOption { option, database };
            return Err(Error::QueryBuilderError(Box::new(unsupported)));
        }
        let mut text = String::new();
        match (dialect, self.isolation) {
            (Dialect::MySql, None) => text.push_str("START TRANSACTION"),
            // What is set is that of the next transaction alone.
            (Dialect::MySql, Some(level)) => {
                let _ = write!(
                    text,
                    "SET TRANSACTION ISOLATION LEVEL {level}; START TRANSACTION"
                );
            }
            (_, None) => text.push_str("BEGIN"),
            (_, Some(level)) => {
                let _ = write!(text, "BEGIN ISOLATION LEVEL {level}");
            }
        }
        for option in [self.access, self.deferrable, self.lock]
            .into_iter()
            .flatten()
        {
            let _ = write!(text, " {option}");
        }
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_database_has_its_options() {
        let new = TransactionOptions::new;
        let all = new().read_only().serializable().deferrable();
        for (dialect, options, text) in [
            (Dialect::Postgres, new(), "BEGIN"),
            (
                Dialect::Postgres,
                all,
                "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE",
            ),
            (
                Dialect::Postgres,
                all.read_write().not_deferrable().read_committed(),
                "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE NOT DEFERRABLE",
            ),
            (Dialect::MySql, new(), "START TRANSACTION"),
            (
                Dialect::MySql,
                new().read_only(),
                "START TRANSACTION READ ONLY",
            ),
            (
                Dialect::MySql,
                new().repeatable_read(),
                "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; START TRANSACTION",
            ),
            (Dialect::Sqlite, new(), "BEGIN"),
            (Dialect::Sqlite, new().immediate(), "BEGIN IMMEDIATE"),
            (
                Dialect::Sqlite,
                new().immediate().exclusive(),
                "BEGIN EXCLUSIVE",
            ),
        ] {
            assert_eq!(options.opening(dialect), Ok(text.to_owned()));
        }
    }

    #[test]
    fn an_option_of_another_database_is_refused() {
        let new = TransactionOptions::new;
        for (dialect, options, option) in [
            (Dialect::Postgres, new().immediate(), "IMMEDIATE"),
            (Dialect::MySql, new().deferrable(), "DEFERRABLE"),
            (Dialect::MySql, new().exclusive(), "EXCLUSIVE"),
            (Dialect::Sqlite, new().serializable(), "SERIALIZABLE"),
            (Dialect::Sqlite, new().read_only(), "READ ONLY"),
            (Dialect::Sqlite, new().not_deferrable(), "NOT DEFERRABLE"),
        ] {
            let Err(Error::QueryBuilderError(refused)) = options.opening(dialect) else {
                panic!("{option} is there");
            };
            assert_eq!(
                refused.downcast_ref::<UnsupportedOption>().unwrap().option,
                option
            );
        }
    }
}
