//! What each SQL function does, over plain values; `ffi` connects them to SQLite.

use audit_core::Redaction;
use audit_core::rules::Parts;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::check_out::CheckOut;
use crate::document;
use crate::json::{self, Value};
use crate::state::State;
use crate::stored;

/// What a function gives back to SQLite.
#[derive(Debug, PartialEq)]
pub(crate) enum Output {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
    /// Text that is not UTF-8.
    TextBytes(Vec<u8>),
    Blob([u8; 16]),
    Bytes(Vec<u8>),
}

impl From<Option<String>> for Output {
    fn from(text: Option<String>) -> Self {
        text.map_or(Self::Null, Self::Text)
    }
}

/// The facts of a call that only SQLite knows.
pub(crate) trait Host {
    fn random(&self) -> [u8; 6];
    fn data_version(&self) -> u32;
    /// How often statements that name `audit_prepared` were prepared.
    fn prepared(&self) -> u64;
    fn is_in_transaction(&self) -> bool;
    /// The version of the schema, as a statement that begins now sees it.
    fn schema_version(&self) -> Result<i64, CallError>;
}

/// Why a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallError {
    /// A generated trigger never makes such a call.
    Misused(&'static str),
    /// What a statement of ours on the connection ended with: a result code of SQLite.
    Refused(i32),
}

pub(crate) type Function = fn(&mut State, &[Value<'_>], &dyn Host) -> Result<Output, CallError>;

/// A function as it is registered.
pub(crate) struct Definition {
    /// With the closing NUL that SQLite reads to.
    pub(crate) name: &'static std::ffi::CStr,
    /// -1 for any number of arguments.
    pub(crate) arguments: i32,
    /// Whether only statements of the application may call it.
    pub(crate) direct_only: bool,
    pub(crate) call: Function,
}

const fn inner(name: &'static std::ffi::CStr, arguments: i32, call: Function) -> Definition {
    Definition {
        name,
        arguments,
        direct_only: false,
        call,
    }
}

const fn direct(name: &'static std::ffi::CStr, arguments: i32, call: Function) -> Definition {
    Definition {
        name,
        arguments,
        direct_only: true,
        call,
    }
}

pub(crate) static DEFINITIONS: [Definition; 19] = [
    direct(c"audit_check_out", 2, check_out),
    direct(c"audit_stamp", 1, stamp),
    direct(c"audit_clear", 0, clear),
    direct(c"audit_installed", 2, installed),
    direct(c"audit_key", 1, key),
    inner(c"audit_context", 1, context),
    inner(c"audit_now", 0, now),
    inner(c"audit_id", 0, id),
    inner(c"audit_transaction", 0, transaction),
    inner(c"audit_row", -1, row),
    inner(c"audit_row_changed", -1, row_changed),
    inner(c"audit_changed", -1, changed),
    inner(c"audit_changed_fields", 0, changed_fields),
    inner(c"audit_record", -1, record),
    inner(c"audit_row_hash", -1, row_hash),
    inner(c"audit_redact", 3, redact),
    inner(c"audit_redact_parts", 2, redact_parts),
    inner(c"audit_value", 2, value),
    inner(c"audit_version", 0, version),
];

/// Raised with every change of these functions that generated triggers depend on.
const VERSION: i64 = 1;

fn text<'a>(value: &Value<'a>) -> Option<&'a str> {
    match value {
        Value::Text(bytes) => std::str::from_utf8(bytes).ok(),
        _ => None,
    }
}

