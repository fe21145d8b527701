//! The databases by name, and which of them a command means.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A database the tests can run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Database {
    /// SQLite, compiled into the tests.
    Sqlite,
    /// PostgreSQL of one major version.
    Postgres(u8),
    /// MariaDB.
    Mariadb,
}

/// Every database there is.
pub const ALL: [Database; 6] = [
    Database::Sqlite,
    Database::Postgres(15),
    Database::Postgres(16),
    Database::Postgres(17),
    Database::Postgres(18),
    Database::Mariadb,
];

/// What runs when nothing is asked for: each engine, PostgreSQL at both ends of its range.
pub const DEFAULT: [Database; 4] = [
    Database::Sqlite,
    Database::Postgres(15),
    Database::Postgres(18),
    Database::Mariadb,
];

impl Database {
    /// The middle of its variables: `POSTGRES15` in `AUDIT_TEST_POSTGRES15_URL`.
    #[must_use]
    pub fn variable(self) -> String {
        self.to_string().to_uppercase()
    }
}

impl fmt::Display for Database {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite => formatter.write_str("sqlite"),
            Self::Postgres(major) => write!(formatter, "postgres{major}"),
            Self::Mariadb => formatter.write_str("mariadb"),
        }
    }
}

/// A word that names no database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is no database; take one of {}", names(&ALL))]
pub struct UnknownDatabase {
    /// The word.
    pub word: String,
}

impl FromStr for Database {
    type Err = UnknownDatabase;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        ALL.into_iter()
            .find(|database| database.to_string() == word)
            .ok_or_else(|| UnknownDatabase {
                word: word.to_owned(),
            })
    }
}

impl TryFrom<String> for Database {
    type Error = UnknownDatabase;

    fn try_from(word: String) -> Result<Self, Self::Error> {
        word.parse()
    }
}

impl From<Database> for String {
    fn from(database: Database) -> Self {
        database.to_string()
    }
}

/// The names with commas between them.
#[must_use]
pub fn names(databases: &[Database]) -> String {
    databases
        .iter()
        .map(Database::to_string)
        .collect::<Vec<_>>()
        .join(",")
}

/// The options `--db` and `--pg`.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Selection {
    /// Databases: sqlite, postgres15, postgres16, postgres17, postgres18, mariadb or all
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    db: Vec<Words>,
    /// Versions of PostgreSQL, in place of the default ones: 15, 16, 17, 18 or all
    #[arg(long, value_name = "VERSION", value_delimiter = ',')]
    pg: Vec<Versions>,
}

impl Selection {
    /// The databases that are meant, each once, in the order of [`ALL`].
    #[must_use]
    pub fn databases(&self) -> Vec<Database> {
        let mut wanted: Vec<Database> = self.db.iter().flat_map(|words| words.0.clone()).collect();
        if self.db.is_empty() {
            wanted.extend(DEFAULT);
            if !self.pg.is_empty() {
                wanted.retain(|database| !matches!(database, Database::Postgres(_)));
            }
        }
        wanted.extend(self.pg.iter().flat_map(|versions| versions.0.clone()));
        wanted.sort_unstable();
        wanted.dedup();
        wanted
    }

    /// Whether anything was asked for.
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.db.is_empty() && self.pg.is_empty()
    }
}

/// One word of `--db`.
#[derive(Debug, Clone)]
struct Words(Vec<Database>);

impl FromStr for Words {
    type Err = UnknownDatabase;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        match word {
            "all" => Ok(Self(ALL.to_vec())),
            _ => word.parse().map(|database| Self(vec![database])),
        }
    }
}

/// One word of `--pg`.
#[derive(Debug, Clone)]
struct Versions(Vec<Database>);

impl FromStr for Versions {
    type Err = UnknownDatabase;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let is_postgres = |database: &Database| matches!(database, Database::Postgres(_));
        match word {
            "all" => Ok(Self(ALL.into_iter().filter(is_postgres).collect())),
            _ => format!("postgres{word}")
                .parse()
                .map(|database| Self(vec![database])),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        selection: Selection,
    }

    fn chosen(line: &str) -> Result<String, String> {
        Line::try_parse_from(std::iter::once("x").chain(line.split_whitespace()))
            .map(|line| names(&line.selection.databases()))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn the_words_choose_databases() {
        for (line, wanted) in [
            ("", "sqlite,postgres15,postgres18,mariadb"),
            ("--db sqlite", "sqlite"),
            ("--db mariadb,sqlite --db sqlite", "sqlite,mariadb"),
            (
                "--db all",
                "sqlite,postgres15,postgres16,postgres17,postgres18,mariadb",
            ),
            (
                "--pg all",
                "sqlite,postgres15,postgres16,postgres17,postgres18,mariadb",
            ),
            ("--pg 16", "sqlite,postgres16,mariadb"),
            ("--db sqlite --pg 16,17", "sqlite,postgres16,postgres17"),
        ] {
            assert_eq!(chosen(line), Ok(wanted.to_owned()), "{line}");
        }
    }

    #[test]
    fn a_wrong_word_is_refused_and_the_right_ones_named() {
        for line in ["--db postgres14", "--db Sqlite", "--pg 9", "--db ,"] {
            let error = chosen(line).expect_err(line);
            assert!(error.contains("postgres18"), "{error}");
        }
    }

    #[test]
    fn variables_are_upper_case() {
        assert_eq!(Database::Postgres(15).variable(), "POSTGRES15");
        assert_eq!(Database::Mariadb.variable(), "MARIADB");
    }
}
