//! Streamed bodies.

use std::convert::Infallible;

use audit_testkit::http::{actor_now, by_header};
use audit_tower::{AuditBody, AuditLayer};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::get;
use futures_util::stream;
use http_body_util::StreamBody;

use crate::server::Server;

/// Three frames, each made only when the server asks for it.
fn frames() -> impl http_body::Body<Data = Bytes, Error = Infallible> {
    StreamBody::new(stream::unfold(0, async |count| {
        tokio::task::yield_now().await;
        let frame = http_body::Frame::data(Bytes::from(format!("{} ", actor_now())));
        (count < 3).then_some((Ok(frame), count + 1))
    }))
}

#[tokio::test]
async fn a_streamed_body_has_no_context_unless_it_is_wrapped() {
    let app = Router::new()
        .route("/bare", get(async || Body::new(frames())))
        .route(
            "/wrapped",
            get(async || Body::new(AuditBody::new(frames()))),
        )
        .layer(AuditLayer::new(by_header));
    let server = Server::start(app).await;
    let user = [("x-user", "alice")];
    assert_eq!(server.get("/bare", &user).await.text, "none none none ");
    assert_eq!(
        server.get("/wrapped", &user).await.text,
        "alice alice alice "
    );
    assert_eq!(actor_now(), "none");
}

#[tokio::test]
async fn outside_a_scope_a_wrapped_body_is_left_as_it_is() {
    let app = Router::new().route("/", get(async || Body::new(AuditBody::new(frames()))));
    assert_eq!(
        Server::start(app).await.get("/", &[]).await.text,
        "none none none "
    );
}
