//! The settings of a verifier.

use std::time::Duration;

use audit_core::ActorKind;
use jsonwebtoken::crypto::CryptoProvider;

use crate::authorization::Scheme;
use crate::backend;
use crate::claims::Expectation;
use crate::error::BuildError;
use crate::key::{JwtKey, Keys};
use crate::mapping::{KindRule, Mapping};
use crate::verifier::{Check, JwtVerifier};

/// The longest leeway.
const MAX_LEEWAY: Duration = Duration::from_secs(30);

/// The leeway unless one is set.
const DEFAULT_LEEWAY: Duration = Duration::from_secs(10);

/// The longest token unless one is set, in bytes.
const DEFAULT_TOKEN_BYTES: usize = 8 * 1024;

/// The bounds of the longest token, in bytes.
const TOKEN_BYTES: std::ops::RangeInclusive<usize> = 64..=64 * 1024;

/// Collects the settings of a [`JwtVerifier`]; everything is checked in [`build`](Self::build).
#[derive(Debug, Clone)]
#[must_use]
pub struct JwtVerifierBuilder {
    /// `None` decodes without verifying.
    keys: Option<Vec<JwtKey>>,
    issuer: Option<String>,
    audiences: Vec<String>,
    leeway: Option<Duration>,
    token_type: Option<String>,
    mapping: Mapping,
    max_token_bytes: usize,
    required: bool,
    scheme: Scheme,
}

impl JwtVerifierBuilder {
    pub(crate) fn verifying(keys: Vec<JwtKey>) -> Self {
        Self {
            keys: Some(keys),
            issuer: None,
            audiences: Vec::new(),
            leeway: None,
            token_type: None,
            mapping: Mapping::default(),
            max_token_bytes: DEFAULT_TOKEN_BYTES,
            required: false,
            scheme: Scheme {
                name: "Bearer".to_owned(),
                realm: "api".to_owned(),
            },
        }
    }

    pub(crate) fn decoding() -> Self {
        Self {
            keys: None,
            ..Self::verifying(Vec::new())
        }
    }

