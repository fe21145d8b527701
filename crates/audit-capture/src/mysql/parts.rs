//! The expression that hides parts of a document on MariaDB, by its JSON functions: a trigger has
//! no loop over the rows of a cascade, so everything is one expression.

use std::fmt::Write as _;

use audit_core::Redaction;
use audit_core::rules::{JsonPath, Parts, PathStep};

use super::column::{MALFORMED, cut, hash};
use super::text;

/// Names of members with escapes, which the functions of MariaDB compare as they are written.
/// Other strings are skipped over.
const ESCAPED_NAME: &str =
    r#"'"[^"\\\\]*+"(*SKIP)(*F)|"(?:[^"\\\\]++|\\\\.)*+"(?!\\s*+:)(*SKIP)(*F)|"'"#;

/// The most steps of a path, below the 32 levels that its JSON functions go down.
const MOST_STEPS: usize = 30;

/// Whether MariaDB can follow a path: it knows no escapes in the names of a path, nor a name that
/// begins with a hyphen, and counts places with 31 bits.
pub(super) fn can_follow(path: &JsonPath) -> bool {
    path.steps().len() <= MOST_STEPS
        && path.steps().iter().all(|step| match step {
            PathStep::Item(place) => i32::try_from(*place).is_ok(),
            PathStep::Member(name) => {
                let is_special = |c: char| c == '"' || c == '\\' || c.is_control();
                !name.starts_with('-') && !name.contains(is_special)
            }
            _ => true,
        })
}

/// The text of a document with its parts hidden; NULL when it is no object or array, or cannot be
/// taken apart safely. White space between its values is left out.
pub(super) fn hidden(document: &str, parts: &Parts) -> String {
    let mut conditions = vec![
        format!("JSON_VALID({document})"),
        format!("JSON_TYPE({document}) IN ('OBJECT', 'ARRAY')"),
        format!("NOT {document} REGEXP {MALFORMED}"),
        format!("NOT {document} REGEXP {ESCAPED_NAME}"),
    ];
    if let Some(growth) = growth(parts) {
        // The server cuts a longer list off.
        conditions.push(format!(
            "LENGTH({document}) * {growth} < @@group_concat_max_len"
        ));
    }
    // Wherever it is used, the server may look into it before the conditions hold.
    let base = format!("IF(JSON_VALID({document}), {document}, '[]')");
    names_are_unique(&mut conditions, document, &base, parts, "$");
    let root = Place {
        base: document,
        list: &base,
        path: "$".to_owned(),
        level: 0,
    };
    format!(
        "IF({}, JSON_COMPACT({}), NULL)",
        conditions.join(" AND "),
        root.inside(parts)
    )
}

/// How many times its length a list can have once its elements are hidden; `None` without lists.
fn growth(parts: &Parts) -> Option<usize> {
    let inside = parts.members().values().chain(parts.items().values());
    let own = parts.each().map(|each| match each.strongest() {
        Some(Redaction::Mask | Redaction::Drop) => 8,
        _ => 48,
    });
    inside
        .chain(parts.each())
        .filter_map(growth)
        .chain(own)
        .max()
}

/// Of two members with one name, the functions of the server see the first alone, so that no
/// object on the way to a part may have such.
fn names_are_unique(
    conditions: &mut Vec<String>,
    document: &str,
    list: &str,
    parts: &Parts,
    path: &str,
) {
    let at = text(path);
    if !parts.members().is_empty() {
        conditions.push(if path.contains("[*]") {
            format!(
                "NOT EXISTS (SELECT 1 FROM JSON_TABLE({list}, {at} COLUMNS (v JSON PATH '$')) AS \
                 audit_part WHERE JSON_LENGTH(audit_part.v) <> \
                 JSON_LENGTH(JSON_KEYS(audit_part.v)))"
            )
        } else {
            format!(
                "COALESCE(JSON_LENGTH({document}, {at}) = \
                 JSON_LENGTH(JSON_KEYS({document}, {at})), TRUE)"
            )
        });
    }
    for (step, part) in children(parts) {
        names_are_unique(conditions, document, list, part, &format!("{path}{step}"));
    }
}

/// What a tree holds one level down, each with the step to it as the server writes it.
fn children(parts: &Parts) -> impl Iterator<Item = (String, &Parts)> {
    let members = parts.members().iter();
    let items = parts.items().iter();
    let members = members.map(|(name, part)| (format!(".\"{name}\""), part));
    let items = items.map(|(place, part)| (format!("[{place}]"), part));
    let each = parts.each().map(|part| ("[*]".to_owned(), part));
    members.chain(items).chain(each)
}

/// A value, by its path in a document.
struct Place<'a> {
    base: &'a str,
    /// The base where it is read as a list.
    list: &'a str,
    path: String,
    level: usize,
}

