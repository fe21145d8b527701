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
    texts.map(without_binds).into()
}

pub(crate) fn without_binds(text: String) -> BoundQuery {
    BoundQuery {
        text,
        binds: Vec::new(),
    }
}
