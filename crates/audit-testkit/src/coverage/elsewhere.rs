//! What the other databases do with the matter of a case that one has alone.

mod mariadb;
mod postgres;
mod refused;
mod sqlite;

use Elsewhere::{Case, Group, NotThere, Untested};

pub use self::refused::what_only_others_have_is_refused;

/// The outcome on another database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Elsewhere {
    /// A case of the suite, or one of its own, has the same matter.
    Case(&'static str),
    /// A group of its own cases has the same matter.
    Group(&'static str),
    /// The database has no such thing: why, and the page of the vendor.
    NotThere(&'static str, &'static str),
    /// The database has it, and no case looks at it: what there is to know, and the vendor's page.
    Untested(&'static str, &'static str),
}

impl Elsewhere {
    pub(super) fn in_words(self) -> String {
        match self {
            Case(case) => format!("as `{}`", case.replace('_', " ")),
            Group(group) => format!("group `{group}`"),
            NotThere(why, page) => format!("not there: {why} (<{page}>)"),
            Untested(what, page) => format!("no case: {what} (<{page}>)"),
        }
    }
}

/// A case or a whole group, and its outcome on the two other databases, in the order of the page.
pub(super) type Matter = (&'static str, [Elsewhere; 2]);

/// Those of a database by the name of its file: of a case or, where it is not named, of its group.
pub(super) fn of(database: &str) -> &'static [Matter] {
    match database {
        "postgres" => postgres::MATTERS,
        "mariadb" => mariadb::MATTERS,
        _ => sqlite::MATTERS,
    }
}

/// That each refuses what the page says it does not have.
const REFUSED: Elsewhere = Case("what_only_others_have_is_refused");

// What several of them say.
const SQLITE_ACCOUNTS: Elsewhere = NotThere(
    "it has no accounts and no GRANT",
    "https://sqlite.org/omitted.html",
);
const SQLITE_LOAD: Elsewhere = NotThere(
    "no statement reads a file of rows",
    "https://sqlite.org/lang.html",
);
const SQLITE_PARTITIONS: Elsewhere = NotThere(
    "tables have no partitions",
    "https://sqlite.org/lang_createtable.html",
);
const SQLITE_ROUTINES: Elsewhere = NotThere(
    "it has no functions and procedures in SQL",
    "https://sqlite.org/lang.html",
);
const MARIADB_DEFERRED: Elsewhere = NotThere(
    "no constraint waits for the end of the transaction",
    "https://mariadb.com/kb/en/foreign-keys/",
);
const OWN_TRIGGERS: Elsewhere = Case("triggers_of_the_application_are_recorded_in_order");
const PAST_THE_HOOK: Elsewhere = Case("a_connection_taken_past_the_checkout_hook_is_nobodys");
const POSTGRES_REPLACE: Elsewhere = NotThere(
    "no REPLACE is among its statements",
    "https://www.postgresql.org/docs/15/sql-commands.html",
);
