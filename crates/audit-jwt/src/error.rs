//! Why a verifier cannot be built, and why a token is refused.

use std::time::Duration;

/// Why a key cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// It is a certificate.
    #[error("it is a certificate; extract its key with `openssl x509 -pubkey -noout`")]
    Certificate,
    /// It is neither PEM nor DER of a public key.
    #[error("it is no public key; give a `PUBLIC KEY` PEM or its DER")]
    Malformed,
    /// It is a key of another algorithm or curve.
    #[error("it is a public key of another algorithm or curve; give one for `{expected}`")]
    OtherAlgorithm {
        /// The algorithm it was given for.
        expected: &'static str,
    },
    /// It is a private key, which a verifier must not hold.
    #[error("it is a private key; extract the public one with `openssl pkey -pubout`")]
    Private,
    /// The RSA modulus is too short to be safe or too long to be served.
    #[error("its modulus has {bits} bits; use 2048 to 4096")]
    RsaSize {
        /// Its length in bits.
        bits: usize,
    },
    /// The secret is shorter than the hash.
    #[error("the secret has {length} bytes; use at least 32 random bytes")]
    ShortSecret {
        /// Its length in bytes.
        length: usize,
    },
}

/// Settings with which no token could be verified safely.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// No audience is set, so that tokens for other services would be taken.
    #[error("no audience is set; call `audience` with the name by which tokens mean this service")]
    AudienceMissing,
    /// The crate was compiled without cryptography.
    #[error("no signature can be checked; turn on the feature `rust-crypto` or `aws-lc`")]
    BackendMissing,
    /// Two keys share a key id.
    #[error("two keys have the id `{id}`; give each its own")]
    DuplicateKeyId {
        /// The id.
        id: String,
    },
    /// A check is asked for, but the verifier checks nothing.
    #[error("`{setting}` is set, but nothing is verified; leave it out or verify")]
    InsecureSetting {
        /// The setting.
        setting: &'static str,
    },
    /// A key cannot be used.
    #[error("the {algorithm} key {}cannot be used", .id.as_ref().map(|id| format!("`{id}` ")).unwrap_or_default())]
    InvalidKey {
        /// Its algorithm.
        algorithm: &'static str,
        /// Its key id.
        id: Option<String>,
        /// What is wrong with it.
        source: KeyError,
    },
    /// A key id that no token could name.
    #[error("the key id {id:?} must be 1 to 128 of the characters A-Z a-z 0-9 . _ ~ -")]
    InvalidKeyId {
        /// The id.
        id: String,
    },
    /// A setting that must be a short text.
    #[error("{setting} must be {expected}; it is {value:?}")]
    InvalidText {
        /// The setting.
        setting: &'static str,
        /// What it must be.
        expected: &'static str,
        /// Its value.
        value: String,
    },
    /// No issuer is set, so that tokens of anybody who shares the key would be taken.
    #[error("no issuer is set; call `issuer` with the `iss` of the tokens")]
    IssuerMissing,
    /// Several keys, and one of them has no id to choose it by.
    #[error("one of several keys has no id; give each one with `JwtKey::id`")]
    KeyIdMissing,
    /// There is no key to verify by.
    #[error("no key is given; give at least one")]
    KeyMissing,
    /// The leeway would keep expired tokens alive.
    #[error("the leeway is {leeway:?}; set at most 30 s and fix the clocks")]
    LeewayTooLong {
        /// The leeway.
        leeway: Duration,
    },
    /// The largest token is out of range.
    #[error("the largest token is {bytes} bytes; set 64 to 65536")]
    TokenLimit {
        /// The setting.
        bytes: usize,
    },
}

/// Why a token is refused. No part of the token is in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The header names another algorithm than that of the key.
    #[error("the token is not signed by the algorithm of its key; sign it with that one")]
    Algorithm,
    /// The audience is another service.
    #[error("the token is for another audience; ask for one for this service")]
    Audience,
    /// A claim has the wrong form.
    #[error("the claim `{claim}` of the token must be {expected}")]
    ClaimInvalid {
        /// The name of the claim.
        claim: String,
        /// What it must be.
        expected: &'static str,
    },
    /// A claim is absent.
    #[error("the token has no claim `{claim}`; issue it with one")]
    ClaimMissing {
        /// The name of the claim.
        claim: String,
    },
    /// The header asks for an extension, and none is understood.
    #[error("the token needs an extension (`crit`) that is not understood; issue it without")]
    CriticalHeader,
    /// A JSON object of the token has a key twice, so that two readers could read two things.
    #[error("the token has a JSON key twice; issue it with each key once")]
    DuplicateKey,
    /// The token was valid until a time that is over.
    #[error("the token has expired; get a new one")]
    Expired,
    /// The issuer is another one.
    #[error("the token is from another issuer; get one from the issuer of this service")]
    Issuer,
    /// The key id has characters or a length that no key id has.
    #[error("the key id of the token must be 1 to 128 of the characters A-Z a-z 0-9 . _ ~ -")]
    KeyIdInvalid,
    /// No key has the id that the token names, or it names none where there are several.
    #[error("the token names no key of this service; sign it with a current one")]
    KeyUnknown,
    /// It is not three base64url parts with two JSON objects.
    #[error("the token is malformed; send a signed JWT in compact form")]
    Malformed,
    /// The token becomes valid later.
    #[error("the token is not valid yet; wait, or fix the clocks")]
    NotYetValid,
    /// The token is longer than is read.
    #[error("the token is longer than {limit} bytes; issue it with fewer claims")]
    Oversize {
        /// The most bytes that are read.
        limit: usize,
    },
    /// The signature is not that of the key over this token.
    #[error("the signature of the token does not hold; get a new token")]
    Signature,
    /// The `typ` is that of another kind of token.
    #[error("the token is of another type; send one of the type that this service takes")]
    Type,
}

impl TokenError {
    /// The stable word for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Algorithm => "token_algorithm",
            Self::Audience => "token_audience",
            Self::ClaimInvalid { .. } => "token_claim_invalid",
            Self::ClaimMissing { .. } => "token_claim_missing",
            Self::CriticalHeader => "token_critical_header",
            Self::DuplicateKey => "token_duplicate_key",
            Self::Expired => "token_expired",
            Self::Issuer => "token_issuer",
            Self::KeyIdInvalid => "token_key_id_invalid",
            Self::KeyUnknown => "token_key_unknown",
            Self::Malformed => "token_malformed",
            Self::NotYetValid => "token_not_yet_valid",
            Self::Oversize { .. } => "token_oversize",
            Self::Signature => "token_signature",
            Self::Type => "token_type",
        }
    }

    pub(crate) fn invalid(claim: &str, expected: &'static str) -> Self {
        Self::ClaimInvalid {
            claim: claim.to_owned(),
            expected,
        }
    }

    pub(crate) fn missing(claim: &str) -> Self {
        Self::ClaimMissing {
            claim: claim.to_owned(),
        }
    }
}
