//! How long events are kept.

use std::collections::HashSet;

use chrono::{DateTime, Datelike as _, TimeDelta, Utc};
use serde::Deserialize;

use super::hold::Hold;
use super::own;
use super::selection::Selection;
use crate::query::{LogQuery, before};

/// How long events of a selection are kept.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[must_use]
pub struct Policy {
    name: String,
    keep: String,
    #[serde(default)]
    select: Selection,
}

impl Policy {
    /// Events are kept for a span of time, such as `90d`, `26w`, `18mo` or `7y`; months and years are
    /// those of the calendar. All events, unless [`Policy::select`] narrows it.
    pub fn new(name: impl Into<String>, keep: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            keep: keep.into(),
            select: Selection::default(),
        }
    }

    /// The events that it is for.
    pub fn select(mut self, selection: Selection) -> Self {
        self.select = selection;
        self
    }

    /// Its name, by which a purge tells what it did.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    fn check(&self) -> Result<(), RetentionError> {
        let policy = || self.name.clone();
        if self.name.trim().is_empty() {
            return Err(RetentionError::NoName);
        }
        if let Some(table) = self.select.invalid_table() {
            return Err(RetentionError::InvalidTable {
                policy: policy(),
                table: table.to_owned(),
            });
        }
        if self.select.since.is_some() || self.select.until.is_some() {
            return Err(RetentionError::Bounded { policy: policy() });
        }
        self.cutoff(DateTime::UNIX_EPOCH + TimeDelta::days(365_000))?;
        Ok(())
    }

    /// The instant before which events have been kept for long enough.
    fn cutoff(&self, now: DateTime<Utc>) -> Result<DateTime<Utc>, RetentionError> {
        let is_kept = |cutoff: &DateTime<Utc>| {
            // Every database has the years from 1 on.
            now - *cutoff >= Retention::SHORTEST && cutoff.year() >= 1
        };
        let cutoff = before(&self.keep, now).filter(is_kept);
        cutoff.ok_or_else(|| RetentionError::InvalidSpan {
            policy: self.name.clone(),
            keep: self.keep.clone(),
        })
    }
}

/// Policies that cannot work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RetentionError {
    /// A policy is bounded by instants, which are for holds.
    #[error("the policy `{policy}` has `since` or `until`, which are for holds; say `keep` alone")]
    Bounded {
        /// The policy.
        policy: String,
    },
    /// Two policies have one name.
    #[error("two policies are named `{policy}`; give one of them another name")]
    Duplicate {
        /// The name.
        policy: String,
    },
    /// The span of a policy is none, is shorter than a day, or begins before there were years.
    #[error(
        "the policy `{policy}` keeps for `{keep}`; write a span of at least a day such as `90d`, `26w`, `18mo` or `7y`"
    )]
    InvalidSpan {
        /// The policy.
        policy: String,
        /// The span.
        keep: String,
    },
    /// The pattern of a table cannot be read.
    #[error(
        "the policy `{policy}` is for the table `{table}`; write a name, with `*` for any characters"
    )]
    InvalidTable {
        /// The policy.
        policy: String,
        /// The pattern.
        table: String,
    },
    /// A policy has no name.
    #[error("a policy has no name; give each one, by which a purge tells what it did")]
    NoName,
    /// There is no policy of this name.
    #[error("there is no policy `{policy}`; there are {known}")]
    UnknownPolicy {
        /// The name.
        policy: String,
        /// The names that there are.
        known: String,
    },
}

/// The policies of a log. An event for which there are several is kept as long as the longest of them
/// says, one for which there is none is kept for ever, and so are the events that tell of purges, of holds
/// and of partitions that left.
///
/// ```
/// use audit_core::retention::{Policy, Retention, Selection};
/// use audit_core::Severity;
///
/// let everyday = Selection::new().severity([Severity::Low, Severity::Medium]);
/// let books = Selection::new().table("invoices").compliance(["SOX", "HGB"]);
/// let retention = Retention::new([
///     Policy::new("everyday", "90d").select(everyday),
///     Policy::new("books", "10y").select(books),
/// ])?;
///
/// // The same in a file, one `[[retention]]` a policy.
/// #[derive(serde::Deserialize)]
/// struct File {
///     retention: Retention,
/// }
/// let file: File = toml::from_str(r#"
///     [[retention]]
///     name = "everyday"
///     keep = "90d"
///     select = { severity = ["low", "medium"] }
///
///     [[retention]]
///     name = "books"
///     keep = "10y"
///     select = { table = ["invoices"], compliance = ["SOX", "HGB"] }
/// "#)?;
/// assert_eq!(file.retention, retention);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<Policy>")]
#[must_use]
pub struct Retention {
    policies: Vec<Policy>,
}

