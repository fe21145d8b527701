//! A statement under construction: what every filter is made of.

use std::fmt::Write as _;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::event::TIME_FORMAT;
use crate::query::{Bind, BoundQuery, Position, QueryError};
use crate::vocabulary::Dialect;

/// How many characters of the key of a record an index has, where it has not all of it.
const PREFIX: usize = 128;

/// A statement under construction.
pub(crate) struct Sql {
    pub(crate) dialect: Dialect,
    pub(crate) text: String,
    binds: Vec<Bind>,
    /// What stands before the next condition.
    word: &'static str,
}

impl Sql {
    pub(crate) fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            text: String::with_capacity(2048),
            binds: Vec::new(),
            word: "WHERE",
        }
    }

    /// The next condition is the first one of a SELECT.
    pub(super) fn begin_conditions(&mut self) {
        self.word = "WHERE";
    }

    pub(super) fn condition(&mut self, condition: &str) {
        let _ = write!(self.text, " {} {condition}", self.word);
        self.word = "AND";
    }

    /// That not all of the conditions hold that `write` writes; one that is unknown does not.
    pub(super) fn except(
        &mut self,
        write: impl FnOnce(&mut Self) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        self.condition("((1 = 1");
        write(self)?;
        self.text.push_str(") IS NOT TRUE)");
        Ok(())
    }

    /// That the table is one that a pattern names: its name, or behind its schema and a dot, with `*`
    /// for any characters. Two patterns or more are alternatives.
    pub(super) fn named(&mut self, patterns: &[String]) -> Result<(), QueryError> {
        let mut alternatives = Vec::new();
        for pattern in patterns {
            let name = match (pattern.contains('.'), self.dialect) {
                (false, _) => "table_name",
                (true, Dialect::MySql) => {
                    "COALESCE(CONCAT(table_schema, '.', table_name), table_name)"
                }
                (true, _) => "COALESCE(table_schema || '.' || table_name, table_name)",
            };
            alternatives.push(match (pattern.contains('*'), self.dialect) {
                (false, _) => self.one_of(name, &[pattern])?,
                (true, Dialect::Sqlite) => format!("{name} GLOB {}", self.bind(pattern)?),
                (true, _) => {
                    let like = like(pattern);
                    format!("{name} LIKE {} ESCAPE '!'", self.bind(&like)?)
                }
            });
        }
        self.condition(&format!("({})", alternatives.join(" OR ")));
        Ok(())
    }

    /// Binds a text, and gives the place where it stands.
    pub(crate) fn bind(&mut self, text: &str) -> Result<String, QueryError> {
        if self.dialect == Dialect::Postgres && text.contains('\0') {
            return Err(QueryError::Nul);
        }
        self.binds.push(Bind::Text(text.to_owned()));
        Ok(match self.dialect {
            Dialect::Postgres => format!("${}", self.binds.len()),
            Dialect::MySql | Dialect::Sqlite => "?".to_owned(),
        })
    }

    /// Binds texts, each inside an expression in which `?` stands for its place.
    pub(super) fn bind_all<T: AsRef<str>>(
        &mut self,
        expression: &str,
        texts: &[T],
    ) -> Result<String, QueryError> {
        let places = texts.iter().map(|text| {
            let place = self.bind(text.as_ref())?;
            Ok(expression.replace('?', &place))
        });
        Ok(places.collect::<Result<Vec<_>, QueryError>>()?.join(", "))
    }

    /// That an expression of type text has the bytes of one of these.
    pub(super) fn one_of<T: AsRef<str>>(
        &mut self,
        expression: &str,
        values: &[T],
    ) -> Result<String, QueryError> {
        let places = self.bind_all("?", values)?;
        let is_one = format!("{expression} IN ({places})");
        if self.dialect != Dialect::MySql {
            return Ok(is_one);
        }
        // There texts are equal that differ in the spaces at their ends; the first comparison is
        // the one of the indexes.
        let bytes = self.bind_all("CAST(? AS BINARY)", values)?;
        Ok(format!(
            "({is_one} AND CAST({expression} AS BINARY) IN ({bytes}))"
        ))
    }

    /// As [`Self::one_of`], for the key of a record, of which there may be a prefix in the index.
    pub(super) fn one_of_indexed<T: AsRef<str>>(
        &mut self,
        column: &str,
        values: &[T],
    ) -> Result<String, QueryError> {
        if values.is_empty() {
            return Err(QueryError::NoValue {
                filter: "record_id",
            });
        }
        let Some(prefix) = self.prefix_of(column) else {
            return self.one_of(column, values);
        };
        // A shorter key is its own prefix, and MariaDB takes an instant to an index alone that has all
        // that is asked for.
        let is_short = |value: &T| value.as_ref().chars().count() < PREFIX;
        if self.dialect == Dialect::MySql && values.iter().all(is_short) {
            return self.one_of(&prefix, values);
        }
        let places = self.bind_all(&format!("left(?, {PREFIX})"), values)?;
        let is_one = self.one_of(column, values)?;
        Ok(format!("({prefix} IN ({places}) AND {is_one})"))
    }

    /// What the index has of the key of a record, where that is another expression than the column.
    fn prefix_of(&self, column: &str) -> Option<String> {
        match (self.dialect, column) {
            (Dialect::Postgres, _) => Some(format!("left({column}, {PREFIX})")),
            (Dialect::MySql, "record_id") => Some("record_prefix".to_owned()),
            (Dialect::MySql | Dialect::Sqlite, _) => None,
        }
    }

    /// That it is of no record, by the index of records.
    pub(super) fn no_record(&mut self) {
        if let Some(prefix) = self.prefix_of("record_id") {
            self.condition(&format!("{prefix} IS NULL"));
        }
        self.condition("record_id IS NULL");
    }

    /// An instant as the database compares it.
    pub(super) fn instant_text(&self, instant: DateTime<Utc>) -> String {
        match self.dialect {
            Dialect::MySql => instant.format("%Y-%m-%d %H:%M:%S%.6f").to_string(),
            Dialect::Postgres | Dialect::Sqlite => instant.format(TIME_FORMAT).to_string(),
        }
    }

    /// Binds an instant, and gives the place where it stands.
    pub(crate) fn instant(&mut self, instant: DateTime<Utc>) -> Result<String, QueryError> {
        let place = self.bind(&self.instant_text(instant))?;
        Ok(match self.dialect {
            Dialect::Postgres => format!("{place}::text::timestamptz"),
            Dialect::MySql | Dialect::Sqlite => place,
        })
    }

    /// That it happened before, at or after a time.
    pub(super) fn time(
        &mut self,
        comparison: &str,
        instant: DateTime<Utc>,
    ) -> Result<(), QueryError> {
        let place = self.instant(instant)?;
        self.condition(&format!("occurred_at {comparison} {place}"));
        Ok(())
    }

    /// What an id is compared by: SQLite has no function from digits to bytes in every version, and
    /// the digits have the order of the bytes.
    fn id_compared(&self) -> &'static str {
        match self.dialect {
            Dialect::Sqlite => "hex(id)",
            Dialect::MySql | Dialect::Postgres => "id",
        }
    }

    fn bind_ids(&mut self, ids: &[Uuid]) -> Result<String, QueryError> {
        let digits = ids.iter().map(|id| format!("{:X}", id.simple()));
        let digits: Vec<String> = digits.collect();
        let place = match self.dialect {
            Dialect::MySql => "UNHEX(?)",
            Dialect::Postgres => "?::text::uuid",
            Dialect::Sqlite => "?",
        };
        self.bind_all(place, &digits)
    }

    /// That it is one of these events. The time in an id is the one of its event, and the way to it.
    pub(super) fn id(&mut self, ids: &[Uuid]) -> Result<(), QueryError> {
        let times: Option<Vec<DateTime<Utc>>> = ids.iter().copied().map(milliseconds).collect();
        let first = times.as_ref().and_then(|times| times.iter().min());
        let last = times.as_ref().and_then(|times| times.iter().max());
        if let (Some(first), Some(last)) = (first, last) {
            self.time(">=", *first)?;
            self.time("<", *last + TimeDelta::milliseconds(1))?;
        }
        let places = self.bind_ids(ids)?;
        let id = self.id_compared();
        self.condition(&format!("{id} IN ({places})"));
        Ok(())
    }

    /// That it comes behind a position, in rising or falling order. The time stands alone as well,
    /// because MariaDB takes a pair to no index.
    pub(super) fn behind(&mut self, position: Position, rising: bool) -> Result<(), QueryError> {
        let (or_equal, beyond) = if rising { (">=", ">") } else { ("<=", "<") };
        self.time(or_equal, position.occurred_at)?;
        let time = self.instant(position.occurred_at)?;
        let id = self.bind_ids(&[position.id])?;
        let compared = self.id_compared();
        self.condition(&format!(
            "(occurred_at {beyond} {time} OR {compared} {beyond} {id})"
        ));
        Ok(())
    }

    pub(crate) fn finish(self) -> BoundQuery {
        BoundQuery {
            text: self.text,
            binds: self.binds,
        }
    }
}

/// A pattern with `*` for any characters as one of LIKE, whose escape is `!`.
fn like(pattern: &str) -> String {
    let mut like = String::with_capacity(pattern.len());
    for character in pattern.chars() {
        match character {
            '*' => like.push('%'),
            '%' | '_' | '!' => like.extend(['!', character]),
            other => like.push(other),
        }
    }
    like
}

/// The milliseconds in a UUIDv7; `None` for any other id, and for one beyond the years of the log.
fn milliseconds(id: Uuid) -> Option<DateTime<Utc>> {
    let (seconds, nanoseconds) = id
        .get_timestamp()
        .filter(|_| id.get_version_num() == 7)?
        .to_unix();
    let instant = DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanoseconds)?;
    (instant.timestamp() < 250_000_000_000).then_some(instant)
}
