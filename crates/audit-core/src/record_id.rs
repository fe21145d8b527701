//! The text by which an event knows its record.

use serde_json::Value;

/// The `record_id` of a key: the text of a single part as it is, a JSON array of the texts of
/// several. This is how triggers write it, and what `ManualEvent::record` and the query by record
/// take.
///
/// ```
/// assert_eq!(audit_core::record_id([42]), "42");
/// assert_eq!(audit_core::record_id(["acme", "1001"]), r#"["acme","1001"]"#);
/// ```
#[must_use]
pub fn record_id<P: ToString>(key: impl IntoIterator<Item = P>) -> String {
    let mut parts: Vec<String> = key.into_iter().map(|part| part.to_string()).collect();
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        Some(last) => {
            parts.push(last);
            Value::from(parts).to_string()
        }
        None => "[]".to_owned(),
    }
}
