//! Everything that a database has besides rows, as texts: what two databases are compared by.

use std::collections::BTreeSet;

use audit_core::Dialect;

use crate::database::Raw;

/// Schemas, tables with their columns, defaults, constraints and CHECKs, indexes, views, triggers,
/// functions and grants, of the application and of the audit log alike; without what differs from
/// one making to the next, such as numbers of objects and the name of the database.
///
/// Two columns: the kind of thing and its name, and how it is defined.
fn query(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Postgres => include_str!("catalog/postgres.sql"),
        Dialect::MySql => include_str!("catalog/mysql.sql"),
        // What made a thing is kept as it was written, with everything in it. There are no
        // functions and no grants.
        _ => "SELECT type || ' ' || name, coalesce(sql, tbl_name) FROM sqlite_schema ORDER BY 1, 2",
    }
}

/// What a database has, one text a thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalog(BTreeSet<String>);

impl Catalog {
    /// Reads that of a connection's database.
    pub async fn read(raw: &mut Raw, dialect: Dialect) -> Self {
        let rows = raw.texts(query(dialect)).await;
        let text = |row: Vec<_>| row.into_iter().flatten().collect::<Vec<_>>().join(": ");
        Self(rows.into_iter().map(text).collect())
    }

    /// Fails with what is different, unless both are the same.
    pub fn assert_is(&self, wanted: &Self, when: &str) {
        let lost = wanted.0.difference(&self.0);
        let new = self.0.difference(&wanted.0);
        let lost = lost.map(|line| format!("is lost: {}", Self::head(line)));
        let new = new.map(|line| format!("is new: {}", Self::head(line)));
        let differences: Vec<_> = lost.chain(new).collect();
        assert!(differences.is_empty(), "{when}: {differences:#?}");
    }

    /// Enough of a text to know what it is: the bodies of triggers have pages.
    fn head(line: &str) -> String {
        line.chars().take(200).collect()
    }
}
