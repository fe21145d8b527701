//! The Open Cybersecurity Schema Framework: an event of the class Entity Management.

use std::collections::BTreeMap;

use audit_core::{ActorKind, Event, Json, Operation, Outcome, Severity};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::document::{self, Document, Facts, Node};

/// The version of the schema.
pub(super) const VERSION: &str = "1.8.0";
/// Entity Management, of Identity & Access Management.
const CLASS: i64 = 3004;
const CATEGORY: i64 = 3;
/// The methods of a request that the schema knows.
pub(super) const METHODS: [&str; 9] = [
    "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE",
];

/// The event without what has a place of its own, whole: its images.
pub(super) fn without_images(event: &Event) -> Event {
    let mut bare = event.clone();
    bare.before_data = None;
    bare.after_data = None;
    bare
}

/// The event by the attributes of the class, and the event without its images under `unmapped`.
pub(super) fn document<'e>(event: &'e Event, bare: &'e Event) -> Document<'e> {
    let mut fields = Document::default();
    fields.put("unmapped", Node::Wire(bare));
    put_classes(&mut fields, event);
    put_outcome(&mut fields, event);
    put_metadata(&mut fields, event);
    put_actor(&mut fields, event);
    put_entities(&mut fields, event);
    let facts = Facts::of(event);
    let method = facts.text("method");
    let method = method.filter(|method| METHODS.contains(method));
    fields.put_some("http_request.http_method", method);
    fields.put_some("http_request.user_agent", facts.text("user_agent"));
    fields.put_some("http_request.uid", event.request_id.as_deref());
    fields.put_some("src_endpoint.ip", facts.address("client_ip"));
    fields
}

fn put_classes(fields: &mut Document<'_>, event: &Event) {
    let (activity, name) = match event.operation {
        Operation::Insert => (1, "Create".to_owned()),
        Operation::Select => (2, "Read".to_owned()),
        Operation::Update => (3, "Update".to_owned()),
        Operation::Delete | Operation::Truncate => (4, "Delete".to_owned()),
        _ => (99, document::action(event)),
    };
    fields.put("type_name", format!("Entity Management: {name}"));
    fields.put("activity_id", activity);
    fields.put("activity_name", name);
    fields.put("category_uid", CATEGORY);
    fields.put("category_name", "Identity & Access Management");
    fields.put("class_uid", CLASS);
    fields.put("class_name", "Entity Management");
    fields.put("type_uid", CLASS * 100 + activity);
    fields.put("time", event.occurred_at.timestamp_millis());
    let (severity, name) = match event.severity {
        Some(Severity::Low) => (2, "Low"),
        Some(Severity::Medium) => (3, "Medium"),
        Some(Severity::High) => (4, "High"),
        Some(Severity::Critical) => (5, "Critical"),
        _ => (0, "Unknown"),
    };
    fields.put("severity_id", severity);
    fields.put("severity", name);
}

fn put_outcome(fields: &mut Document<'_>, event: &Event) {
    let (status, name) = match event.outcome {
        Outcome::Success => (1, "Success"),
        Outcome::Denied | Outcome::Failure => (2, "Failure"),
        _ => (0, "Unknown"),
    };
    let detail = event.reason_code.as_ref().or(event.error_message.as_ref());
    fields.put("status_id", status);
    fields.put("status", name);
    fields.put_some("status_code", event.error_code.as_deref());
    fields.put_some("status_detail", detail.map(String::as_str));
    fields.put_some("comment", event.reason.as_deref());
    fields.put_some("message", event.label.as_deref());
    fields.put_some("duration", event.duration_us.map(|span| span / 1_000));
}

fn put_metadata(fields: &mut Document<'_>, event: &Event) {
    fields.put("metadata.version", VERSION);
    fields.put("metadata.product.name", "audit-store");
    fields.put("metadata.product.vendor_name", "audit-rs");
    fields.put("metadata.product.version", env!("CARGO_PKG_VERSION"));
    fields.put("metadata.log_name", "audit_logs");
    fields.put("metadata.uid", event.id.to_string());
    fields.put("metadata.original_time", document::time(event.occurred_at));
    fields.put("metadata.logged_time", event.recorded_at.timestamp_millis());
    fields.put_some("metadata.event_code", event.action.as_deref());
    fields.put_some("metadata.correlation_uid", event.request_id.as_deref());
    fields.put_some("metadata.tenant_uid", event.tenant_id.as_deref());
    fields.put_some("metadata.labels", event.compliance.clone());
}

fn put_actor(fields: &mut Document<'_>, event: &Event) {
    fields.put_some("actor.app_name", event.service.as_deref());
    fields.put_some("actor.user.uid", event.actor_id.as_deref());
    fields.put_some("actor.user.name", event.actor_name.as_deref());
    // A user without an id and a name is none.
    if event.actor_id.is_some() || event.actor_name.is_some() {
        let (kind, caption) = match event.actor_kind {
            ActorKind::User => (1, "User"),
            ActorKind::System => (3, "System"),
            ActorKind::Service => (4, "Service"),
            ActorKind::Unknown => (0, "Unknown"),
            _ => (99, event.actor_kind.as_str()),
        };
        fields.put("actor.user.type_id", kind);
        fields.put("actor.user.type", caption);
    }
}

/// The record before and after; what is no record has a name all the same.
fn put_entities<'e>(fields: &mut Document<'e>, event: &'e Event) {
    let name = event.table_name.clone();
    let name = name.unwrap_or_else(|| document::action(event));
    let kind = event.table_name.as_deref().unwrap_or("event");
    let before = event.previous_record_id.as_ref();
    let before = before.or(event.record_id.as_ref());
    fields.put("entity.name", name.as_str());
    fields.put("entity.type", kind);
    fields.put("entity.type_id", 99);
    fields.put_some("entity.uid", before.map(String::as_str));
    fields.put_some("entity.data", event.before_data.as_ref().map(Node::Exact));
    if let Some(after) = &event.after_data {
        fields.put("entity_result.name", name.as_str());
        fields.put("entity_result.type", kind);
        fields.put("entity_result.type_id", 99);
        fields.put_some("entity_result.uid", event.record_id.as_deref());
        fields.put("entity_result.data", Node::Exact(after));
    }
}

/// The wire form of the event; `None` when the text is not of one.
pub(super) fn wire(document: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Document {
        entity: Entity,
        entity_result: Option<Entity>,
        unmapped: Box<RawValue>,
    }
    #[derive(Deserialize)]
    struct Entity {
        #[serde(default, deserialize_with = "present")]
        data: Option<Box<RawValue>>,
    }
    let document: Document = serde_json::from_str(document).ok()?;
    let bare: Json = document.unmapped.into();
    let mut fields: BTreeMap<String, Json> = bare.fields().into_iter().collect();
    let mut put = |name: &str, data: Option<Box<RawValue>>| {
        if let Some(data) = data {
            fields.insert(name.to_owned(), data.into());
        }
    };
    put("before_data", document.entity.data);
    put(
        "after_data",
        document.entity_result.and_then(|entity| entity.data),
    );
    serde_json::to_string(&fields).ok()
}

/// A value that is there, also where it is null.
fn present<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::deserialize(from).map(Some)
}
