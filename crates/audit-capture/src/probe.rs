//! The probe of a check: writes to a table of ours that are taken back, and a look at what arrived
//! in the log. It finds what no catalog tells: triggers that do not fire on a connection, a log
//! that takes no rows, a context that does not arrive.

use audit_core::query::BoundQuery;
use audit_core::{
    Actor, ActorKind, AuditContext, Dialect, Event, EventError, Json, Operation, schema,
};
use serde_json::json;

use crate::finding::Finding;
use crate::sql::literal;

/// What the probe writes first.
pub(crate) const BEFORE: &str = "a";
/// What the probe changes it to.
pub(crate) const AFTER: &str = "b";

/// Who the probe is in its events.
const ACTOR: &str = "audit-probe";

/// What the probe does, in this order.
const OPERATIONS: [Operation; 3] = [Operation::Insert, Operation::Update, Operation::Delete];

/// One probe: it inserts, changes and deletes a row of `audit_probe` under a context of its own.
///
/// It is run inside a transaction that is rolled back, on a connection that carries
/// [`Probe::context`]. Nothing of it remains.
#[derive(Debug, Clone)]
pub struct Probe {
    token: String,
}

/// What the probe found in the log cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// It is not the list of columns that was asked for.
    #[error("the answer of the probe cannot be read; run `migrate`")]
    Answer(#[from] serde_json::Error),
    /// It is no event.
    #[error(transparent)]
    Event(#[from] EventError),
}

impl Probe {
    /// A probe whose row and request have this id, of at most 64 ASCII letters and digits, that no
    /// other probe has.
    #[must_use]
    pub fn new(token: impl Into<String>) -> Self {
        let token = token.into();
        Self { token }
    }

    /// The context that the events of the probe must tell.
    #[must_use]
    pub fn context(&self) -> AuditContext {
        AuditContext::new()
            .with_actor(Actor::system(ACTOR))
            .with_request_id(&self.token)
    }

    /// The statements to run one after the other on one connection. Their texts together, leaving
    /// out NULL, are what [`Probe::judge`] takes.
    #[must_use]
    pub fn statements(&self, dialect: Dialect) -> Vec<BoundQuery> {
        match dialect {
            Dialect::MySql => crate::mysql::probe(&self.token),
            Dialect::Postgres => crate::postgres::probe(&self.token),
            _ => crate::sqlite::probe(&self.token),
        }
    }

    /// The statement whose texts tell [`Probe::hides_log`] whether a temporary table stands before
    /// the log, where the catalog does not; one that fails shows that none does.
    #[must_use]
    pub fn definition_of_log(dialect: Dialect) -> Option<BoundQuery> {
        (dialect == Dialect::MySql).then(crate::mysql::definition_of_log)
    }

    /// Whether one of these texts is the definition of a temporary table.
    pub fn hides_log<'a>(mut definition: impl Iterator<Item = &'a str>) -> Option<Finding> {
        let is_hidden = definition.any(|text| text.starts_with("CREATE TEMPORARY TABLE"));
        is_hidden.then(|| Finding::ShadowTable {
            table: schema::LOG_TABLE.to_owned(),
        })
    }

    /// What the answers to the statements show: nothing when every write has arrived in the log
    /// as it was made.
    ///
    /// # Errors
    /// [`ProbeError`] when an answer is not what the statements give.
    pub fn judge<'a>(
        &self,
        answers: impl IntoIterator<Item = &'a str>,
    ) -> Result<Vec<Finding>, ProbeError> {
        let mut events = Vec::new();
        for answer in answers {
            let arrays = serde_json::Deserializer::from_str(answer);
            for texts in arrays.into_iter::<Vec<Option<String>>>() {
                let texts = texts?;
                events.push(Event::from_texts(texts.iter().map(Option::as_deref))?);
            }
        }
        Ok(self.findings(&events))
    }

    /// `events` are in the order in which a reader gets them.
    fn findings(&self, events: &[Event]) -> Vec<Finding> {
        let lost = OPERATIONS
            .iter()
            .filter(|wanted| !events.iter().any(|event| event.operation == **wanted));
        let mut findings: Vec<Finding> = lost
            .map(|operation| Finding::ProbeLost {
                operation: *operation,
            })
            .collect();
        let order = events.iter().map(|event| event.operation);
        if findings.is_empty() && !order.eq(OPERATIONS) {
            findings.push(differs("occurred_at"));
        }
        for event in events {
            if self.is_ours(event) {
                findings.extend(self.difference(event).map(differs));
            } else {
                findings.push(Finding::ProbeUnstamped);
            }
        }
        findings.sort();
        findings.dedup();
        findings
    }

    fn is_ours(&self, event: &Event) -> bool {
        event.actor_id.as_deref() == Some(ACTOR)
            && event.actor_kind == ActorKind::System
            && event.request_id.as_ref() == Some(&self.token)
    }

    /// The first column of an event that is not what was written.
    fn difference(&self, event: &Event) -> Option<&'static str> {
        let image = |value: &str| Some(json!({"id": self.token, "value": value}));
        let (before, after) = match event.operation {
            Operation::Insert => (None, image(BEFORE)),
            Operation::Delete => (image(AFTER), None),
            _ => (image(BEFORE), image(AFTER)),
        };
        let changed = (event.operation == Operation::Update).then(|| vec!["value".to_owned()]);
        // The id carries the time of its event.
        let moment = event.id.get_timestamp().map(|time| time.to_unix());
        let moment = moment.map(|(seconds, nanos)| (seconds, nanos / 1_000_000));
        let occurred_at = event.occurred_at;
        let expected = (
            occurred_at.timestamp().unsigned_abs(),
            occurred_at.timestamp_subsec_millis(),
        );
        let same = [
            ("id", moment == Some(expected)),
            (
                "before_data",
                event.before_data.as_ref().map(Json::to_value) == before,
            ),
            (
                "after_data",
                event.after_data.as_ref().map(Json::to_value) == after,
            ),
            ("changed_fields", event.changed_fields == changed),
            ("record_id", event.record_id.as_ref() == Some(&self.token)),
        ];
        same.iter()
            .find(|(_, same)| !same)
            .map(|(column, _)| *column)
    }
}

