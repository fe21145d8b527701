//! What keeps events whatever the policies say.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};

use super::selection::Selection;
use super::{PLACE_HOLD, RELEASE_HOLD};
use crate::query::sql::Sql;
use crate::query::{BoundQuery, QueryError, time_text};
use crate::schema::{HOLDS_TABLE, qualified};
use crate::vocabulary::{Dialect, Severity};
use crate::{Event, ManualEvent};

/// A legal hold: no purge takes the events that it selects, until it is released.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hold {
    /// Its name, such as the number of a case; no two holds ever have the same.
    pub name: String,
    /// The events that it keeps, those that are still to come among them.
    pub selection: Selection,
    /// Why it was placed.
    pub reason: String,
    /// When it was placed, by the clock of who did it.
    pub placed_at: DateTime<Utc>,
    /// Who placed it.
    pub placed_by: Option<String>,
    /// When it was released; `None` while it holds.
    pub released_at: Option<DateTime<Utc>>,
    /// Who released it.
    pub released_by: Option<String>,
}

/// A hold that is to be placed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct NewHold {
    name: String,
    reason: String,
    selection: Selection,
}

/// A stored hold cannot be read, so nobody knows what it keeps.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the hold `{name}` cannot be read ({problem}), so nothing is purged; use the version that wrote it"
)]
pub struct StoredHoldError {
    name: String,
    problem: String,
}

impl Hold {
    /// Reads a hold from the texts of a row that [`holds`] gives.
    ///
    /// # Errors
    /// [`StoredHoldError`] for a selection that another version wrote, or a time that is none.
    pub fn from_texts(texts: &[Option<String>]) -> Result<Self, StoredHoldError> {
        let text = |place: usize| texts.get(place).cloned().flatten();
        let name = text(0).unwrap_or_default();
        let wrong = |problem: String| StoredHoldError {
            name: name.clone(),
            problem,
        };
        let selection = text(1).unwrap_or_default();
        let selection = serde_json::from_str(&selection);
        let instant = |place| {
            let instant = text(place).map(|text| text.parse::<DateTime<Utc>>());
            instant
                .transpose()
                .map_err(|error| wrong(error.to_string()))
        };
        Ok(Self {
            selection: selection.map_err(|error| wrong(error.to_string()))?,
            reason: text(2).unwrap_or_default(),
            placed_at: instant(3)?.ok_or_else(|| wrong("it has no time".to_owned()))?,
            placed_by: text(4),
            released_at: instant(5)?,
            released_by: text(6),
            name,
        })
    }

    /// Whether it keeps events now.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.released_at.is_none()
    }

    /// The statement that releases a hold of this name, as an actor.
    ///
    /// # Errors
    /// [`QueryError::Nul`] for a text that PostgreSQL cannot hold.
    pub fn release(
        name: &str,
        dialect: Dialect,
        now: DateTime<Utc>,
        actor: Option<&str>,
    ) -> Result<BoundQuery, QueryError> {
        let mut sql = Sql::new(dialect);
        let table = qualified(dialect, HOLDS_TABLE);
        let at = sql.instant(now)?;
        let by = optional(&mut sql, actor)?;
        let name = sql.bind(name)?;
        let _ = write!(
            sql.text,
            "UPDATE {table} SET released_at = {at}, released_by = {by} WHERE name = {name}"
        );
        Ok(sql.finish())
    }

    /// The event that tells of its release.
    #[must_use]
    pub fn released(&self, reason: &str) -> ManualEvent {
        event(RELEASE_HOLD, &self.name, &self.selection, reason)
    }
}

