//! Tokens signed without the crate that verifies them.

use std::time::{Duration, SystemTime};

use audit_jwt::{JwtVerifier, JwtVerifierBuilder, TokenError};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

/// The secret of the tests.
pub(crate) const SECRET: &[u8] = b"a secret of the tests, 32 bytes at least";

/// The time of the tests, in seconds since 1970.
pub(crate) const NOW: u64 = 1_800_000_000;

/// A time past every test run, in seconds since 1970.
pub(crate) const YEAR_2100: u64 = 4_102_444_800;

/// The base64url form of a part.
pub(crate) fn part(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

/// A token of any header and claims, signed by HMAC with SHA-256.
pub(crate) fn signed(header: &str, claims: &str, secret: &[u8]) -> String {
    let message = format!("{}.{}", part(header), part(claims));
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
    mac.update(message.as_bytes());
    let signature = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
    format!("{message}.{signature}")
}

/// A token of these claims as they should be.
pub(crate) fn token(claims: &Value) -> String {
    signed(r#"{"alg":"HS256"}"#, &claims.to_string(), SECRET)
}

/// Claims that hold at [`NOW`].
pub(crate) fn good() -> Value {
    json!({ "iss": "https://id.example", "aud": "api", "sub": "alice", "exp": NOW + 60 })
}

/// [`good`] claims with one of them replaced.
pub(crate) fn with(claim: &str, value: impl Into<Value>) -> Value {
    let mut claims = good();
    claims[claim] = value.into();
    claims
}

/// A builder that takes the tokens made here.
pub(crate) fn settings() -> JwtVerifierBuilder {
    JwtVerifier::hs256(SECRET)
        .issuer("https://id.example")
        .audience("api")
        .leeway(Duration::ZERO)
}

/// The time of the tests and some seconds.
pub(crate) fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// What the verifier makes of a token at [`NOW`].
pub(crate) fn refused(verifier: &JwtVerifier, token: &str) -> Option<TokenError> {
    verifier.actor_at(token, at(NOW)).err()
}
