//! Reading the log, as text and binds: each adapter runs the same statement its own way.

use std::fmt::Write as _;

use chrono::{DateTime, TimeDelta, Utc};

use crate::event::TIME_FORMAT;
use crate::schema::{Column, ColumnKind, LOG_COLUMNS, LOG_TABLE};
use crate::vocabulary::{Dialect, Operation};

/// A value bound to a placeholder.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Bind {
    /// Bytes that are a secret: they are bound and never written into a statement's text.
    Bytes(Vec<u8>),
    /// A whole number.
    Integer(i64),
    /// A text; instants are bound as texts in RFC 3339.
    Text(String),
}

/// A statement and its binds, in the order of its placeholders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoundQuery {
    /// The statement.
    pub text: String,
    /// The binds.
    pub binds: Vec<Bind>,
}

impl BoundQuery {
    /// A statement without binds.
    #[must_use]
    pub fn plain(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            binds: Vec::new(),
        }
    }
}

/// A query that cannot be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// A time is neither a duration nor an instant.
    #[error(
        "`{text}` is no time; write a duration such as `90m`, `24h`, `30d`, `2w` or an instant such as `2026-01-31T09:00:00Z`"
    )]
    InvalidTime {
        /// The text.
        text: String,
    },
    /// The limit is zero or above the maximum.
    #[error("the limit is {limit}; ask for 1 to {maximum} events at once")]
    InvalidLimit {
        /// The limit.
        limit: u32,
        /// The maximum.
        maximum: u32,
    },
}

/// Which events to read, newest first. Every setter narrows it and gives a new query.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
pub struct LogQuery {
    table: Option<String>,
    record: Option<String>,
    actor: Option<String>,
    operation: Option<Operation>,
    request: Option<String>,
    since: Option<String>,
    limit: Option<u32>,
    oldest_first: bool,
}

impl LogQuery {
    /// The most events that one query gives.
    pub const MAX_LIMIT: u32 = 10_000;
    /// The events that a query gives unless told otherwise.
    pub const DEFAULT_LIMIT: u32 = 100;

    /// Every event.
    pub fn new() -> Self {
        Self::default()
    }

    /// Events of this table.
    pub fn table(mut self, name: impl Into<String>) -> Self {
        self.table = Some(name.into());
        self
    }

    /// Events of this record, under its present or its previous id.
    pub fn record(mut self, id: impl Into<String>) -> Self {
        self.record = Some(id.into());
        self
    }

    /// Events of this actor.
    pub fn actor(mut self, id: impl Into<String>) -> Self {
        self.actor = Some(id.into());
        self
    }

    /// Events of this operation.
    pub fn operation(mut self, operation: Operation) -> Self {
        self.operation = Some(operation);
        self
    }

    /// Events of this request.
    pub fn request(mut self, id: impl Into<String>) -> Self {
        self.request = Some(id.into());
        self
    }

    /// Events at or after a time: a duration before now (`90m`, `24h`, `30d`, `2w`) or an instant
    /// in RFC 3339. It is read when the query runs.
    pub fn since(mut self, time: impl Into<String>) -> Self {
        self.since = Some(time.into());
        self
    }

    /// At most this many; [`Self::DEFAULT_LIMIT`] unless set.
    pub fn limit(mut self, limit: u32) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Oldest first instead of newest first.
    pub fn oldest_first(mut self) -> Self {
        self.oldest_first = true;
        self
    }

