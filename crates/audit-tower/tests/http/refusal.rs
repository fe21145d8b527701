//! A token that does not hold is answered without the handler.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use audit_jwt::{JwtVerifier, JwtVerifierBuilder};
use audit_testkit::http::describe;
use audit_tower::AuditLayer;
use axum::Router;
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::StatusCode;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::server::Server;

pub(crate) const SECRET: &[u8] = b"a secret of the tests, 32 bytes at least";
const YEAR_2100: u64 = 4_102_444_800;

/// A key that anybody may have, as audit-jwt's tests use it.
const PUBLIC_KEY: &str = include_str!("../../../audit-jwt/tests/fixtures/rs256.pub.pem");

/// Claims that hold until then.
fn claims() -> Value {
    json!({ "iss": "https://id.example", "aud": "api", "sub": "alice", "exp": YEAR_2100 })
}

/// The part of a token that is signed.
fn message(header: &Value, claims: &Value) -> String {
    [header, claims]
        .map(|part| URL_SAFE_NO_PAD.encode(part.to_string()))
        .join(".")
}

/// A token of these claims, signed without the crate that verifies it.
fn signed(claims: &Value, secret: &[u8]) -> String {
    let message = message(&json!({ "alg": "HS256" }), claims);
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
    mac.update(message.as_bytes());
    let signature = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
    format!("Bearer {message}.{signature}")
}

/// A token for `alice`.
pub(crate) fn bearer(secret: &[u8]) -> String {
    signed(&claims(), secret)
}

async fn start() -> (Server, Arc<AtomicUsize>) {
    start_with(JwtVerifier::hs256(SECRET)).await
}

async fn start_with(verifier: JwtVerifierBuilder) -> (Server, Arc<AtomicUsize>) {
    let runs = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&runs);
    let handler = move || {
        counter.fetch_add(1, Ordering::SeqCst);
        describe()
    };
    let verifier = verifier.issuer("https://id.example").audience("api");
    let layer = AuditLayer::new(verifier.build().unwrap());
    let app = Router::new().route("/", get(handler)).layer(layer);
    (Server::start(app).await, runs)
}

#[tokio::test]
async fn a_good_token_reaches_the_handler_as_a_verified_actor() {
    let (server, runs) = start().await;
    let answer = server.get("/", &[("authorization", &bearer(SECRET))]).await;
    assert_eq!(answer.status, StatusCode::OK);
    let seen = answer.json();
    assert_eq!(
        (&seen["actor"], &seen["assurance"]),
        (&"alice".into(), &"verified".into())
    );
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_forged_token_is_answered_401_and_the_handler_never_runs() {
    let (server, runs) = start().await;
    let forged = bearer(b"another secret, 32 bytes at the least");
    let answer = server.get("/", &[("authorization", &forged)]).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let message = "the signature of the token does not hold; get a new token";
    assert_eq!(
        answer.json(),
        json!({ "error": "token_signature", "message": message })
    );
    let challenge =
        format!("Bearer realm=\"api\", error=\"invalid_token\", error_description=\"{message}\"");
    assert_eq!(answer.header("www-authenticate"), Some(challenge.as_str()));
    assert!(answer.header("x-request-id").is_some());
    assert_eq!(runs.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn every_kind_of_bad_token_is_answered_401_and_the_handler_never_runs() {
    let with = |claim: &str, value: Value| {
        let mut claims = claims();
        claims[claim] = value;
        signed(&claims, SECRET)
    };
    let unsigned = message(&json!({ "alg": "none" }), &claims());
    let secret = || JwtVerifier::hs256(SECRET);
    let public_key = JwtVerifier::rs256(PUBLIC_KEY);
    let kinds = [
        (secret(), with("exp", json!(1)), "token_expired"),
        (secret(), with("aud", json!("web")), "token_audience"),
        (secret(), format!("Bearer {unsigned}."), "token_algorithm"),
        // Who takes the algorithm from the token takes the public key for the secret.
        (public_key, bearer(PUBLIC_KEY.as_bytes()), "token_algorithm"),
    ];
    for (verifier, token, code) in kinds {
        let (server, runs) = start_with(verifier).await;
        let answer = server.get("/", &[("authorization", &token)]).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{code}");
        assert_eq!(answer.json()["error"], code);
        assert_eq!(runs.load(Ordering::SeqCst), 0, "{code}");
    }
}

#[tokio::test]
async fn two_authorization_headers_are_refused_over_the_wire() {
    let (server, runs) = start().await;
    let good = bearer(SECRET);
    let headers = [
        ("authorization", good.as_str()),
        ("authorization", good.as_str()),
    ];
    let answer = server.get("/", &headers).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(answer.json()["error"], "credentials_repeated");
    assert_eq!(runs.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn no_token_is_anonymous() {
    let (server, runs) = start().await;
    assert_eq!(server.get("/", &[]).await.json()["kind"], "anonymous");
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}