    /// The `iss` of the tokens, exactly; mandatory. Another call replaces it: keys of two issuers
    /// do not belong into one verifier.
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// A name that stands for this service in `aud`; mandatory. Another call adds one.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// How far the clocks of issuer and service may differ: 10 s unless set, 30 s at most.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = Some(leeway);
        self
    }

    /// Takes only tokens of this `typ`, such as `at+jwt` (RFC 9068), so that an ID token of the
    /// same issuer is no access token.
    pub fn token_type(mut self, token_type: impl Into<String>) -> Self {
        self.token_type = Some(token_type.into());
        self
    }

    /// The longest token that is read, in bytes: 8192 unless set, 64 to 65536.
    pub fn max_token_bytes(mut self, bytes: usize) -> Self {
        self.max_token_bytes = bytes;
        self
    }

    /// Refuses requests without a token, instead of calling them anonymous.
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// The scheme before the token in `Authorization`: `Bearer` unless set, in any case.
    pub fn scheme(mut self, scheme: impl Into<String>) -> Self {
        self.scheme.name = scheme.into();
        self
    }

    /// The realm that challenges name: `api` unless set.
    pub fn realm(mut self, realm: impl Into<String>) -> Self {
        self.scheme.realm = realm.into();
        self
    }

    /// The claim that is the actor's id: `sub` unless set. A text of 1 to 256 characters.
    pub fn id_claim(mut self, claim: impl Into<String>) -> Self {
        self.mapping.id = claim.into();
        self
    }

    /// The claim that is the actor's name: `name` unless set. What is no text is left out, and a
    /// name is cut after 256 characters.
    pub fn name_claim(mut self, claim: impl Into<String>) -> Self {
        self.mapping.name = claim.into();
        self
    }

    /// The claim that is the actor's tenant; none unless set. A text of 1 to 256 characters, or
    /// absent.
    pub fn tenant_claim(mut self, claim: impl Into<String>) -> Self {
        self.mapping.tenant = Some(claim.into());
        self
    }

    /// The claim that says who acts for the subject: `act` unless set (RFC 8693, section 4.1). Its
    /// `sub` becomes the actor, and the token's subject the one on whose behalf.
    pub fn act_claim(mut self, claim: impl Into<String>) -> Self {
        self.mapping.act = claim.into();
        self
    }

    /// Says that an actor whose claim is this text, or a list with it, is of a kind; the first
    /// rule that fits wins, and without one the actor is a user. In a token with `act`, the
    /// claims of the acting party are those inside `act`.
    pub fn kind_when(
        mut self,
        claim: impl Into<String>,
        value: impl Into<String>,
        kind: ActorKind,
    ) -> Self {
        self.mapping.kinds.push(KindRule {
            claim: claim.into(),
            value: value.into(),
            kind,
        });
        self
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// [`BuildError`]: issuer or audience missing, a key that cannot be used, a setting out of
    /// range, or no cryptography compiled in.
    pub fn build(self) -> Result<JwtVerifier, BuildError> {
        self.build_with(backend::provider())
    }

    fn build_with(
        self,
        provider: Option<&'static CryptoProvider>,
    ) -> Result<JwtVerifier, BuildError> {
        self.check_texts()?;
        if !TOKEN_BYTES.contains(&self.max_token_bytes) {
            return Err(BuildError::TokenLimit {
                bytes: self.max_token_bytes,
            });
        }
        let check = match &self.keys {
            Some(keys) => Some(self.check(keys, provider)?),
            None => self.check_nothing_is_checked().map(|()| None)?,
        };
        Ok(JwtVerifier {
            check,
            mapping: self.mapping,
            max_token_bytes: self.max_token_bytes,
            required: self.required,
            scheme: self.scheme,
        })
    }

    fn check(
        &self,
        keys: &[JwtKey],
        provider: Option<&'static CryptoProvider>,
    ) -> Result<Check, BuildError> {
        if keys.is_empty() {
            return Err(BuildError::KeyMissing);
        }
        let issuer = self.issuer.clone().ok_or(BuildError::IssuerMissing)?;
        if self.audiences.is_empty() {
            return Err(BuildError::AudienceMissing);
        }
        let leeway = self.leeway.unwrap_or(DEFAULT_LEEWAY);
        if leeway > MAX_LEEWAY {
            return Err(BuildError::LeewayTooLong { leeway });
        }
        let provider = provider.ok_or(BuildError::BackendMissing)?;
        Ok(Check {
            expectation: Expectation {
                issuer,
                audiences: self.audiences.clone(),
                leeway,
            },
            keys: Keys::new(keys, provider)?,
            token_type: self.token_type.clone(),
        })
    }

    /// A check that is set and not made would be worse than none.
    fn check_nothing_is_checked(&self) -> Result<(), BuildError> {
        let set = [
            ("issuer", self.issuer.is_some()),
            ("audience", !self.audiences.is_empty()),
            ("leeway", self.leeway.is_some()),
            ("token_type", self.token_type.is_some()),
        ];
        match set.iter().find(|(_, is_set)| *is_set) {
            Some((setting, _)) => Err(BuildError::InsecureSetting { setting }),
            None => Ok(()),
        }
    }

    fn check_texts(&self) -> Result<(), BuildError> {
        let mapping = &self.mapping;
        let quotable = |text: &str| {
            let fits = |byte| (b' '..=b'~').contains(&byte) && byte != b'"' && byte != b'\\';
            !text.is_empty() && text.bytes().all(fits)
        };
        let filled = |text: &str| !text.is_empty();
        let texts = "an ASCII text without quotes and backslashes";
        let claims = [&mapping.id, &mapping.name, &mapping.act].into_iter();
        let claims = claims
            .chain(&mapping.tenant)
            .chain(mapping.kinds.iter().map(|rule| &rule.claim));
        for claim in claims {
            require("a claim name", texts, claim, quotable)?;
        }
        require("the realm", texts, &self.scheme.realm, quotable)?;
        require(
            "the scheme",
            "a token of RFC 9110",
            &self.scheme.name,
            is_token,
        )?;
        for text in self
            .issuer
            .iter()
            .chain(&self.audiences)
            .chain(&self.token_type)
        {
            require("an issuer, audience or token type", "a text", text, filled)?;
        }
        for rule in &mapping.kinds {
            let fits = |word: &str| ["service", "system", "user"].contains(&word);
            let kinds = "`service`, `system` or `user`";
            require("the kind of `kind_when`", kinds, rule.kind.as_str(), fits)?;
        }
        Ok(())
    }
}

fn require(
    setting: &'static str,
    expected: &'static str,
    value: &str,
    fits: impl Fn(&str) -> bool,
) -> Result<(), BuildError> {
    if fits(value) {
        return Ok(());
    }
    Err(BuildError::InvalidText {
        setting,
        expected,
        value: value.to_owned(),
    })
}

/// RFC 9110, section 5.6.2.
fn is_token(text: &str) -> bool {
    let is_char = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_char)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_cryptography_only_decoding_can_be_built() {
        let verifying = JwtVerifier::hs256([7; 32]).issuer("i").audience("a");
        assert!(verifying.clone().build().is_ok());
        let refused = verifying.build_with(None).err();
        assert_eq!(refused, Some(BuildError::BackendMissing));
        let decoding = JwtVerifier::insecure_decode_only();
        assert!(decoding.build_with(None).is_ok());
    }
}