/// What a policy lets go at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Due {
    /// The name of the policy.
    pub policy: String,
    /// How long it keeps events, in its own words.
    pub keep: String,
    /// Events before this instant have been kept for long enough.
    pub cutoff: DateTime<Utc>,
    /// The events, oldest first, also those that a hold keeps. No event is one of two policies.
    pub query: LogQuery,
}

/// What is kept at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Kept {
    /// The policy that keeps it; `None` for what is kept because no policy is for it.
    pub policy: Option<String>,
    /// The events. One may be kept by several policies.
    pub query: LogQuery,
}

impl Due {
    /// Those of the events that none of these holds keeps; a hold that was released keeps nothing.
    pub fn without_held(&self, holds: &[Hold]) -> LogQuery {
        let holds = holds.iter().filter(|hold| hold.is_active());
        holds.fold(self.query.clone(), |query, hold| {
            query.except(hold.selection.query())
        })
    }
}

impl Retention {
    /// The shortest time that a policy keeps events: a day.
    pub const SHORTEST: TimeDelta = TimeDelta::days(1);

    /// These policies.
    ///
    /// # Errors
    /// [`RetentionError`] when one of them cannot work.
    pub fn new(policies: impl IntoIterator<Item = Policy>) -> Result<Self, RetentionError> {
        let policies: Vec<Policy> = policies.into_iter().collect();
        let mut names = HashSet::new();
        for policy in &policies {
            policy.check()?;
            if !names.insert(policy.name()) {
                return Err(RetentionError::Duplicate {
                    policy: policy.name.clone(),
                });
            }
        }
        Ok(Self { policies })
    }

    /// Whether there is no policy.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.policies.is_empty()
    }

    /// What each policy lets go at a moment, those that keep longest first. An event is let go by the
    /// policy that keeps it longest alone.
    ///
    /// # Errors
    /// [`RetentionError::InvalidSpan`] for a span that reaches back beyond the calendar.
    pub fn due(&self, now: DateTime<Utc>) -> Result<Vec<Due>, RetentionError> {
        let cutoffs = self.policies.iter().map(|policy| {
            let cutoff = policy.cutoff(now)?;
            Ok((cutoff, policy))
        });
        let mut cutoffs = cutoffs.collect::<Result<Vec<_>, RetentionError>>()?;
        cutoffs.sort_by_key(|(cutoff, _)| *cutoff);
        let mut kept = LogQuery::new().oldest_first().except(own());
        let mut due = Vec::new();
        for (cutoff, policy) in cutoffs {
            let selected = policy.select.query();
            due.push(Due {
                policy: policy.name.clone(),
                keep: policy.keep.clone(),
                cutoff,
                query: kept.clone().until(cutoff).and(selected.clone()),
            });
            kept = kept.except(selected);
        }
        Ok(due)
    }

    /// What each policy keeps at a moment, and what is kept because there is no policy for it; nothing
    /// where there are no policies at all. The events that tell of purges, holds and partitions are
    /// not among the latter.
    ///
    /// # Errors
    /// As [`Self::due`].
    pub fn kept(&self, now: DateTime<Utc>) -> Result<Vec<Kept>, RetentionError> {
        let mut kept = Vec::new();
        let mut others = LogQuery::new().except(own());
        for policy in &self.policies {
            let selected = policy.select.query();
            kept.push(Kept {
                policy: Some(policy.name.clone()),
                query: selected.clone().since(policy.cutoff(now)?),
            });
            others = others.except(selected);
        }
        if !self.is_empty() {
            kept.push(Kept {
                policy: None,
                query: others,
            });
        }
        Ok(kept)
    }

    /// This policy of them alone. What the others keep longer is let go by none.
    ///
    /// # Errors
    /// As [`Self::due`], and [`RetentionError::UnknownPolicy`] when there is none of the name.
    pub fn due_of(&self, name: &str, now: DateTime<Utc>) -> Result<Vec<Due>, RetentionError> {
        let mut due = self.due(now)?;
        due.retain(|due| due.policy == name);
        match due.is_empty() {
            false => Ok(due),
            true => {
                let names = self
                    .policies
                    .iter()
                    .map(|policy| format!("`{}`", policy.name));
                let known = names.collect::<Vec<_>>().join(", ");
                Err(RetentionError::UnknownPolicy {
                    policy: name.to_owned(),
                    known: if known.is_empty() {
                        "none".to_owned()
                    } else {
                        known
                    },
                })
            }
        }
    }
}

impl TryFrom<Vec<Policy>> for Retention {
    type Error = RetentionError;

