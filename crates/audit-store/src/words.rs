//! An event in words, for people who read it on a terminal or a page.
//!
//! What comes from data is [`printable`] in all of them.

use std::collections::BTreeMap;

use audit_core::{Event, Json, Operation};
use serde_json::Value;

/// Who acted: the id of the actor, or its kind.
#[must_use]
pub fn who(event: &Event) -> String {
    match &event.actor_id {
        Some(id) => printable(id),
        None => event.actor_kind.to_string(),
    }
}

/// What was done: the business verb of an event of the application, the operation of others.
#[must_use]
pub fn what(event: &Event) -> String {
    match (&event.operation, &event.action) {
        (Operation::Custom, Some(action)) => printable(action),
        (operation, _) => operation.to_string(),
    }
}

/// The table, and the key with a slash between its parts.
#[must_use]
pub fn record(event: &Event) -> String {
    let table = event.table_name.as_deref().unwrap_or_default();
    let key = key(event.record_id.as_deref().unwrap_or_default());
    format!("{} {key}", printable(table)).trim().to_owned()
}

/// The key of a `record_id`, with a slash between its parts.
#[must_use]
pub fn key(record_id: &str) -> String {
    let parts: Vec<String> =
        serde_json::from_str(record_id).unwrap_or_else(|_| vec![record_id.to_owned()]);
    printable(&parts.join("/"))
}

/// The method and the route of the request; empty outside of one.
#[must_use]
pub fn request(event: &Event) -> String {
    let facts = event.context.as_ref().map(Json::to_object);
    let facts = facts.unwrap_or_default();
    let fact = |name| facts.get(name).and_then(Value::as_str).unwrap_or_default();
    printable(format!("{} {}", fact("method"), fact("route")).trim())
}

/// The columns of an image, each with the exact text of its JSON: no digit of a decimal is lost.
type Image = BTreeMap<String, Json>;

fn image(json: Option<&Json>) -> Image {
    json.map(Json::fields).into_iter().flatten().collect()
}

/// The values of the new row, of the gone one, or what became of each changed column, each value
/// of at most `longest` characters; then what is hidden, the label and the reason.
#[must_use]
pub fn changes(event: &Event, longest: usize) -> Vec<String> {
    let before = image(event.before_data.as_ref());
    let after = image(event.after_data.as_ref());
    let hidden = event.redacted_fields.as_deref().unwrap_or_default();
    let is_hidden = |field: &&String| hidden.contains(field);
    let text = |row: &Image, field: &String| shorten(&value(row.get(field)), longest);
    let mut parts: Vec<String> = match &event.changed_fields {
        Some(changed) => changed
            .iter()
            .filter(|field| !hidden.contains(field))
            .map(|field| {
                format!(
                    "{field}: {} → {}",
                    text(&before, field),
                    text(&after, field)
                )
            })
            .collect(),
        None => {
            let row = if after.is_empty() { &before } else { &after };
            let fields = row.keys().filter(|field| !hidden.contains(field));
            fields
                .map(|field| format!("{field}: {}", text(row, field)))
                .collect()
        }
    };
    let touched = event.changed_fields.as_deref().unwrap_or(hidden);
    let secrets = touched.iter().filter(is_hidden);
    parts.extend(secrets.map(|field| format!("{field}: (hidden)")));
    parts.extend(event.label.iter().cloned());
    parts.extend(event.reason.iter().map(|reason| format!("“{reason}”")));
    parts.iter().map(|part| printable(part)).collect()
}

/// A value: the text of a JSON text without its quotes, the exact text of others, `absent` where
/// the image has none.
#[must_use]
pub fn value(json: Option<&Json>) -> String {
    let json = json.map_or("absent", Json::as_str);
    let text: String = serde_json::from_str(json).unwrap_or_else(|_| json.to_owned());
    printable(&text)
}

/// The text, or its beginning and an ellipsis, `longest` characters together.
#[must_use]
pub fn shorten(text: &str, longest: usize) -> String {
    if text.chars().count() <= longest {
        return text.to_owned();
    }
    let head: String = text.chars().take(longest.saturating_sub(1)).collect();
    head + "…"
}

/// The text with each character that would steer a terminal, or turn the direction of what is
/// beside it, as its escape, such as `\u{1b}`; a line break is `\n`.
#[must_use]
pub fn printable(text: &str) -> String {
    let mut told = String::with_capacity(text.len());
    for character in text.chars() {
        match is_steering(character) {
            true => told.extend(character.escape_default()),
            false => told.push(character),
        }
    }
    told
}

/// Whether a character steers a terminal, breaks a line, or turns the direction of a text.
#[must_use]
pub fn is_steering(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_told_and_not_done() {
        assert_eq!(
            printable("a\u{1b}[2J\r\n\u{9b}1m"),
            r"a\u{1b}[2J\r\n\u{9b}1m"
        );
        assert_eq!(printable("\u{202e}txt.exe\u{7f}"), r"\u{202e}txt.exe\u{7f}");
        assert_eq!(printable("größer → 漢字 “x”"), "größer → 漢字 “x”");
    }

    #[test]
    fn a_value_is_its_exact_text_without_the_quotes_of_a_text() {
        let told = |json: &str| value(Some(&json.parse().unwrap()));
        assert_eq!(told(r#""a\u001bb""#), r"a\u{1b}b");
        assert_eq!(told("199.900000000000000001"), "199.900000000000000001");
        assert_eq!(told("null"), "null");
        assert_eq!(value(None), "absent");
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(shorten("größer", 6), "größer");
        assert_eq!(shorten("größer", 4), "grö…");
    }
}
