//! Demo tokens. A real service gets them from its identity provider.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use jsonwebtoken::{EncodingKey, Header};
use serde_json::json;

pub(crate) const ISSUER: &str = "https://id.example";
pub(crate) const AUDIENCE: &str = "quickstart";

const HOUR: i64 = 3600;

/// The key that issuer and service share, made anew at each start.
pub(crate) struct Secret([u8; 32]);

impl Secret {
    pub(crate) fn random() -> Result<Self> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).context("the system gives no random numbers")?;
        Ok(Self(bytes))
    }

    /// A token that holds for an hour.
    pub(crate) fn token(&self, id: &str, name: &str) -> Result<String> {
        self.token_until(id, name, HOUR)
    }

    /// A token that ran out an hour ago.
    pub(crate) fn expired_token(&self, id: &str, name: &str) -> Result<String> {
        self.token_until(id, name, -HOUR)
    }

    fn token_until(&self, id: &str, name: &str, seconds: i64) -> Result<String> {
        let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?;
        let claims = json!({
            "iss": ISSUER, "aud": AUDIENCE, "sub": id, "name": name,
            "iat": now.min(now + seconds) , "exp": now + seconds,
        });
        let key = EncodingKey::from_secret(&self.0);
        Ok(jsonwebtoken::encode(&Header::default(), &claims, &key)?)
    }
}

impl AsRef<[u8]> for Secret {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}
