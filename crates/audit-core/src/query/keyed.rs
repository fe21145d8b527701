//! Events by their places: the statements that take some of them out of the log.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::query::column::column_texts;
use crate::query::sql::Sql;
use crate::query::{BoundQuery, LogQuery, Position, QueryError};
use crate::schema::{LOG_TABLE, qualified};
use crate::vocabulary::Dialect;

/// What finds each event by the primary key, whatever the planner thinks of their number.
const JOINED: &str = "JSON_TABLE(?, '$[*]' COLUMNS (gone_at DATETIME(6) PATH '$[0]', \
     gone_id CHAR(32) PATH '$[1]')) AS gone STRAIGHT_JOIN";

impl LogQuery {
    /// The statement that gives those of these places at which there is an event of this query, and
    /// keeps the events as they are until the transaction ends. The order, the limit and the position
    /// of the query do not matter.
    ///
    /// # Errors
    /// [`QueryError`] when a filter or a time cannot be.
    pub fn to_locked_positions(
        &self,
        dialect: Dialect,
        now: DateTime<Utc>,
        places: &[Position],
    ) -> Result<BoundQuery, QueryError> {
        self.check(now)?;
        // INVARIANT: the first two columns of the log are its key.
        let columns: Vec<String> = column_texts(dialect).take(2).collect();
        let mut sql = Sql::new(dialect);
        let _ = write!(sql.text, "SELECT {} FROM ", columns.join(", "));
        sql.at(places)?;
        let anywhere = Self {
            after: None,
            ..self.clone()
        };
        anywhere.write_filters(&mut sql, now, None)?;
        sql.text.push_str(match dialect {
            Dialect::MySql => " FOR UPDATE",
            Dialect::Postgres => " FOR UPDATE OF audit_logs",
            Dialect::Sqlite => "",
        });
        Ok(sql.finish())
    }
}

/// The statement that removes the events at these places.
///
/// # Errors
/// [`QueryError`] for a place that cannot be.
pub fn removal(dialect: Dialect, places: &[Position]) -> Result<BoundQuery, QueryError> {
    let mut sql = Sql::new(dialect);
    sql.text.push_str(match dialect {
        Dialect::MySql => "DELETE audit_logs FROM ",
        Dialect::Postgres | Dialect::Sqlite => "DELETE FROM ",
    });
    match dialect {
        Dialect::MySql | Dialect::Sqlite => sql.at(places)?,
        Dialect::Postgres => {
            let list = sql.list(places)?;
            let log = qualified(dialect, LOG_TABLE);
            let _ = write!(
                sql.text,
                "{log} USING json_array_elements({list}::text::json) AS gone(pair)"
            );
            sql.is_gone();
        }
    }
    Ok(sql.finish())
}

impl Sql {
    /// Binds places as one JSON array of pairs.
    fn list(&mut self, places: &[Position]) -> Result<String, QueryError> {
        let pair = |place: &Position| {
            let id = format!("{:X}", place.id.simple());
            Value::from(vec![self.instant_text(place.occurred_at), id])
        };
        let pairs: Vec<Value> = places.iter().map(pair).collect();
        self.bind(&Value::from(pairs).to_string())
    }

    /// The log at these places, with the conditions that say so.
    fn at(&mut self, places: &[Position]) -> Result<(), QueryError> {
        let list = self.list(places)?;
        let log = qualified(self.dialect, LOG_TABLE);
        match self.dialect {
            Dialect::MySql => {
                let _ = write!(self.text, "{JOINED} {log}");
                self.condition("occurred_at = gone_at");
                self.condition("id = UNHEX(gone_id)");
            }
            Dialect::Postgres => {
                let _ = write!(
                    self.text,
                    "json_array_elements({list}::text::json) AS gone(pair), {log}"
                );
                self.is_gone();
            }
            Dialect::Sqlite => {
                // The id alone says which event it is; the time leads to it.
                let _ = write!(self.text, "{log}");
                let part = |place, path| {
                    format!("SELECT json_extract(value, '{path}') FROM json_each({place})")
                };
                self.condition(&format!("occurred_at IN ({})", part(list, "$[0]")));
                let list = self.list(places)?;
                self.condition(&format!("hex(id) IN ({})", part(list, "$[1]")));
            }
        }
        Ok(())
    }

    /// That PostgreSQL's event is at a place of the list.
    fn is_gone(&mut self) {
        self.condition("occurred_at = (pair ->> 0)::timestamptz");
        self.condition("id = (pair ->> 1)::uuid");
    }
}
