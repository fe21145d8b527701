//! CloudEvents 1.0: an event as the data of an envelope.

use std::fmt::Write as _;

use audit_core::Event;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::document::{self, Document, Node};

/// The version of the specification.
const VERSION: &str = "1.0";
/// What the types begin with: the reversed name of where the meaning of the data is written down.
const TYPE: &str = "com.github.audit-rs.audit";

/// The event in its envelope.
pub(super) fn document(event: &Event) -> Document<'_> {
    let mut envelope = Document::default();
    envelope.put("specversion", VERSION);
    envelope.put("id", event.id.to_string());
    envelope.put("source", source(event));
    envelope.put("type", format!("{TYPE}.{}", document::operation(event)));
    envelope.put_some("subject", subject(event));
    envelope.put("time", document::time(event.occurred_at));
    envelope.put("datacontenttype", "application/json");
    envelope.put("data", Node::Wire(event));
    envelope
}

/// The wire form in an envelope; `None` when it is none.
pub(super) fn wire(envelope: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Envelope {
        data: Box<RawValue>,
    }
    let envelope: Envelope = serde_json::from_str(envelope).ok()?;
    Some(envelope.data.get().to_owned())
}

/// The log of the service, as a path.
fn source(event: &Event) -> String {
    let mut source = String::new();
    if let Some(service) = &event.service {
        source.push('/');
        for byte in service.bytes() {
            // What RFC 3986, section 2.3 leaves as it is.
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                source.push(char::from(byte));
            } else {
                let _ = write!(source, "%{byte:02X}");
            }
        }
    }
    source + "/audit_logs"
}

/// The table and the record.
fn subject(event: &Event) -> Option<String> {
    let parts = [&event.table_schema, &event.table_name, &event.record_id];
    let parts: Vec<&str> = parts.into_iter().filter_map(Option::as_deref).collect();
    let subject = parts.join("/");
    Some(subject).filter(|subject| !subject.is_empty())
}
