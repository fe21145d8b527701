//! Where the token stands in a request, and what a refused request is answered.

use audit_core::actor::{Rejection, RequestHead};

use crate::error::TokenError;

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("the request carries no token; send one in the header `Authorization`")]
    Missing,
    #[error("the request has several `Authorization` headers; send one")]
    Repeated,
    #[error("the header `Authorization` is of another scheme; use the one of the challenge")]
    Scheme,
    #[error(transparent)]
    Token(#[from] TokenError),
}

/// The authentication scheme of a service and the realm that its challenges name.
#[derive(Debug, Clone)]
pub(crate) struct Scheme {
    pub(crate) name: String,
    pub(crate) realm: String,
}

impl Scheme {
    /// The token of a request, or `None` where it carries no credentials at all.
    ///
    /// # Source
    /// RFC 6750, section 2.1; that a scheme is compared without regard to case is RFC 9110,
    /// section 11.1.
    pub(crate) fn token<'a>(&self, head: &'a dyn RequestHead) -> Result<Option<&'a str>, Refusal> {
        let mut values = head.header_values("authorization");
        let Some(value) = values.next() else {
            return Ok(None);
        };
        if values.next().is_some() {
            return Err(Refusal::Repeated);
        }
        // RFC 9110 allows no other character in credentials of this form.
        let value = std::str::from_utf8(value)
            .map_err(|_| TokenError::Malformed)?
            .trim_matches([' ', '\t']);
        let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
        if !scheme.eq_ignore_ascii_case(&self.name) {
            return Err(Refusal::Scheme);
        }
        Ok(Some(token.trim_start_matches(' ')))
    }

    /// The answer to a refused request, with a challenge that holds nothing of the token.
    ///
    /// # Source
    /// RFC 6750, section 3: no error code where there was no token of this scheme.
    pub(crate) fn rejection(&self, refusal: &Refusal) -> Rejection {
        let Self { name, realm } = self;
        let (code, error) = match refusal {
            Refusal::Missing => ("credentials_missing", None),
            Refusal::Repeated => ("credentials_repeated", Some("invalid_request")),
            Refusal::Scheme => ("scheme_unsupported", None),
            Refusal::Token(error) => (error.code(), Some("invalid_token")),
        };
        let challenge = match error {
            None => format!("{name} realm=\"{realm}\""),
            Some(error) => format!(
                "{name} realm=\"{realm}\", error=\"{error}\", error_description=\"{refusal}\""
            ),
        };
        Rejection::unauthorized(code, refusal.to_string()).with_challenge(challenge)
    }
}