impl NewHold {
    /// A hold of every event, unless [`Self::select`] narrows it, and why it is placed.
    pub fn new(name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            reason: reason.into(),
            selection: Selection::default(),
        }
    }

    /// The events that it keeps.
    pub fn select(mut self, selection: Selection) -> Self {
        self.selection = selection;
        self
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What is wrong with it, in words; `None` when it can be placed.
    #[must_use]
    pub fn problem(&self) -> Option<&'static str> {
        let is_long = self.name.len() > Self::LONGEST_NAME;
        let (since, until) = (self.selection.since, self.selection.until);
        let is_nothing = since
            .zip(until)
            .is_some_and(|(since, until)| since >= until);
        match () {
            () if self.name.trim().is_empty() => Some("it has no name; give it one"),
            () if is_long => Some("its name is longer than 190 bytes; shorten it"),
            () if self.reason.trim().is_empty() => Some("it has no reason; say why it is placed"),
            () if self.selection.invalid_table().is_some() => {
                Some("the name of a table has no pattern but `*`, for any characters")
            }
            () if is_nothing => Some("nothing lies between its times; give an earlier `since`"),
            () => None,
        }
    }

    /// The longest name, in bytes.
    pub const LONGEST_NAME: usize = 190;

    /// The statement that places it, as an actor.
    ///
    /// # Errors
    /// [`QueryError::Nul`] for a text that PostgreSQL cannot hold.
    pub fn place(
        &self,
        dialect: Dialect,
        now: DateTime<Utc>,
        actor: Option<&str>,
    ) -> Result<BoundQuery, QueryError> {
        let mut sql = Sql::new(dialect);
        let table = qualified(dialect, HOLDS_TABLE);
        // INVARIANT: no part of a selection has a form that JSON does not have.
        let selection = serde_json::to_string(&self.selection).unwrap_or_default();
        let (name, selection, reason) = (
            sql.bind(&self.name)?,
            sql.bind(&selection)?,
            sql.bind(&self.reason)?,
        );
        let json = match dialect {
            Dialect::Postgres => "::text::json",
            Dialect::MySql | Dialect::Sqlite => "",
        };
        let at = sql.instant(now)?;
        let by = optional(&mut sql, actor)?;
        let _ = write!(
            sql.text,
            "INSERT INTO {table} (name, selection, reason, placed_at, placed_by) \
             VALUES ({name}, {selection}{json}, {reason}, {at}, {by})"
        );
        Ok(sql.finish())
    }

    /// The event that tells of it.
    #[must_use]
    pub fn placed(&self) -> ManualEvent {
        event(PLACE_HOLD, &self.name, &self.selection, &self.reason)
    }
}

fn optional(sql: &mut Sql, text: Option<&str>) -> Result<String, QueryError> {
    match text {
        Some(text) => sql.bind(text),
        None => Ok("NULL".to_owned()),
    }
}

fn event(action: &str, name: &str, selection: &Selection, reason: &str) -> ManualEvent {
    let selection = serde_json::to_value(selection).unwrap_or_default();
    Event::custom(action)
        .record(HOLDS_TABLE, name)
        .severity(Severity::High)
        .reason(reason)
        .metadata("selection", selection)
}

/// The statement that gives every hold, the oldest first; [`Hold::from_texts`] reads its rows. With
/// `is_locking` it sees what is there at the moment, whatever the transaction has read before: the
/// caller has run [`exclusion`].
#[must_use]
pub fn holds(dialect: Dialect, is_locking: bool) -> BoundQuery {
    let table = qualified(dialect, HOLDS_TABLE);
    let json = match dialect {
        Dialect::Postgres => "::text",
        Dialect::MySql | Dialect::Sqlite => "",
    };
    let (placed, released) = (
        time_text(dialect, "placed_at"),
        time_text(dialect, "released_at"),
    );
    let lock = match dialect {
        Dialect::MySql if is_locking => " LOCK IN SHARE MODE",
        _ => "",
    };
    BoundQuery::plain(format!(
        "SELECT name, selection{json}, reason, {placed}, placed_by, {released}, released_by \
         FROM {table} WHERE name <> '' ORDER BY placed_at, name{lock}"
    ))
}

/// The statement that keeps others from placing and releasing holds, and from removing events, until
/// the transaction ends. It waits until they have ended.
#[must_use]
pub fn exclusion(dialect: Dialect) -> BoundQuery {
    let table = qualified(dialect, HOLDS_TABLE);
    BoundQuery::plain(match dialect {
        // A row that is locked whether it was there or not, at every level of isolation.
        Dialect::MySql => format!(
            "INSERT INTO {table} (name, selection, reason, placed_at) \
             VALUES ('', '{{}}', '', UTC_TIMESTAMP(6)) ON DUPLICATE KEY UPDATE name = ''"
        ),
        Dialect::Postgres => format!("LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE"),
        // Whoever writes excludes all others there.
        Dialect::Sqlite => format!("UPDATE {table} SET name = name WHERE name = ''"),
    })
}
