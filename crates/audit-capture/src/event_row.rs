//! The row that a trigger writes: column by column, the same in every dialect, from expressions
//! that each dialect supplies.

use audit_core::rules::ResolvedRule;
use audit_core::stamp::Slot;
use audit_core::{DataClass, Dialect, Operation, Outcome, Severity, Source, schema};

use crate::own::Own;
use crate::plan::Capture;
use crate::sql::{literal, literal_or_null};

/// The expressions that differ from trigger to trigger.
#[derive(Debug)]
pub(crate) struct RowExpressions {
    pub(crate) occurred_at: String,
    pub(crate) id: String,
    pub(crate) transaction_id: String,
    pub(crate) record_id: String,
    pub(crate) previous_record_id: Option<String>,
    pub(crate) before_data: Option<String>,
    pub(crate) after_data: Option<String>,
    pub(crate) changed_fields: Option<String>,
    /// Whether `before_data` is sure, where it may not be.
    pub(crate) before_exact: Option<String>,
    /// The events whose changes are taken back, where the row can be such a change.
    pub(crate) reverts: Option<String>,
}

/// What a trigger is for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) operation: Operation,
    pub(crate) table_schema: Option<&'a str>,
    pub(crate) table_name: &'a str,
    pub(crate) fingerprint: &'a str,
    pub(crate) redacted_fields: &'a [String],
    pub(crate) own: Option<Own>,
    pub(crate) rule: &'a ResolvedRule,
    pub(crate) source: Source,
}

impl<'a> Subject<'a> {
    /// That of a capture, with the fields that it hides.
    pub(crate) fn of(capture: &Capture<'a>, redacted_fields: &'a [String]) -> Self {
        Self {
            operation: capture.operation,
            table_schema: capture.table.schema.as_deref(),
            table_name: &capture.table.name,
            fingerprint: capture.fingerprint,
            redacted_fields,
            own: capture.own,
            rule: capture.rule,
            source: Source::Trigger,
        }
    }
}

/// How a dialect reads a slot of the context and writes a list.
pub(crate) trait Expressions {
    fn dialect(&self) -> Dialect;
    fn slot(&self, slot: Slot) -> String;
    fn json_slot(&self, slot: Slot) -> String;
    fn list(&self, entries: &[String]) -> String;
    /// A slot that holds a list.
    fn list_slot(&self, slot: Slot) -> String {
        self.slot(slot)
    }
    /// The account that the session logged in as, where there are accounts.
    fn account(&self) -> Option<&'static str>;
}