impl Place<'_> {
    fn value(&self) -> String {
        if self.path == "$" {
            return self.base.to_owned();
        }
        format!("JSON_EXTRACT({}, {})", self.base, text(&self.path))
    }

    fn further(&self, step: &str) -> Place<'_> {
        Place {
            path: format!("{}{step}", self.path),
            ..*self
        }
    }

    /// The JSON of the value with everything hidden in it, then the value itself.
    fn shown(&self, parts: &Parts) -> String {
        let (value, inside) = (self.value(), self.inside(parts));
        let shown = match parts.redaction() {
            Some(Redaction::Truncate(length)) => cut(&self.plain(&inside), length),
            Some(Redaction::Hash) => hash(&self.plain(&inside)),
            Some(_) => text(Redaction::MASK),
            None => return inside,
        };
        format!("IF(COALESCE(JSON_TYPE({value}), 'NULL') = 'NULL', 'null', JSON_QUOTE({shown}))")
    }

    /// The text of the value: what a string says, the JSON of anything else.
    fn plain(&self, inside: &str) -> String {
        let value = self.value();
        format!(
            "IF(JSON_TYPE({value}) = 'STRING', COALESCE(JSON_UNQUOTE({value}), {value}), JSON_COMPACT({inside}))"
        )
    }

    /// The JSON of the value with everything hidden that lies inside it.
    fn inside(&self, parts: &Parts) -> String {
        let value = self.value();
        let mut cases = String::new();
        if !parts.members().is_empty() {
            let members = children(parts).filter(|(step, _)| step.starts_with('.'));
            let object = self.edited(members.collect());
            let _ = write!(cases, " WHEN 'OBJECT' THEN {object}");
        }
        let array = match parts.each() {
            Some(each) => Some(self.each(parts, each)),
            None if parts.items().is_empty() => None,
            None => {
                let items = children(parts).filter(|(step, _)| step.starts_with('['));
                Some(self.edited(items.collect()))
            }
        };
        if let Some(array) = array {
            let _ = write!(cases, " WHEN 'ARRAY' THEN {array}");
        }
        if cases.is_empty() {
            return value;
        }
        format!("CASE JSON_TYPE({value}){cases} ELSE {value} END")
    }

    /// The value with some of its members or elements replaced or left out; what is not there
    /// stays away.
    fn edited(&self, children: Vec<(String, &Parts)>) -> String {
        let (dropped, replaced): (Vec<_>, Vec<_>) = children
            .into_iter()
            .partition(|(_, part)| part.redaction() == Some(Redaction::Drop));
        let mut edited = self.value();
        if !replaced.is_empty() {
            let pairs = replaced.iter().map(|(step, part)| {
                let shown = self.further(step).shown(part);
                format!(", {}, JSON_COMPACT({shown})", text(&format!("${step}")))
            });
            edited = format!("JSON_REPLACE({edited}{})", pairs.collect::<String>());
        }
        if !dropped.is_empty() {
            // The last first, because those behind one that goes move up.
            let steps = dropped.iter().rev();
            let steps = steps.map(|(step, _)| format!(", {}", text(&format!("${step}"))));
            edited = format!("JSON_REMOVE({edited}{})", steps.collect::<String>());
        }
        edited
    }

    /// The array with all of its elements hidden, those at some places otherwise.
    fn each(&self, parts: &Parts, each: &Parts) -> String {
        if each.redaction() == Some(Redaction::Drop) {
            return "'[]'".to_owned();
        }
        let row = format!("audit_part_{}", self.level);
        let value = format!("{row}.v");
        let element = Place {
            base: &value,
            list: &value,
            path: "$".to_owned(),
            level: self.level + 1,
        };
        let (mut shown, mut left_out) = (String::new(), String::new());
        for (place, part) in parts.items() {
            let number = u64::from(*place) + 1;
            if part.redaction() == Some(Redaction::Drop) {
                let word = if left_out.is_empty() { "WHERE" } else { "AND" };
                let _ = write!(left_out, " {word} {row}.n <> {number}");
            } else {
                let _ = write!(shown, " WHEN {number} THEN {}", element.shown(part));
            }
        }
        let others = element.shown(each);
        let shown = if shown.is_empty() {
            others
        } else {
            format!("CASE {row}.n{shown} ELSE {others} END")
        };
        format!(
            "COALESCE((SELECT JSON_ARRAYAGG(JSON_COMPACT({shown}) ORDER BY {row}.n) FROM \
             JSON_TABLE({}, {} COLUMNS (n FOR ORDINALITY, v JSON PATH '$')) AS {row}{left_out}), \
             '[]')",
            self.list,
            text(&format!("{}[*]", self.path)),
        )
    }
}
