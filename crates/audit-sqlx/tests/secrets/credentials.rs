//! Secrets that open doors: tokens, their secret, passwords, cookies.

use std::convert::Infallible;
use std::fmt::Write as _;

use audit_core::context;
use audit_jwt::JwtVerifier;
use audit_tower::AuditLayer;
use http::{Request, Response, StatusCode};
use jsonwebtoken::{EncodingKey, Header};
use serde_json::json;
use tower::{Layer as _, ServiceExt as _, service_fn};

const SECRET: &str = "canary-signing-c41f5a8e77d1c30b9e2a4d6f8013";
const CLAIM: &str = "canary-claim-93b1e0a7";
const BASIC: &str = "canary-basic-5d2c88f1";
const COOKIE: &str = "canary-cookie-0f4be7d9";
const API_KEY: &str = "canary-api-key-7712cd3a";
const QUERY: &str = "canary-query-e6a90b54";
const AWAY: &str = "canary-away-1b7d0c92";
const REFUSED: &str = "canary-refused-44e8a1f0";

/// 2001 and 2100.
const LONG_AGO: u64 = 1_000_000_000;
const FAR_AHEAD: u64 = 4_102_444_800;

fn token(secret: &str, expires: u64) -> String {
    let claims = json!({
        "iss": "https://id.example", "aud": "api", "sub": "alice", "exp": expires, "pin": CLAIM,
    });
    let key = EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&Header::default(), &claims, &key).unwrap()
}

fn signature(token: &str) -> String {
    token.rsplit('.').next().unwrap().to_owned()
}

/// What was planted, and what it made us say.
pub(crate) struct Credentials {
    pub(crate) secrets: Vec<String>,
    /// The password that the server takes. Tests of foreign tables write it into the server's log.
    pub(crate) password: Option<String>,
    pub(crate) said: String,
}

impl Credentials {
    /// Does work in a request that holds, after some that do not.
    pub(crate) async fn around(work: impl Future<Output = ()>) -> Self {
        let builder = JwtVerifier::hs256(SECRET)
            .issuer("https://id.example")
            .audience("api");
        let mut said = format!("{builder:?}");
        let verifier = builder.build().unwrap();
        let (valid, forged) = (token(SECRET, FAR_AHEAD), token("forged", FAR_AHEAD));
        let expired = token(SECRET, LONG_AGO);
        for refused in [&forged, &expired] {
            let error = verifier.actor(refused).unwrap_err();
            write!(said, "{error} {error:?}").unwrap();
        }
        let layer = AuditLayer::new(verifier.clone());
        write!(said, "{verifier:?} {layer:?}").unwrap();
        let basic = format!("Basic {BASIC}");
        for refused in [
            &format!("Bearer {forged}"),
            &format!("Bearer {expired}"),
            &basic,
        ] {
            let silent = service_fn(async |_: Request<()>| {
                Ok::<_, Infallible>(Response::new(format!("{:?}", context::current())))
            });
            let answer = layer.layer(silent).oneshot(request(refused)).await.unwrap();
            assert!(*refused == basic || answer.status() == StatusCode::UNAUTHORIZED);
            write!(said, "{answer:?}").unwrap();
        }
        let mut work = Some(work);
        let working = service_fn(|_: Request<()>| {
            let work = work.take().unwrap();
            async {
                work.await;
                Ok::<_, Infallible>(Response::new(format!("{:?}", context::current())))
            }
        });
        let holds = request(&format!("Bearer {valid}"));
        let answer = layer.layer(working).oneshot(holds).await.unwrap();
        assert!(answer.body().contains("alice"), "{answer:?}");
        write!(said, "{answer:?}").unwrap();
        let secrets = [SECRET, CLAIM, BASIC, COOKIE, API_KEY, QUERY].map(str::to_owned);
        let mut secrets = Vec::from(secrets);
        secrets.extend([
            signature(&valid),
            signature(&forged),
            signature(&expired),
            valid,
        ]);
        Self {
            secrets,
            password: None,
            said,
        }
    }

    /// Opens pools that cannot be opened: at a port where nobody listens, and with a password that
    /// the server does not take. The one that it takes is a secret as well.
    pub(crate) async fn knock<DB: audit_sqlx::AuditDatabase>(
        &mut self,
        url: &str,
        attach: impl Fn() -> audit_sqlx::Attach<DB>,
    ) {
        let Some((scheme, rest)) = url.split_once("://") else {
            return;
        };
        let Some((account, host)) = rest.split_once('@') else {
            return;
        };
        let (user, password) = account.split_once(':').unwrap();
        let away = format!("{scheme}://{user}:{AWAY}@127.0.0.1:1/none");
        let refused = format!("{scheme}://{user}:{REFUSED}@{host}");
        for url in [away, refused] {
            let error = attach().connect(&url).await.unwrap_err();
            write!(self.said, "{error} {error:?}").unwrap();
        }
        self.secrets.extend([AWAY, REFUSED].map(str::to_owned));
        self.password = Some(password.to_owned());
    }
}

fn request(authorization: &str) -> Request<()> {
    Request::builder()
        .uri(format!("/users/1?access_token={QUERY}"))
        .header("authorization", authorization)
        .header("cookie", format!("session={COOKIE}"))
        .header("x-api-key", API_KEY)
        .body(())
        .unwrap()
}