    /// The statement in a dialect. `log_table` is the quoted name of `audit_logs` where it is not
    /// on the search path.
    ///
    /// # Errors
    /// [`QueryError`] when a time or the limit cannot be.
    pub fn to_sql(
        &self,
        dialect: Dialect,
        log_table: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<BoundQuery, QueryError> {
        let limit = self.limit.unwrap_or(Self::DEFAULT_LIMIT);
        if limit == 0 || limit > Self::MAX_LIMIT {
            return Err(QueryError::InvalidLimit {
                limit,
                maximum: Self::MAX_LIMIT,
            });
        }
        let since = self
            .since
            .as_deref()
            .map(|text| instant(text, now))
            .transpose()?;
        let direction = if self.oldest_first { "" } else { " DESC" };
        let end = format!(" ORDER BY occurred_at{direction}, id{direction} LIMIT {limit}");
        let log = log_table.unwrap_or(LOG_TABLE);
        let mut sql = Sql::new(dialect);
        sql.select_columns();
        match &self.record {
            None => {
                let _ = write!(sql.text, " FROM {log}");
                self.narrow(&mut sql, since);
            }
            Some(record) => self.narrow_to_record(&mut sql, log, record, since, &end),
        }
        sql.text.push_str(&end);
        Ok(BoundQuery {
            text: sql.text,
            binds: sql.binds,
        })
    }

    fn narrow(&self, sql: &mut Sql, since: Option<DateTime<Utc>>) {
        sql.equals("table_name", self.table.as_deref());
        sql.equals("actor_id", self.actor.as_deref());
        sql.equals("operation", self.operation.map(Operation::as_str));
        sql.equals("request_id", self.request.as_deref());
        if let Some(since) = since {
            sql.since(since);
        }
    }

    /// A record is found by the key that it has and by the one that it had: one look each, because
    /// no index serves both, and the rest of the rows only of what is found.
    fn narrow_to_record(
        &self,
        sql: &mut Sql,
        log: &str,
        record: &str,
        since: Option<DateTime<Utc>>,
        end: &str,
    ) {
        sql.text.push_str(" FROM (");
        for (column, before) in [("record_id", ""), ("previous_record_id", " UNION ")] {
            let _ = write!(
                sql.text,
                "{before}SELECT * FROM (SELECT occurred_at, id FROM {log}"
            );
            sql.conditions = 0;
            sql.equals_indexed(column, record);
            self.narrow(sql, since);
            let _ = write!(sql.text, "{end}) AS by_{column}");
        }
        let _ = write!(sql.text, ") AS found JOIN {log} USING (occurred_at, id)");
    }
}

/// A statement under construction.
struct Sql {
    dialect: Dialect,
    text: String,
    binds: Vec<Bind>,
    conditions: usize,
}

impl Sql {
    fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            text: String::with_capacity(2048),
            binds: Vec::new(),
            conditions: 0,
        }
    }

    fn select_columns(&mut self) {
        let columns: Vec<String> = column_texts(self.dialect).collect();
        let _ = write!(self.text, "SELECT {}", columns.join(", "));
    }

    fn placeholder(&mut self, bind: Bind) -> String {
        self.binds.push(bind);
        match self.dialect {
            Dialect::Postgres => format!("${}", self.binds.len()),
            Dialect::MySql | Dialect::Sqlite => "?".to_owned(),
        }
    }

    fn condition(&mut self, condition: &str) {
        let word = if self.conditions == 0 { "WHERE" } else { "AND" };
        self.conditions += 1;
        let _ = write!(self.text, " {word} {condition}");
    }

    fn equals(&mut self, column: &str, value: Option<&str>) {
        if let Some(value) = value {
            let place = self.placeholder(Bind::Text(value.to_owned()));
            self.condition(&format!("{column} = {place}"));
        }
    }

    /// As [`Self::equals`], for a column of which PostgreSQL has a prefix in its index.
    fn equals_indexed(&mut self, column: &str, value: &str) {
        if self.dialect == Dialect::Postgres {
            let place = self.placeholder(Bind::Text(value.to_owned()));
            self.condition(&format!("left({column}, 128) = left({place}, 128)"));
        }
        self.equals(column, Some(value));
    }

    fn since(&mut self, since: DateTime<Utc>) {
        let text = match self.dialect {
            Dialect::MySql => since.format("%Y-%m-%d %H:%M:%S%.6f").to_string(),
            Dialect::Postgres | Dialect::Sqlite => since.format(TIME_FORMAT).to_string(),
        };
        let place = self.placeholder(Bind::Text(text));
        let place = match self.dialect {
            Dialect::Postgres => format!("{place}::text::timestamptz"),
            Dialect::MySql | Dialect::Sqlite => place,
        };
        self.condition(&format!("occurred_at >= {place}"));
    }
}

/// The expressions that give each column of `audit_logs`, in their order, as the texts that
/// [`Event::from_texts`](crate::Event::from_texts) reads.
pub fn column_texts(dialect: Dialect) -> impl Iterator<Item = String> {
    let columns = LOG_COLUMNS.iter();
    columns.map(move |column| as_text(dialect, *column))
}

