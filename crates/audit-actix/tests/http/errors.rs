//! Who acts where an error becomes a response.

use std::convert::Infallible;
use std::fmt;

use actix_web::body::MessageBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::middleware::{ErrorHandlerResponse, ErrorHandlers, Next, from_fn};
use actix_web::web::Bytes;
use actix_web::{Error, FromRequest, HttpRequest, HttpResponse, ResponseError, web};
use audit_testkit::http::actor_now;
use futures_util::future::{Ready, ready};
use futures_util::stream;

use crate::server::{Server, audited};

/// An error that answers with the actor.
#[derive(Debug)]
struct Failed;

impl fmt::Display for Failed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("failed")
    }
}

impl ResponseError for Failed {
    fn error_response(&self) -> HttpResponse {
        HttpResponse::BadRequest().body(actor_now())
    }
}

/// An extractor that always fails.
struct Never;

impl FromRequest for Never {
    type Error = Failed;
    type Future = Ready<Result<Self, Failed>>;

    fn from_request(_: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Err(Failed))
    }
}

async fn fail() -> Result<HttpResponse, Failed> {
    tokio::task::yield_now().await;
    Err(Failed)
}

#[actix_web::test]
async fn the_error_of_a_handler_or_an_extractor_is_answered_in_the_scope() {
    let server = Server::start(audited(), |app| {
        app.route("/handler", web::get().to(fail)).route(
            "/extractor",
            web::get().to(async |_: Never| HttpResponse::Ok()),
        );
    });
    for path in ["/handler", "/extractor"] {
        let answer = server.get(path, &[("x-user", "alice")]).await;
        assert_eq!(
            (answer.status.as_u16(), answer.text.as_str()),
            (400, "alice")
        );
        assert!(answer.header("x-request-id").is_some());
    }
}

#[actix_web::test]
async fn error_handlers_inside_the_middleware_see_the_actor() {
    let handlers = || {
        ErrorHandlers::new().handler(StatusCode::BAD_REQUEST, |response: ServiceResponse<_>| {
            let (request, response) = response.into_parts();
            let answer =
                HttpResponse::build(response.status()).body(format!("for {}", actor_now()));
            let answer = ServiceResponse::new(request, answer).map_into_right_body();
            Ok(ErrorHandlerResponse::Response(answer))
        })
    };
    let server = Server::start(audited(), move |app| {
        let inside = web::scope("/inside").wrap(handlers());
        app.service(inside.route("", web::get().to(fail)));
    });
    assert_eq!(server.text("/inside", "alice").await, "for alice");
}

/// An error whose answer tells the actor when it is made, and again while it is sent.
#[derive(Debug)]
struct Streams;

impl fmt::Display for Streams {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("streams")
    }
}

impl ResponseError for Streams {
    fn error_response(&self) -> HttpResponse {
        let made = actor_now();
        let sent = stream::once(async move {
            Ok::<_, Infallible>(Bytes::from(format!("{made}, {}", actor_now())))
        });
        HttpResponse::BadRequest().streaming(sent)
    }
}

#[actix_web::test]
async fn the_error_of_a_middleware_is_answered_with_a_body_in_the_scope() {
    async fn refuse(
        _: ServiceRequest,
        _: Next<impl MessageBody + 'static>,
    ) -> Result<ServiceResponse, Error> {
        assert_eq!(actor_now(), "alice");
        Err(Streams.into())
    }
    let server = Server::start(audited(), |app| {
        let refused = web::scope("/refused").wrap(from_fn(refuse));
        app.service(refused.route("", web::get().to(fail)));
    });
    let answer = server.get("/refused", &[("x-user", "alice")]).await;
    assert_eq!(
        (answer.status.as_u16(), answer.text.as_str()),
        (400, "none, alice")
    );
    assert!(answer.header("x-request-id").is_some());
}

#[actix_web::test]
async fn what_a_middleware_answers_itself_is_in_the_scope() {
    async fn refuse(
        request: ServiceRequest,
        _: Next<impl MessageBody + 'static>,
    ) -> Result<ServiceResponse, Error> {
        tokio::task::yield_now().await;
        let answer = match request.query_string() {
            "error" => HttpResponse::from_error(Failed),
            _ => HttpResponse::Forbidden().body(actor_now()),
        };
        Ok(request.into_response(answer))
    }
    let server = Server::start(audited(), |app| {
        let refused = web::scope("/refused").wrap(from_fn(refuse));
        app.service(refused.route("", web::get().to(fail)));
    });
    for (path, status) in [("/refused", 403), ("/refused?error", 400)] {
        let answer = server.get(path, &[("x-user", "alice")]).await;
        let told = (answer.status.as_u16(), answer.text.as_str());
        assert_eq!(told, (status, "alice"));
        assert!(answer.header("x-request-id").is_some());
    }
}