/// One call where a stamp and two looks would be three statements.
fn check_out(
    state: &mut State,
    values: &[Value<'_>],
    host: &dyn Host,
) -> Result<Output, CallError> {
    // The second argument names the schema: another one makes SQLite prepare the statement anew.
    stamp(state, values.get(..1).unwrap_or_default(), host)?;
    let prepared = Some(host.prepared());
    let is_current =
        prepared == state.current_at() || state.installed_for() == Some(host.schema_version()?);
    state.set_current_at(prepared.filter(|_| is_current));
    let found = CheckOut {
        is_current,
        is_in_transaction: host.is_in_transaction(),
    };
    Ok(Output::Integer(found.to_number()))
}

fn stamp(state: &mut State, values: &[Value<'_>], _: &dyn Host) -> Result<Output, CallError> {
    match values {
        [stamp] => {
            state.stamp(text(stamp).unwrap_or_default());
            Ok(Output::Null)
        }
        _ => Err(CallError::Misused("a context is one text")),
    }
}

fn clear(state: &mut State, _: &[Value<'_>], host: &dyn Host) -> Result<Output, CallError> {
    state.clear();
    Ok(Output::Integer(host.is_in_transaction().into()))
}

fn installed(state: &mut State, values: &[Value<'_>], _: &dyn Host) -> Result<Output, CallError> {
    match values {
        [Value::Integer(schema_version), fallback] => {
            state.set_installed(Some(*schema_version), text(fallback));
        }
        _ => state.set_installed(None, None),
    }
    Ok(Output::Null)
}

fn key(state: &mut State, values: &[Value<'_>], _: &dyn Host) -> Result<Output, CallError> {
    match values {
        [Value::Blob(key)] => state.set_key(Some(key)),
        _ => state.set_key(None),
    }
    Ok(Output::Null)
}

fn context(state: &mut State, values: &[Value<'_>], _: &dyn Host) -> Result<Output, CallError> {
    match values {
        [Value::Integer(number)] => Ok(state.slot(*number).map(str::to_owned).into()),
        _ => Err(CallError::Misused(
            "audit_context takes the number of a slot",
        )),
    }
}

fn now(state: &mut State, _: &[Value<'_>], _: &dyn Host) -> Result<Output, CallError> {
    Ok(Output::Text(state.now().to_rfc3339()))
}

fn id(state: &mut State, _: &[Value<'_>], host: &dyn Host) -> Result<Output, CallError> {
    Ok(Output::Blob(state.id(host.random())))
}

fn transaction(state: &mut State, _: &[Value<'_>], host: &dyn Host) -> Result<Output, CallError> {
    Ok(Output::Text(
        state
            .transaction(host.data_version(), host.random())
            .to_owned(),
    ))
}

fn version(_: &mut State, _: &[Value<'_>], _: &dyn Host) -> Result<Output, CallError> {
    Ok(Output::Integer(VERSION))
}

/// Reads the two limits and the pairs of name and value of a row.
fn limits_and_fields<'a, 'v>(
    values: &'a [Value<'v>],
) -> Result<(usize, usize, &'a [Value<'v>]), CallError> {
    match values {
        [Value::Integer(cell), Value::Integer(image), fields @ ..] => {
            let bytes = |limit: i64| usize::try_from(limit).unwrap_or(usize::MAX);
            Ok((bytes(*cell), bytes(*image), fields))
        }
        _ => Err(CallError::Misused(
            "audit_row takes two limits and pairs of name and value",
        )),
    }
}

fn pairs<'a>(fields: &'a [Value<'a>]) -> impl Iterator<Item = (&'a str, Value<'a>)> + Clone {
    fields.chunks_exact(2).filter_map(|pair| match pair {
        [name, value] => Some((text(name)?, *value)),
        _ => None,
    })
}

fn row(_: &mut State, values: &[Value<'_>], _: &dyn Host) -> Result<Output, CallError> {
    let (cell, image, fields) = limits_and_fields(values)?;
    Ok(Output::Text(json::object(pairs(fields), cell, image)))
}

fn row_changed(state: &mut State, values: &[Value<'_>], _: &dyn Host) -> Result<Output, CallError> {
    let (cell, image, fields) = limits_and_fields(values)?;
    let changed = pairs(fields).filter(|(name, _)| state.has_changed(name));
    Ok(Output::Text(json::object(changed, cell, image)))
}

fn changed(state: &mut State, values: &[Value<'_>], _: &dyn Host) -> Result<Output, CallError> {
    let [Value::Integer(deciding), triples @ ..] = values else {
        return Err(CallError::Misused(
            "audit_changed takes a count and triples of name, old and new",
        ));
    };
    let deciding = usize::try_from(*deciding).unwrap_or(0);
    let mut decided = false;
    let mut names = Vec::new();
    for (index, triple) in triples.chunks_exact(3).enumerate() {
        match triple {
            [name, old, new] if !old.is_identical(new) => {
                decided |= index < deciding;
                names.extend(text(name).map(str::to_owned));
            }
            _ => {}
        }
    }
    state.set_changed(names);
    Ok(if decided {
        state.changed().map(str::to_owned).into()
    } else {
        Output::Null
    })
}

fn changed_fields(state: &mut State, _: &[Value<'_>], _: &dyn Host) -> Result<Output, CallError> {
    Ok(state.changed().map(str::to_owned).into())
}

fn record(_: &mut State, values: &[Value<'_>], _: &dyn Host) -> Result<Output, CallError> {
    Ok(match values {
        [value] => value.to_text().into(),
        values => {
            let texts: Vec<Option<String>> = values.iter().map(|value| value.to_text()).collect();
            Output::Text(json::list(texts.iter().map(Option::as_deref)))
        }
    })
}

fn row_hash(_: &mut State, values: &[Value<'_>], _: &dyn Host) -> Result<Output, CallError> {
    let row = json::object(
        values.iter().map(|value| ("", *value)),
        usize::MAX,
        usize::MAX,
    );
    Ok(Output::Text(format!(
        "sha256:{:x}",
        Hex(&Sha256::digest(row.as_bytes()))
    )))
}

/// `audit_value(image, column)`
fn value(_: &mut State, values: &[Value<'_>], _: &dyn Host) -> Result<Output, CallError> {
    let found = match values {
        [image, field] => match (text(image), text(field)) {
            (Some(image), Some(field)) => stored::value(image, field),
            _ => None,
        },
        _ => None,
    };
    found.ok_or(CallError::Misused(
        "audit_value takes an image and a column of it that holds a whole value",
    ))
}

/// `audit_redact(value, how, length)`: `how` is `mask`, `truncate` or `hash`.
fn redact(state: &mut State, values: &[Value<'_>], _: &dyn Host) -> Result<Output, CallError> {
    let [value, how, length] = values else {
        return Err(CallError::Misused(
            "audit_redact takes a value, a way and a length",
        ));
    };
    let Some(plain) = value.to_text() else {
        return Ok(Output::Null);
    };
    let redaction = match (text(how), length) {
        (Some("truncate"), Value::Integer(length)) => {
            Redaction::Truncate(u16::try_from(*length).unwrap_or(0))
        }
        (Some(word), _) => Redaction::from_word(word).ok_or(REDACTIONS)?,
        _ => return Err(REDACTIONS),
    };
    Ok(shown(state, &plain, redaction).into())
}

const REDACTIONS: CallError =
    CallError::Misused("audit_redact knows `mask`, `truncate` and `hash`");

/// `audit_redact_parts(value, parts)`: the text of a JSON document with parts of it hidden, or
/// what stands for a value that is none.
fn redact_parts(
    state: &mut State,
    values: &[Value<'_>],
    _: &dyn Host,
) -> Result<Output, CallError> {
    const USE: CallError =
        CallError::Misused("audit_redact_parts takes a value and what to hide in it");
    let [value, parts] = values else {
        return Err(USE);
    };
    let parts = text(parts).and_then(|parts| serde_json::from_str(parts).ok());
    let parts = parts
        .and_then(|parts| Parts::from_json(&parts))
        .ok_or(USE)?;
    let Some(plain) = value.to_text() else {
        return Ok(Output::Null);
    };
    let redact = |plain: &str, redaction| shown(state, plain, redaction);
    let document = text(value).and_then(|text| document::hidden(text, &parts, &redact));
    let whole = || {
        let strongest = parts.strongest().unwrap_or(Redaction::Mask);
        shown(state, &plain, strongest).unwrap_or_else(|| Redaction::MASK.to_owned())
    };
    Ok(Output::Text(document.unwrap_or_else(whole)))
}

/// What stands for a text; `None` when it is left out, as a hash without a key is.
fn shown(state: &State, plain: &str, redaction: Redaction) -> Option<String> {
    match redaction {
        Redaction::Mask => Some(Redaction::MASK.to_owned()),
        Redaction::Truncate(length) => Some(truncated(plain, length.into())),
        Redaction::Hash => state.key().map(|key| hashed(key, plain.as_bytes())),
        _ => None,
    }
}

fn truncated(plain: &str, length: usize) -> String {
    match plain.char_indices().nth(length) {
        Some((end, _)) => {
            let (head, _) = plain.split_at(end);
            format!("{head}{}", Redaction::ELLIPSIS)
        }
        None => plain.to_owned(),
    }
}

fn hashed(key: &[u8], message: &[u8]) -> String {
    // INVARIANT: HMAC takes keys of any length (RFC 2104, section 2), so this never fails.
    match Hmac::<Sha256>::new_from_slice(key) {
        Ok(mac) => {
            let tag = mac.chain_update(message).finalize().into_bytes();
            format!("{}{:x}", Redaction::HASH_PREFIX, Hex(&tag))
        }
        Err(_) => Redaction::HASH_PREFIX.to_owned(),
    }
}

/// Bytes in lower-case hex.
struct Hex<'a>(&'a [u8]);

impl std::fmt::LowerHex for Hex<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0
            .iter()
            .try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_rfc_4231() {
        // Test case 2: key "Jefe", data "what do ya want for nothing?".
        assert_eq!(
            hashed(b"Jefe", b"what do ya want for nothing?"),
            "hmac-sha256:5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn truncation_counts_characters_and_keeps_what_fits() {
        assert_eq!(truncated("héllo", 2), "hé…");
        assert_eq!(truncated("hé", 2), "hé");
        assert_eq!(truncated("", 0), "");
    }
}
