//! Who acts, wherever the request's work is done.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use audit_core::context::{carry, set_actor};
use audit_core::{Actor, Assurance};
use audit_testkit::http::{actor_now, by_header, describe};
use audit_tower::AuditLayer;
use axum::extract::{FromRequestParts, Request};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::get;
use axum::{Extension, Router};
use http::request::Parts;

use crate::server::Server;

/// What an extractor saw.
struct Seen(String);

impl<S: Sync> FromRequestParts<S> for Seen {
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, _: &S) -> Result<Self, Infallible> {
        tokio::task::yield_now().await;
        Ok(Self(actor_now()))
    }
}

/// An extractor that learns the actor itself.
struct SignedIn;

impl<S: Sync> FromRequestParts<S> for SignedIn {
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, _: &S) -> Result<Self, Infallible> {
        assert!(set_actor(Actor::user("carol")));
        Ok(Self)
    }
}

#[derive(Clone)]
struct Claims {
    subject: &'static str,
}

#[tokio::test]
async fn extractor_handler_and_what_follows_an_await_see_the_actor() {
    let handler = async |Seen(extractor): Seen| {
        let before = actor_now();
        tokio::task::yield_now().await;
        format!("{extractor} {before} {}", actor_now())
    };
    let app = Router::new()
        .route("/", get(handler))
        .layer(AuditLayer::new(by_header));
    let server = Server::start(app).await;
    let answer = server.get("/", &[("x-user", "alice")]).await;
    assert_eq!(answer.text, "alice alice alice");
    assert_eq!(actor_now(), "none");
}

#[tokio::test]
async fn an_actor_set_by_an_extractor_holds_for_the_handler_only() {
    let handler = async |_: SignedIn| actor_now();
    let app = Router::new()
        .route("/", get(handler))
        .route("/plain", get(async || actor_now()))
        .layer(AuditLayer::new(by_header));
    let server = Server::start(app).await;
    assert_eq!(server.get("/", &[("x-user", "alice")]).await.text, "carol");
    assert_eq!(
        server.get("/plain", &[("x-user", "alice")]).await.text,
        "alice"
    );
}

#[tokio::test]
async fn a_bare_spawn_has_no_context_and_carry_keeps_it() {
    let handler = async || {
        let bare = tokio::spawn(async { actor_now() }).await.unwrap();
        let carried = tokio::spawn(carry(async { actor_now() })).await.unwrap();
        format!("{bare} {carried}")
    };
    let app = Router::new()
        .route("/", get(handler))
        .layer(AuditLayer::new(by_header));
    let server = Server::start(app).await;
    assert_eq!(
        server.get("/", &[("x-user", "alice")]).await.text,
        "none alice"
    );
}

#[tokio::test]
async fn a_request_without_credentials_is_anonymous() {
    let app = Router::new()
        .route("/", get(describe))
        .layer(AuditLayer::new(by_header));
    let seen = Server::start(app).await.get("/", &[]).await.json();
    assert_eq!(
        (&seen["kind"], &seen["actor"]),
        (&"anonymous".into(), &"".into())
    );
    assert!(seen["assurance"].is_null());
}

#[tokio::test]
async fn claims_of_the_applications_own_layer_are_asserted() {
    let from_claims = || {
        AuditLayer::from_extension(|claims: &Claims| {
            Actor::user(claims.subject).with_assurance(Assurance::Verified)
        })
    };
    let app = Router::new().route("/", get(describe)).layer(from_claims());
    let server = Server::start(app.clone().layer(Extension(Claims { subject: "dora" }))).await;
    let seen = server.get("/", &[]).await.json();
    assert_eq!(seen["actor"], "dora");
    assert_eq!(seen["assurance"], "asserted");
    let server = Server::start(app).await;
    assert_eq!(server.get("/", &[]).await.json()["kind"], "anonymous");
}

#[tokio::test]
async fn the_innermost_of_nested_layers_wins_and_the_outer_one_comes_back() {
    let after: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = Arc::clone(&after);
    let between = from_fn(move |request: Request, next: Next| {
        let log = Arc::clone(&log);
        async move {
            let before = actor_now();
            let response: Response = next.run(request).await;
            log.lock().unwrap().extend([before, actor_now()]);
            response
        }
    });
    let app = Router::new()
        .route("/", get(describe))
        .layer(AuditLayer::new(|_: &dyn audit_core::actor::RequestHead| {
            audit_core::actor::Resolution::Actor(Actor::service("inner"))
        }))
        .layer(between)
        .layer(AuditLayer::new(by_header));
    let answer = Server::start(app)
        .await
        .get("/", &[("x-user", "outer")])
        .await;
    let seen = answer.json();
    assert_eq!(
        (&seen["actor"], &seen["kind"]),
        (&"inner".into(), &"service".into())
    );
    assert_eq!(*after.lock().unwrap(), ["outer", "outer"]);
    // One request, one id.
    assert_eq!(seen["request_id"].as_str(), answer.header("x-request-id"));
    assert_eq!(answer.headers.get_all("x-request-id").iter().count(), 1);
}
