//! From a token to an actor.

use std::time::SystemTime;

use audit_core::actor::{RequestHead, Resolution};
use audit_core::{Actor, ActorSource, Assurance};

use crate::authorization::{Refusal, Scheme};
use crate::builder::JwtVerifierBuilder;
use crate::claims::Expectation;
use crate::error::TokenError;
use crate::header::{Parts, decode};
use crate::key::{JwtKey, Keys};
use crate::mapping::Mapping;
use crate::object;

/// Takes the actor of a request from the JWT in its `Authorization` header.
///
/// A request without that header is anonymous, unless tokens are
/// [`required`](JwtVerifierBuilder::required); one whose token does not hold is refused with
/// status 401, a stable code and a challenge (RFC 6750). Cloning copies the keys: share one.
#[derive(Debug, Clone)]
pub struct JwtVerifier {
    pub(crate) check: Option<Check>,
    pub(crate) mapping: Mapping,
    pub(crate) max_token_bytes: usize,
    pub(crate) required: bool,
    pub(crate) scheme: Scheme,
}

/// What makes a token hold; a verifier without one only decodes.
#[derive(Debug, Clone)]
pub(crate) struct Check {
    pub(crate) expectation: Expectation,
    pub(crate) keys: Keys,
    pub(crate) token_type: Option<String>,
}

impl JwtVerifier {
    /// Verifies by a secret shared with the issuer; at least 32 random bytes.
    pub fn hs256(secret: impl AsRef<[u8]>) -> JwtVerifierBuilder {
        Self::keys([JwtKey::hs256(secret)])
    }

    /// Verifies by a public RSA key of 2048 to 4096 bits, in PEM or DER.
    pub fn rs256(key: impl AsRef<[u8]>) -> JwtVerifierBuilder {
        Self::keys([JwtKey::rs256(key)])
    }

    /// Verifies by a public key on the curve P-256, in PEM or DER.
    pub fn es256(key: impl AsRef<[u8]>) -> JwtVerifierBuilder {
        Self::keys([JwtKey::es256(key)])
    }

    /// Verifies by a public Ed25519 key, in PEM or DER.
    pub fn eddsa(key: impl AsRef<[u8]>) -> JwtVerifierBuilder {
        Self::keys([JwtKey::eddsa(key)])
    }

    /// Verifies by the key whose id the token names in `kid`. With several keys, each needs an id;
    /// a single key without one serves every token.
    pub fn keys(keys: impl IntoIterator<Item = JwtKey>) -> JwtVerifierBuilder {
        JwtVerifierBuilder::verifying(keys.into_iter().collect())
    }

    /// Verifies nothing: neither signature nor issuer, audience or time. Anybody can write such a
    /// token, so the actor is `unverified`; it is for services that only a gateway can reach, which
    /// has verified the token already.
    pub fn insecure_decode_only() -> JwtVerifierBuilder {
        JwtVerifierBuilder::decoding()
    }

    /// The actor of a token that holds now, for tokens that do not come in a header: in a message
    /// or in the first frame of a socket.
    ///
    /// # Errors
    /// [`TokenError`] where the token does not hold.
    pub fn actor(&self, token: &str) -> Result<Actor, TokenError> {
        self.actor_at(token, SystemTime::now())
    }

    /// The actor of a token that holds at a time.
    ///
    /// # Errors
    /// [`TokenError`] where the token does not hold.
    pub fn actor_at(&self, token: &str, at: SystemTime) -> Result<Actor, TokenError> {
        let limit = self.max_token_bytes;
        if token.len() > limit {
            return Err(TokenError::Oversize { limit });
        }
        let parts = Parts::split(token)?;
        let assurance = match &self.check {
            None => Assurance::Unverified,
            Some(check) => {
                check.signature(&parts)?;
                Assurance::Verified
            }
        };
        let claims = object::parse(&decode(parts.payload)?)?;
        if let Some(check) = &self.check {
            check.expectation.check(&claims, at)?;
        }
        self.mapping.actor(&claims, assurance)
    }

    fn request_actor(&self, head: &dyn RequestHead) -> Result<Option<Actor>, Refusal> {
        match self.scheme.token(head)? {
            Some(token) => Ok(Some(self.actor(token)?)),
            None if self.required => Err(Refusal::Missing),
            None => Ok(None),
        }
    }
}

impl ActorSource for JwtVerifier {
    fn resolve(&self, head: &dyn RequestHead) -> Resolution {
        match self.request_actor(head) {
            Ok(Some(actor)) => Resolution::Actor(actor),
            Ok(None) => Resolution::Anonymous,
            Err(refusal) => Resolution::Reject(self.scheme.rejection(&refusal)),
        }
    }
}

impl Check {
    fn signature(&self, parts: &Parts<'_>) -> Result<(), TokenError> {
        let header = &parts.header;
        self.keys.verify(
            header.key_id.as_deref(),
            &header.algorithm,
            parts.message,
            &parts.signature,
        )?;
        match (&self.token_type, &header.token_type) {
            (None, _) => Ok(()),
            (Some(wanted), Some(given)) if is_same_type(wanted, given) => Ok(()),
            (Some(_), _) => Err(TokenError::Type),
        }
    }
}

/// Compares media types; `application/` may be left out (RFC 7515, section 4.1.9).
fn is_same_type(wanted: &str, given: &str) -> bool {
    let bare = |text: &str| {
        let text = text.to_ascii_lowercase();
        text.strip_prefix("application/")
            .map(str::to_owned)
            .unwrap_or(text)
    };
    bare(wanted) == bare(given)
}
