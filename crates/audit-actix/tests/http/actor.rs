//! Who acts, wherever the request's work is done.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::middleware::{Next, from_fn};
use actix_web::{Error, FromRequest, HttpMessage as _, HttpRequest, guard, rt, web};
use audit_actix::{AuditBody, AuditMiddleware, block};
use audit_core::actor::{RequestHead, Resolution};
use audit_core::context::{carry, set_actor};
use audit_core::{Actor, Assurance};
use audit_testkit::http::{actor_now, by_header, describe};
use futures_util::future::{Ready, ready};

use crate::server::{Server, audited, tell};

/// What an extractor saw: when it was called, and after an await.
struct Seen(String);

impl FromRequest for Seen {
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Error>>>>;

    fn from_request(_: &HttpRequest, _: &mut Payload) -> Self::Future {
        let at_call = actor_now();
        Box::pin(async move {
            tokio::task::yield_now().await;
            Ok(Self(format!("{at_call} {}", actor_now())))
        })
    }
}

/// An extractor that learns the actor itself.
struct SignedIn;

impl FromRequest for SignedIn {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(_: &HttpRequest, _: &mut Payload) -> Self::Future {
        assert!(set_actor(Actor::user("carol")));
        ready(Ok(Self))
    }
}

struct Claims {
    subject: &'static str,
}

#[actix_web::test]
async fn extractor_handler_and_what_follows_an_await_see_the_actor() {
    let handler = async |Seen(extractor): Seen| {
        let before = actor_now();
        tokio::task::yield_now().await;
        format!("{extractor} {before} {}", actor_now())
    };
    let server = Server::start(audited(), move |app| {
        app.route("/", web::get().to(handler));
    });
    let seen = server.text("/", "alice").await;
    assert_eq!(seen, "alice alice alice alice");
    assert_eq!(actor_now(), "none");
}

#[actix_web::test]
async fn an_actor_set_by_an_extractor_holds_for_its_request_only() {
    let server = Server::start(audited(), |app| {
        let signed_in = async |_: SignedIn| actor_now();
        app.route("/", web::get().to(signed_in))
            .route("/plain", web::get().to(tell));
    });
    assert_eq!(server.text("/", "alice").await, "carol");
    assert_eq!(server.text("/plain", "alice").await, "alice");
}

#[actix_web::test]
async fn scopes_guards_middlewares_and_the_default_service_see_the_actor() {
    async fn note(
        request: ServiceRequest,
        next: Next<impl MessageBody>,
    ) -> Result<ServiceResponse<impl MessageBody>, Error> {
        let seen = actor_now();
        request.extensions_mut().insert(seen);
        let response = next.call(request).await?;
        assert_eq!(actor_now(), "alice");
        Ok(response)
    }
    let server = Server::start(audited(), |app| {
        let handler = async |request: HttpRequest| {
            let middleware = request.extensions().get::<String>().cloned();
            format!("{} {}", middleware.unwrap(), actor_now())
        };
        let for_alice = || guard::fn_guard(|_| actor_now() == "alice");
        let inner = web::scope("/inner")
            .guard(for_alice())
            .route("/{id}", web::get().to(handler));
        // Asked in the call of the service, before there is a future.
        app.route(
            "/guarded",
            web::get().guard(for_alice()).to(async || "passed"),
        )
        .service(web::scope("/outer").wrap(from_fn(note)).service(inner))
        .default_service(web::to(tell));
    });
    assert_eq!(server.text("/guarded", "alice").await, "passed");
    assert_eq!(server.text("/guarded", "bob").await, "bob");
    assert_eq!(server.text("/outer/inner/7", "alice").await, "alice alice");
    assert_eq!(server.text("/nowhere", "alice").await, "alice");
}

#[actix_web::test]
async fn a_bare_spawn_has_no_context_and_carry_keeps_it() {
    let server = Server::start(audited(), |app| {
        let handler = async || {
            let bare = rt::spawn(async { actor_now() }).await.unwrap();
            let carried = rt::spawn(carry(async { actor_now() })).await.unwrap();
            format!("{bare} {carried}")
        };
        app.route("/", web::get().to(handler));
    });
    assert_eq!(server.text("/", "alice").await, "none alice");
}

#[actix_web::test]
async fn a_bare_web_block_has_no_context_and_block_keeps_it() {
    let server = Server::start(audited(), |app| {
        let handler = async || {
            let carried = block(actor_now).await.unwrap();
            // On a thread that just served someone.
            let bare = web::block(actor_now).await.unwrap();
            format!("{carried} {bare}")
        };
        app.route("/", web::get().to(handler));
    });
    for user in ["alice", "bob", "carol"] {
        assert_eq!(server.text("/", user).await, format!("{user} none"));
    }
    assert_eq!(block(actor_now).await.unwrap(), "none");
    assert!(block(|| panic!("fell over")).await.is_err());
}

#[actix_web::test]
async fn a_request_without_credentials_is_anonymous() {
    let server = Server::start(audited(), |app| {
        app.route("/", web::get().to(describe));
    });
    let seen = server.get("/", &[]).await.json();
    assert_eq!(
        (&seen["kind"], &seen["actor"]),
        (&"anonymous".into(), &"".into())
    );
    assert!(seen["assurance"].is_null());
}

#[actix_web::test]
async fn claims_of_the_applications_own_middleware_are_asserted() {
    async fn authenticate(
        request: ServiceRequest,
        next: Next<impl MessageBody>,
    ) -> Result<ServiceResponse<impl MessageBody>, Error> {
        request.extensions_mut().insert(Claims { subject: "dora" });
        next.call(request).await
    }
    let server = Server::start(audited(), |app| {
        let from_claims = || {
            AuditMiddleware::from_extension(|claims: &Claims| {
                Actor::user(claims.subject).with_assurance(Assurance::Verified)
            })
        };
        let known = web::resource("/known")
            .wrap(from_claims())
            .wrap(from_fn(authenticate))
            .to(describe);
        let unknown = web::resource("/unknown").wrap(from_claims()).to(describe);
        app.service(known).service(unknown);
    });
    let seen = server.get("/known", &[]).await.json();
    assert_eq!(seen["actor"], "dora");
    assert_eq!(seen["assurance"], "asserted");
    let seen = server.get("/unknown", &[("x-user", "outer")]).await.json();
    assert_eq!(seen["kind"], "anonymous");
}

#[actix_web::test]
async fn the_innermost_of_nested_middlewares_wins_and_the_outer_one_comes_back() {
    let after: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = Arc::clone(&after);
    let server = Server::start(AuditMiddleware::new(by_header), move |app| {
        let log = Arc::clone(&log);
        let between = from_fn(
            move |request: ServiceRequest, next: Next<EitherBody<AuditBody<BoxBody>>>| {
                let log = Arc::clone(&log);
                async move {
                    let before = actor_now();
                    let response = next.call(request).await?;
                    log.lock().unwrap().extend([before, actor_now()]);
                    Ok::<_, Error>(response)
                }
            },
        );
        let inner =
            AuditMiddleware::new(|_: &dyn RequestHead| Resolution::Actor(Actor::service("inner")));
        let resource = web::resource("/").wrap(inner).wrap(between).to(describe);
        app.service(resource);
    });
    let answer = server.get("/", &[("x-user", "outer")]).await;
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
