//! The issuer of the demo's tokens. A real service has an identity provider.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use jsonwebtoken::{EncodingKey, Header};
use serde_json::json;

use crate::client::Tokens;

const HOUR: i64 = 3600;

/// Who issues tokens for an example. `Debug` does not show the key.
#[derive(Clone)]
pub struct Issuer {
    audience: &'static str,
    key: [u8; 32],
}

impl fmt::Debug for Issuer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Issuer({:?})", self.audience)
    }
}

impl Issuer {
    /// The name of the issuer, which a verifier must ask for.
    pub const NAME: &'static str = "https://id.example";

    /// An issuer with a key that is made anew at each start.
    pub(crate) fn new(audience: &'static str) -> Result<Self> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).context("the system gives no random numbers")?;
        Ok(Self { audience, key })
    }

    /// Whom the tokens are for: the name of the example.
    #[must_use]
    pub fn audience(&self) -> &'static str {
        self.audience
    }

    /// The key that issuer and service share.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// The tokens of everybody who has one.
    pub(crate) fn tokens(&self) -> Result<Tokens> {
        Ok(Tokens {
            alice: self.token("alice", "Alice", HOUR)?,
            bob: self.token("bob", "Bob", HOUR)?,
            expired: self.token("alice", "Alice", -HOUR)?,
            forged: Self::new(self.audience)?.token("alice", "Alice", HOUR)?,
        })
    }

    /// A token that holds for so many seconds.
    fn token(&self, id: &str, name: &str, seconds: i64) -> Result<String> {
        let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?;
        let claims = json!({
            "iss": Self::NAME, "aud": self.audience, "sub": id, "name": name,
            "iat": now.min(now + seconds) , "exp": now + seconds,
        });
        let key = EncodingKey::from_secret(&self.key);
        Ok(jsonwebtoken::encode(&Header::default(), &claims, &key)?)
    }
}
