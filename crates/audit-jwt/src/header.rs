//! The three parts of a compact JWS, and the few header parameters that are read.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::error::TokenError;
use crate::object;

/// The longest key id, in bytes.
const MAX_KEY_ID_BYTES: usize = 128;

/// A token cut at its dots; nothing in it is believed yet.
///
/// # Source
/// RFC 7515, section 7.1. The parameters `jku`, `jwk`, `x5u`, `x5c`, `x5t` and `x5t#S256` could
/// point to key material of the sender's choice (RFC 8725, section 3.10) and are never read.
pub(crate) struct Parts<'a> {
    pub(crate) header: Header,
    pub(crate) payload: &'a str,
    /// What the signature is over: header, dot, payload.
    pub(crate) message: &'a str,
    pub(crate) signature: Vec<u8>,
}

/// The header parameters that are read.
pub(crate) struct Header {
    pub(crate) algorithm: String,
    pub(crate) key_id: Option<String>,
    pub(crate) token_type: Option<String>,
}

impl<'a> Parts<'a> {
    pub(crate) fn split(token: &'a str) -> Result<Self, TokenError> {
        let (message, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (header, payload) = message.split_once('.').ok_or(TokenError::Malformed)?;
        if payload.contains('.') {
            return Err(TokenError::Malformed);
        }
        Ok(Self {
            header: Header::parse(&decode(header)?)?,
            payload,
            message,
            signature: decode(signature)?,
        })
    }
}

impl Header {
    fn parse(bytes: &[u8]) -> Result<Self, TokenError> {
        let mut header = object::parse(bytes)?;
        if header.contains_key("crit") {
            return Err(TokenError::CriticalHeader);
        }
        let key_id = text(header.remove("kid")).map_err(|_| TokenError::KeyIdInvalid)?;
        if key_id.as_deref().is_some_and(|id| !is_key_id(id)) {
            return Err(TokenError::KeyIdInvalid);
        }
        Ok(Self {
            algorithm: text(header.remove("alg"))?.ok_or(TokenError::Malformed)?,
            key_id,
            token_type: text(header.remove("typ"))?,
        })
    }
}

/// Decodes base64url without padding; bits that carry nothing must be zero.
pub(crate) fn decode(part: &str) -> Result<Vec<u8>, TokenError> {
    URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| TokenError::Malformed)
}

/// Whether a text can be a key id: ids end up as names of files, columns and cache entries.
pub(crate) fn is_key_id(id: &str) -> bool {
    (1..=MAX_KEY_ID_BYTES).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._~-".contains(&byte))
}

fn text(value: Option<Value>) -> Result<Option<String>, TokenError> {
    match value {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(TokenError::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(header: &str) -> Result<Header, TokenError> {
        let token = format!("{}.e30.", URL_SAFE_NO_PAD.encode(header));
        Parts::split(&token).map(|parts| parts.header)
    }

    #[test]
    fn a_key_id_that_could_mean_something_else_is_refused() {
        let long = "k".repeat(129);
        for id in [
            "",
            "../../dev/null",
            "a' OR '1'='1",
            "a b",
            "a\\u0000",
            "k|ls",
            "é",
            &long,
        ] {
            let header = format!(r#"{{"alg":"HS256","kid":"{id}"}}"#);
            assert_eq!(split(&header).err(), Some(TokenError::KeyIdInvalid), "{id}");
        }
        assert_eq!(
            split(r#"{"alg":"HS256","kid":7}"#).err(),
            Some(TokenError::KeyIdInvalid)
        );
        let header = split(&format!(r#"{{"alg":"HS256","kid":"{}"}}"#, "k".repeat(128)));
        assert!(header.is_ok());
    }

    #[test]
    fn critical_extensions_and_odd_headers_are_refused() {
        for (header, error) in [
            (
                r#"{"alg":"HS256","crit":["b64"],"b64":false}"#,
                TokenError::CriticalHeader,
            ),
            (r#"{"alg":"HS256","crit":[]}"#, TokenError::CriticalHeader),
            (r#"{"alg":"HS256","crit":null}"#, TokenError::CriticalHeader),
            (r#"{"alg":"HS256","alg":"none"}"#, TokenError::DuplicateKey),
            (r#"{"typ":"JWT"}"#, TokenError::Malformed),
            (r#"{"alg":["HS256"]}"#, TokenError::Malformed),
            (r#"{"alg":"HS256","typ":1}"#, TokenError::Malformed),
        ] {
            assert_eq!(split(header).err(), Some(error), "{header}");
        }
    }

    #[test]
    fn a_token_has_three_parts_of_plain_base64url() {
        for token in [
            "",
            ".",
            "..",
            "a.b",
            "a.b.c",
            "e30.e30.e30.",
            "e30=.e30.",
            "e30.e30.e31",
            "e30 .e30.",
            "eyJhbGciOiJIUzI1NiJ9.e30.+/+/",
        ] {
            assert_eq!(
                Parts::split(token).err(),
                Some(TokenError::Malformed),
                "{token}"
            );
        }
    }
}
