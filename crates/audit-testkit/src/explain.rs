//! Which indexes a database takes for a statement.

use audit_core::Dialect;
use audit_core::query::{Bind, BoundQuery};

/// How a database is asked for its plan.
#[derive(Debug, Clone, Copy)]
pub struct Explain {
    /// Counts what is there, as plans need it.
    pub analyze: &'static str,
    word: &'static str,
    /// The column that names the index.
    place: usize,
}

impl Explain {
    /// As a dialect has it.
    #[must_use]
    pub fn of(dialect: Dialect) -> Self {
        let (analyze, word, place) = match dialect {
            Dialect::Postgres => ("ANALYZE", "EXPLAIN", 0),
            Dialect::MySql => ("ANALYZE TABLE audit_logs", "EXPLAIN", 5),
            _ => ("ANALYZE", "EXPLAIN QUERY PLAN", 3),
        };
        Self {
            analyze,
            word,
            place,
        }
    }

    /// The statement that asks.
    #[must_use]
    pub fn statement(&self, query: &BoundQuery) -> String {
        format!("{} {}", self.word, with_values(query))
    }

    /// The steps of the plan in what that statement gave.
    #[must_use]
    pub fn plan(&self, rows: &[Vec<Option<String>>]) -> Vec<String> {
        rows.iter()
            .filter_map(|row| row[self.place].clone())
            .collect()
    }
}

/// The statement as it stands with its values in it.
fn with_values(query: &BoundQuery) -> String {
    let mut text = query.text.clone();
    for (index, bind) in query.binds.iter().enumerate().rev() {
        let Bind::Text(value) = bind else {
            panic!("{bind:?} is no text");
        };
        let place = format!("${}", index + 1);
        let place = if text.contains(&place) { &place } else { "?" };
        let at = text.rfind(place).unwrap();
        text.replace_range(at..at + place.len(), &format!("'{value}'"));
    }
    text
}