    fn try_from(policies: Vec<Policy>) -> Result<Self, RetentionError> {
        Self::new(policies)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::Bind;
    use crate::{Dialect, Severity};

    fn refused(policies: impl IntoIterator<Item = Policy>) -> String {
        Retention::new(policies).unwrap_err().to_string()
    }

    #[test]
    fn what_cannot_work_is_refused() {
        let of = |table: &str| Policy::new("a", "1d").select(Selection::new().table(table));
        for (policies, part) in [
            (vec![Policy::new(" ", "1d")], "has no name"),
            (vec![Policy::new("a", "23h")], "keeps for `23h`"),
            (
                vec![Policy::new("a", "2026-01-31")],
                "keeps for `2026-01-31`",
            ),
            (vec![Policy::new("a", "yesterday")], "keeps for `yesterday`"),
            (vec![Policy::new("a", "for ever")], "at least a day"),
            (vec![Policy::new("a", "9999999y")], "keeps for"),
            (
                vec![Policy::new("a", "1d"), Policy::new("a", "2d")],
                "two policies",
            ),
            (vec![of("tmp_?")], "table `tmp_?`"),
            (vec![of("")], "table ``"),
            (
                vec![Policy::new("a", "1d").select(Selection::new().since(Utc::now()))],
                "which are for holds",
            ),
        ] {
            let error = refused(policies);
            assert!(error.contains(part), "{error}");
        }
        let retention = Retention::new([Policy::new("a", "1d")]).unwrap();
        let unknown = retention.due_of("b", Utc::now()).unwrap_err();
        assert_eq!(unknown.to_string(), "there is no policy `b`; there are `a`");
    }

    #[test]
    fn a_file_is_checked_as_code_is() {
        #[derive(Debug, Deserialize)]
        struct File {
            #[serde(default)]
            retention: Retention,
        }
        let read = |text: &str| toml::from_str::<File>(text);
        assert!(read("").unwrap().retention.is_empty());
        for (text, part) in [
            ("name = 'a'", "keep"),
            ("name = 'a'\nkeep = '1d'\nkept = 1", "kept"),
            ("name = 'a'\nkeep = '1s'", "at least a day"),
            (
                "name = 'a'\nkeep = '1d'\nselect = { tables = ['a'] }",
                "tables",
            ),
            (
                "name = 'a'\nkeep = '1d'\nselect = { table = [] }",
                "an empty list",
            ),
            (
                "name = 'a'\nkeep = '1d'\nselect = { severity = ['loud'] }",
                "loud",
            ),
        ] {
            let error = read(&format!("[[retention]]\n{text}")).unwrap_err();
            assert!(error.to_string().contains(part), "{error}");
        }
    }

    #[test]
    fn the_policy_that_keeps_longest_lets_an_event_go() {
        let low = Selection::new().severity(Severity::Low);
        let retention = Retention::new([
            Policy::new("all", "30d"),
            Policy::new("low", "1y").select(low),
        ]);
        let now = "2026-03-31T00:00:00Z".parse().unwrap();
        let due = retention.unwrap().due(now).unwrap();
        let names: Vec<_> = due.iter().map(|due| due.policy.as_str()).collect();
        assert_eq!(names, ["low", "all"]);
        let of_all = due[1].query.to_sql(Dialect::Sqlite, now).unwrap();
        let (_, conditions) = of_all.text.split_once(" WHERE ").unwrap();
        assert_eq!(
            conditions,
            "((1 = 1 AND action IN (?, ?, ?, ?, ?)) IS NOT TRUE) AND ((1 = 1 AND severity IN (?)) IS NOT \
             TRUE) AND occurred_at < ? ORDER BY occurred_at, id LIMIT 100"
        );
        let last = of_all.binds.last().unwrap();
        assert_eq!(*last, Bind::Text("2026-03-01T00:00:00.000000Z".to_owned()));
    }

    #[test]
    fn what_no_policy_is_for_is_kept_where_there_are_policies() {
        let now = "2026-03-31T00:00:00Z".parse().unwrap();
        assert_eq!(Retention::default().kept(now), Ok(Vec::new()));
        let low = Selection::new().severity(Severity::Low);
        let retention = Retention::new([Policy::new("low", "30d").select(low)]).unwrap();
        let kept = retention.kept(now).unwrap();
        let conditions = kept.iter().map(|kept| {
            let query = kept.query.to_sql(Dialect::Sqlite, now).unwrap();
            let (_, conditions) = query.text.split_once(" WHERE ").unwrap();
            let (conditions, _) = conditions.split_once(" ORDER BY ").unwrap();
            (kept.policy.as_deref(), conditions.to_owned())
        });
        let expected = [
            (Some("low"), "severity IN (?) AND occurred_at >= ?"),
            (
                None,
                "((1 = 1 AND action IN (?, ?, ?, ?, ?)) IS NOT TRUE) AND ((1 = 1 AND severity IN (?)) \
                 IS NOT TRUE)",
            ),
        ];
        let conditions: Vec<_> = conditions.collect();
        assert_eq!(
            conditions,
            expected.map(|(policy, text)| (policy, text.to_owned()))
        );
    }
}
