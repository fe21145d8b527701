//! The Elastic Common Schema: the fields that it has, and the event in a namespace of its own.

use audit_core::{Event, Operation, Outcome, Severity};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::document::{self, Document, Facts, Node};

/// The version of the schema.
pub(super) const VERSION: &str = "9.4.0";

/// The event by the fields of the schema, and whole under `audit`.
pub(super) fn document(event: &Event) -> Document<'_> {
    let mut fields = Document::default();
    fields.put("@timestamp", document::time(event.occurred_at));
    fields.put("ecs.version", VERSION);
    fields.put("audit", Node::Wire(event));
    fields.put_some("message", event.label.as_deref());
    put_event(&mut fields, event);
    put_parties(&mut fields, event);
    put_facts(&mut fields, &Facts::of(event));
    fields
}

fn put_event(fields: &mut Document<'_>, event: &Event) {
    let kind = match event.operation {
        Operation::Delete
        | Operation::Ddl
        | Operation::Insert
        | Operation::Truncate
        | Operation::Update => "change",
        Operation::Select => "access",
        _ => "info",
    };
    let outcome = match event.outcome {
        Outcome::Success => "success",
        Outcome::Denied | Outcome::Failure => "failure",
        _ => "unknown",
    };
    let severity = event.severity.map(|severity| match severity {
        Severity::Low => 1,
        Severity::Medium => 2,
        Severity::High => 3,
        Severity::Critical => 4,
        _ => 0,
    });
    // In nanoseconds; what does not fit is under `audit` alone.
    let duration = event.duration_us.and_then(|span| span.checked_mul(1_000));
    fields.put("event.id", event.id.to_string());
    fields.put("event.kind", "event");
    fields.put("event.category", ["database"].as_slice());
    fields.put("event.type", [kind].as_slice());
    fields.put("event.action", document::action(event));
    fields.put("event.outcome", outcome);
    fields.put("event.created", document::time(event.recorded_at));
    fields.put_some("event.reason", event.reason.as_deref());
    fields.put_some("event.severity", severity);
    fields.put_some("event.duration", duration);
    fields.put_some("error.code", event.error_code.as_deref());
    fields.put_some("error.message", event.error_message.as_deref());
}

fn put_parties(fields: &mut Document<'_>, event: &Event) {
    fields.put_some("user.id", event.actor_id.as_deref());
    fields.put_some("user.full_name", event.actor_name.as_deref());
    fields.put_some("organization.id", event.tenant_id.as_deref());
    fields.put_some("service.name", event.service.as_deref());
    fields.put_some("service.environment", event.environment.as_deref());
    fields.put_some("http.request.id", event.request_id.as_deref());
}

fn put_facts(fields: &mut Document<'_>, facts: &Facts) {
    fields.put_some("client.ip", facts.address("client_ip"));
    fields.put_some("http.request.method", facts.text("method"));
    fields.put_some("source.ip", facts.address("peer_ip"));
    fields.put_some("span.id", facts.text("span_id"));
    fields.put_some("trace.id", facts.text("trace_id"));
    fields.put_some("user.roles", facts.texts("roles"));
    fields.put_some("user_agent.original", facts.text("user_agent"));
}

/// The wire form in a document; `None` when there is none.
pub(super) fn wire(document: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Document {
        audit: Box<RawValue>,
    }
    let document: Document = serde_json::from_str(document).ok()?;
    Some(document.audit.get().to_owned())
}