fn differs(column: &str) -> Finding {
    Finding::ProbeDiffers {
        column: column.to_owned(),
    }
}

/// The writes of the probe to its table. They have no binds, so that none has to be prepared.
pub(crate) fn writes(dialect: Dialect, table: &str, token: &str) -> Vec<BoundQuery> {
    let id = literal(dialect, token);
    let texts = [
        format!("INSERT INTO {table} (id, value) VALUES ({id}, '{BEFORE}')"),
        format!("UPDATE {table} SET value = '{AFTER}' WHERE id = {id}"),
        format!("DELETE FROM {table} WHERE id = {id}"),
    ];
    texts.map(BoundQuery::plain).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "t0";

    /// The answer of a database, each event as its columns that are not NULL.
    fn answer(events: &[[(&str, &str); 8]]) -> String {
        let row = |event: &[(&str, &str); 8]| {
            let fixed = [
                ("schema_version", "1"),
                ("outcome", "success"),
                ("source", "trigger"),
                ("record_id", TOKEN),
                ("actor_kind", "system"),
            ];
            let columns = schema::LOG_COLUMNS.iter().map(|column| {
                let given = event.iter().chain(&fixed);
                let mut given = given.filter(|(name, _)| *name == column.name);
                given.next().map(|(_, value)| *value)
            });
            json!(columns.collect::<Vec<_>>()).to_string()
        };
        events.iter().map(row).collect::<Vec<_>>().join("\n")
    }

    fn event<'a>(
        operation: &'a str,
        before: (&'a str, &'a str),
        after: (&'a str, &'a str),
        changed: (&'a str, &'a str),
    ) -> [(&'a str, &'a str); 8] {
        [
            ("operation", operation),
            ("occurred_at", "2026-01-02T03:04:05.006007Z"),
            ("id", "019b7ca9-8c8e-7000-8000-000000000001"),
            ("actor_id", ACTOR),
            ("request_id", TOKEN),
            before,
            after,
            changed,
        ]
    }

    fn all() -> [[(&'static str, &'static str); 8]; 3] {
        let none = ("", "");
        let (a, b) = (r#"{"id":"t0","value":"a"}"#, r#"{"id":"t0","value":"b"}"#);
        let changed = ("changed_fields", r#"["value"]"#);
        [
            event("INSERT", none, ("after_data", a), none),
            event("UPDATE", ("before_data", a), ("after_data", b), changed),
            event("DELETE", ("before_data", b), none, none),
        ]
    }

    fn judged(events: &[[(&str, &str); 8]]) -> Vec<Finding> {
        let answer = answer(events);
        Probe::new(TOKEN).judge([answer.as_str()]).unwrap()
    }

    #[test]
    fn what_was_done_is_no_finding_in_one_answer_or_in_several() {
        assert_eq!(judged(&all()), []);
        let answers = all().map(|event| answer(&[event]));
        let probe = Probe::new(TOKEN);
        assert_eq!(probe.judge(answers.iter().map(String::as_str)).unwrap(), []);
    }

    #[test]
    fn what_is_missing_is_named() {
        let lost = |operation| Finding::ProbeLost { operation };
        let mut none = OPERATIONS.map(lost);
        none.sort();
        assert_eq!(judged(&[]), none);
        let [insert, _, delete] = all();
        assert_eq!(judged(&[insert, delete]), [lost(Operation::Update)]);
    }

    #[test]
    fn the_readers_order_is_that_of_the_writes() {
        let [insert, update, delete] = all();
        let expected = [differs("occurred_at")];
        assert_eq!(judged(&[update, insert, delete]), expected);
        assert_eq!(judged(&[insert, update, delete, delete]), expected);
    }

    #[test]
    fn each_column_that_differs_is_found() {
        for (place, value, finding) in [
            (1, "2026-01-02T03:04:05.007007Z", differs("id")),
            (2, "019b7ca9-8c8e-4000-8000-000000000001", differs("id")),
            (3, "mallory", Finding::ProbeUnstamped),
            (4, "other", Finding::ProbeUnstamped),
            (5, "{}", differs("before_data")),
            (6, "{}", differs("after_data")),
            (7, r#"["id"]"#, differs("changed_fields")),
        ] {
            let mut events = all();
            events[1][place].1 = value;
            assert_eq!(judged(&events), [finding], "{}", events[1][place].0);
        }
    }

    #[test]
    fn an_answer_of_something_else_is_an_error() {
        let probe = Probe::new(TOKEN);
        for answer in ["no", "[1]", "[\"a\"]"] {
            assert!(probe.judge([answer]).is_err(), "{answer}");
        }
    }
}