/// The expression that gives a column as the text that `Event::from_texts` reads.
fn as_text(dialect: Dialect, column: Column) -> String {
    let name = column.name;
    match (dialect, column.kind) {
        (Dialect::Postgres, ColumnKind::Time) => {
            format!("to_char({name} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')")
        }
        (Dialect::Postgres, ColumnKind::List) => format!("to_json({name})::text"),
        (Dialect::Postgres, ColumnKind::Text) => name.to_owned(),
        (Dialect::Postgres, _) => format!("{name}::text"),
        (Dialect::Sqlite, ColumnKind::Uuid) => format!("lower(hex({name}))"),
        (Dialect::Sqlite, ColumnKind::Integer) => format!("CAST({name} AS TEXT)"),
        (Dialect::MySql, ColumnKind::Uuid) => format!("LOWER(HEX({name}))"),
        (Dialect::MySql, ColumnKind::Time) => {
            format!("DATE_FORMAT({name}, '%Y-%m-%dT%H:%i:%s.%fZ')")
        }
        (Dialect::MySql, ColumnKind::Integer) => format!("CAST({name} AS CHAR)"),
        (Dialect::Sqlite | Dialect::MySql, ColumnKind::Boolean) => {
            format!("CASE {name} WHEN 1 THEN 'true' WHEN 0 THEN 'false' END")
        }
        (Dialect::Sqlite | Dialect::MySql, _) => name.to_owned(),
    }
}

/// Reads a duration before `now` or an instant.
fn instant(text: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, QueryError> {
    let invalid = || QueryError::InvalidTime {
        text: text.to_owned(),
    };
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(time.with_timezone(&Utc));
    }
    let split = text
        .find(|c: char| !c.is_ascii_digit())
        .ok_or_else(invalid)?;
    let (count, unit) = text.split_at(split);
    let count: i64 = count.parse().map_err(|_| invalid())?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return Err(invalid()),
    };
    count
        .checked_mul(seconds)
        .and_then(TimeDelta::try_seconds)
        .and_then(|span| now.checked_sub_signed(span))
        .ok_or_else(invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-01-31T09:00:00Z".parse().unwrap()
    }

    fn conditions(query: &LogQuery, dialect: Dialect) -> (String, Vec<Bind>) {
        let bound = query.to_sql(dialect, None, now()).unwrap();
        let (_, rest) = bound.text.split_once(" FROM ").unwrap();
        (rest.to_owned(), bound.binds)
    }

    #[test]
    fn values_are_bound_and_never_in_the_text() {
        let query = LogQuery::new()
            .table("users'; --")
            .record("42")
            .since("24h")
            .limit(5);
        let (text, binds) = conditions(&query, Dialect::Postgres);
        assert_eq!(
            text,
            "(SELECT * FROM (SELECT occurred_at, id FROM audit_logs WHERE left(record_id, 128) = \
             left($1, 128) AND record_id = $2 AND table_name = $3 AND occurred_at >= \
             $4::text::timestamptz ORDER BY occurred_at DESC, id DESC LIMIT 5) AS by_record_id \
             UNION SELECT * FROM (SELECT occurred_at, id FROM audit_logs WHERE \
             left(previous_record_id, 128) = left($5, 128) AND previous_record_id = $6 AND \
             table_name = $7 AND occurred_at >= $8::text::timestamptz ORDER BY occurred_at DESC, id \
             DESC LIMIT 5) AS by_previous_record_id) AS found JOIN audit_logs USING (occurred_at, \
             id) ORDER BY occurred_at DESC, id DESC LIMIT 5"
        );
        assert_eq!(
            binds[3],
            Bind::Text("2026-01-30T09:00:00.000000Z".to_owned())
        );
    }

    #[test]
    fn an_empty_query_has_no_condition() {
        let (text, binds) = conditions(&LogQuery::new().oldest_first(), Dialect::Sqlite);
        assert_eq!(text, "audit_logs ORDER BY occurred_at, id LIMIT 100");
        assert!(binds.is_empty());
    }

    #[test]
    fn what_cannot_be_asked_is_refused() {
        for text in [
            "",
            "24",
            "h",
            "5y",
            "-1d",
            "99999999999999999999d",
            "9999999999999w",
        ] {
            let error = LogQuery::new()
                .since(text)
                .to_sql(Dialect::Sqlite, None, now());
            assert_eq!(
                error,
                Err(QueryError::InvalidTime {
                    text: text.to_owned()
                })
            );
        }
        let error = LogQuery::new()
            .limit(0)
            .to_sql(Dialect::Sqlite, None, now())
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "the limit is 0; ask for 1 to 10000 events at once"
        );
    }
}