/// The columns of the event that are set and the expression of each.
pub(crate) fn columns(
    expressions: &dyn Expressions,
    subject: Subject<'_>,
    row: RowExpressions,
) -> Vec<(&'static str, String)> {
    let dialect = expressions.dialect();
    let text = |value: &str| literal(dialect, value);
    let over = |slot: Slot, default: Option<&str>| match default {
        Some(default) => format!("coalesce({}, {})", expressions.slot(slot), text(default)),
        None => expressions.slot(slot),
    };
    let list = |entries: &[String]| (!entries.is_empty()).then(|| expressions.list(entries));
    let rule = subject.rule;
    let optional = [
        ("previous_record_id", row.previous_record_id),
        ("before_data", row.before_data),
        ("after_data", row.after_data),
        ("changed_fields", row.changed_fields),
        ("before_exact", row.before_exact),
        ("reverts", row.reverts),
        ("redacted_fields", list(subject.redacted_fields)),
        ("table_schema", subject.table_schema.map(text)),
        ("description", rule.description().map(text)),
        (
            "data_class",
            rule.data_class().map(DataClass::as_str).map(text),
        ),
        ("compliance", list(rule.compliance())),
        ("notify", list(rule.notify())),
    ];
    let required = [
        ("occurred_at", row.occurred_at),
        ("id", row.id),
        ("transaction_id", row.transaction_id),
        ("schema_version", schema::SCHEMA_VERSION.to_string()),
        ("operation", text(subject.operation.as_str())),
        ("action", expressions.slot(Slot::Action)),
        ("outcome", text(Outcome::Success.as_str())),
        ("table_name", text(subject.table_name)),
        ("record_id", row.record_id),
        (
            "schema_fingerprint",
            literal_or_null(dialect, Some(subject.fingerprint)),
        ),
        ("actor_id", actor_id(expressions, subject.own)),
        (
            "actor_kind",
            over(
                Slot::ActorKind,
                Some(audit_core::ActorKind::Unknown.as_str()),
            ),
        ),
        ("actor_name", expressions.slot(Slot::ActorName)),
        ("on_behalf_of", expressions.slot(Slot::OnBehalfOf)),
        ("tenant_id", expressions.slot(Slot::TenantId)),
        ("assurance", expressions.slot(Slot::Assurance)),
        ("service", expressions.slot(Slot::Service)),
        ("environment", expressions.slot(Slot::Environment)),
        ("request_id", expressions.slot(Slot::RequestId)),
        ("causation_id", expressions.slot(Slot::CausationId)),
        ("context", expressions.json_slot(Slot::Context)),
        ("reason", expressions.slot(Slot::Reason)),
        ("metadata", expressions.json_slot(Slot::Metadata)),
        ("label", over(Slot::Label, rule.label())),
        (
            "severity",
            over(Slot::Severity, rule.severity().map(Severity::as_str)),
        ),
        ("source", text(subject.source.as_str())),
    ];
    let mut set: Vec<(&'static str, String)> = required.into();
    set.extend(
        optional
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    set.sort_by_key(|(name, _)| {
        schema::LOG_COLUMNS
            .iter()
            .position(|column| column.name == *name)
    });
    set
}

/// Who acts. The operator has no pool, so who changed a setting without one, the database knows.
fn actor_id(expressions: &dyn Expressions, own: Option<Own>) -> String {
    let given = expressions.slot(Slot::ActorId);
    match expressions.account() {
        Some(account) if own == Some(Own::Settings) => format!("coalesce({given}, {account})"),
        _ => given,
    }
}

/// The columns of an event that the application records itself: `given` are the columns it sets,
/// each already as an expression over its bind; the rest comes from the connection.
pub(crate) fn manual_columns(
    expressions: &dyn Expressions,
    moment: [(&'static str, String); 3],
    given: Vec<(&'static str, String)>,
) -> Vec<(&'static str, String)> {
    let text = |value: &str| literal(expressions.dialect(), value);
    let slots = [
        ("actor_id", Slot::ActorId),
        ("actor_name", Slot::ActorName),
        ("on_behalf_of", Slot::OnBehalfOf),
        ("tenant_id", Slot::TenantId),
        ("assurance", Slot::Assurance),
        ("service", Slot::Service),
        ("environment", Slot::Environment),
        ("request_id", Slot::RequestId),
        ("causation_id", Slot::CausationId),
        ("reason", Slot::Reason),
        ("label", Slot::Label),
        ("severity", Slot::Severity),
    ];
    let unknown = text(audit_core::ActorKind::Unknown.as_str());
    let mut columns: Vec<(&'static str, String)> = moment.into();
    columns.extend([
        ("schema_version", schema::SCHEMA_VERSION.to_string()),
        ("operation", text(Operation::Custom.as_str())),
        (
            "actor_kind",
            format!("coalesce({}, {unknown})", expressions.slot(Slot::ActorKind)),
        ),
        ("context", expressions.json_slot(Slot::Context)),
        ("metadata", expressions.json_slot(Slot::Metadata)),
        ("reverts", expressions.list_slot(Slot::Reverts)),
        ("source", text(Source::Manual.as_str())),
    ]);
    columns.extend(slots.map(|(name, slot)| (name, expressions.slot(slot))));
    columns.retain(|(name, _)| !given.iter().any(|(set, _)| set == name));
    columns.extend(given);
    columns
}
