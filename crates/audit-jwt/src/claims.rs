//! The registered claims, and whether they let a token in.

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};

use crate::error::TokenError;

/// The longest text that is taken from a claim, in characters.
const MAX_CHARS: usize = 256;

/// The claims of a token.
pub(crate) type Claims = Map<String, Value>;

/// What the claims of a token must say.
///
/// # Source
/// RFC 7519, section 4.1; that `exp`, `iss`, `aud` and `sub` are required is RFC 9068, section
/// 2.2, applied to every token.
#[derive(Debug, Clone)]
pub(crate) struct Expectation {
    pub(crate) issuer: String,
    pub(crate) audiences: Vec<String>,
    pub(crate) leeway: Duration,
}

impl Expectation {
    pub(crate) fn check(&self, claims: &Claims, now: SystemTime) -> Result<(), TokenError> {
        self.check_times(claims, now)?;
        match claims.get("iss") {
            None => Err(TokenError::missing("iss")),
            Some(Value::String(issuer)) if *issuer == self.issuer => Ok(()),
            Some(Value::String(_)) => Err(TokenError::Issuer),
            Some(_) => Err(TokenError::invalid("iss", "a text")),
        }?;
        self.check_audience(claims.get("aud"))
    }

    fn check_times(&self, claims: &Claims, now: SystemTime) -> Result<(), TokenError> {
        let now = now
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs_f64();
        let leeway = self.leeway.as_secs_f64();
        let expires = date(claims, "exp")?.ok_or_else(|| TokenError::missing("exp"))?;
        if now >= expires + leeway {
            return Err(TokenError::Expired);
        }
        match date(claims, "nbf")? {
            Some(starts) if now + leeway < starts => Err(TokenError::NotYetValid),
            _ => Ok(()),
        }
    }

    fn check_audience(&self, audience: Option<&Value>) -> Result<(), TokenError> {
        let named = match audience {
            None => return Err(TokenError::missing("aud")),
            Some(Value::String(_)) => audience.into_iter().collect(),
            Some(Value::Array(list)) => list.iter().collect(),
            Some(_) => Vec::new(),
        };
        let mut named = named.into_iter().map(Value::as_str).peekable();
        if named.peek().is_none() {
            return Err(TokenError::invalid("aud", "a text or a list of texts"));
        }
        let mut meant = false;
        for name in named {
            let name =
                name.ok_or_else(|| TokenError::invalid("aud", "a text or a list of texts"))?;
            meant |= self.audiences.iter().any(|audience| audience == name);
        }
        if meant {
            Ok(())
        } else {
            Err(TokenError::Audience)
        }
    }
}

/// A NumericDate: seconds since 1970, with or without a fraction. A text is refused, not taken for
/// absent.
fn date(claims: &Claims, name: &str) -> Result<Option<f64>, TokenError> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::Number(number)) => number
            .as_f64()
            .filter(|seconds| seconds.is_finite())
            .map(Some)
            .ok_or_else(|| TokenError::invalid(name, "a number of seconds")),
        Some(_) => Err(TokenError::invalid(name, "a number of seconds")),
    }
}

/// A claim that identifies somebody: 1 to 256 characters, none of them a control character.
pub(crate) fn identifier(claims: &Claims, name: &str) -> Result<String, TokenError> {
    let text = match claims.get(name) {
        None => return Err(TokenError::missing(name)),
        Some(Value::String(text)) => text,
        Some(_) => return Err(TokenError::invalid(name, "a text")),
    };
    if text.is_empty() || text.chars().nth(MAX_CHARS).is_some() {
        return Err(TokenError::invalid(name, "1 to 256 characters"));
    }
    if text.chars().any(char::is_control) {
        return Err(TokenError::invalid(
            name,
            "a text without control characters",
        ));
    }
    Ok(text.clone())
}

/// A claim that only people read: what cannot be shown is left out, and the rest is cut.
pub(crate) fn display(claims: &Claims, name: &str) -> Option<String> {
    let text: String = claims
        .get(name)?
        .as_str()?
        .chars()
        .filter(|char| !char.is_control())
        .take(MAX_CHARS)
        .collect();
    (!text.is_empty()).then_some(text)
}
