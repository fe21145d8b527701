//! One request never sees another's actor, however either ends.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use audit_testkit::http::{AtDrop, actor_now, by_header};
use audit_tower::{AuditLayer, AuditService};
use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::routing::get;
use futures_util::FutureExt as _;
use futures_util::future::join_all;
use http::{Request, Response};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::{Barrier, oneshot};
use tower::{Layer as _, Service as _, ServiceExt as _, service_fn};

use crate::server::Server;

const REQUESTS: usize = 200;

#[tokio::test]
async fn two_hundred_requests_in_flight_on_one_thread_never_mix() {
    let barrier = Arc::new(Barrier::new(REQUESTS));
    let handler = move |Path(id): Path<String>| {
        let barrier = Arc::clone(&barrier);
        async move {
            // No handler goes on before every request is in one.
            barrier.wait().await;
            for _ in 0..20 {
                assert_eq!(actor_now(), id);
                tokio::task::yield_now().await;
            }
            actor_now()
        }
    };
    let app = Router::new()
        .route("/{id}", get(handler))
        .layer(AuditLayer::new(by_header));
    let server = Server::start(app).await;
    let requests = (0..REQUESTS).map(|number| {
        let (server, user) = (&server, format!("user-{number}"));
        async move {
            (
                server
                    .get(&format!("/{user}"), &[("x-user", &user)])
                    .await
                    .text,
                user,
            )
        }
    });
    let answers = tokio::time::timeout(Duration::from_secs(60), join_all(requests)).await;
    for (seen, user) in answers.unwrap() {
        assert_eq!(seen, user);
    }
    assert_eq!(actor_now(), "none");
}

#[tokio::test]
async fn a_panic_in_a_handler_leaves_no_scope_behind() {
    let app = Router::new()
        .route(
            "/panic",
            get(async || -> String { panic!("{} fell over", actor_now()) }),
        )
        .route("/", get(async || actor_now()))
        .layer(AuditLayer::new(by_header));
    let server = Server::start(app).await;
    assert!(
        server
            .try_send("GET", "/panic", &[("x-user", "alice")])
            .await
            .is_none()
    );
    assert_eq!(actor_now(), "none");
    assert_eq!(server.get("/", &[("x-user", "bob")]).await.text, "bob");
    assert_eq!(server.get("/", &[]).await.text, "");
}

#[tokio::test]
async fn a_panic_in_the_call_or_in_the_future_unwinds_through_the_scope() {
    async fn fall(_: Request<Body>) -> Result<Response<String>, Infallible> {
        panic!("{} fell over", actor_now())
    }
    let request = || {
        Request::builder()
            .header("x-user", "alice")
            .body(Body::empty())
            .unwrap()
    };
    let layer = AuditLayer::new(by_header);
    let late = layer.layer(service_fn(fall)).oneshot(request());
    let panic = AssertUnwindSafe(late).catch_unwind().await.unwrap_err();
    assert_eq!(panic.downcast_ref::<String>().unwrap(), "alice fell over");
    assert_eq!(actor_now(), "none");

    let mut early = layer.layer(service_fn(
        |_: Request<Body>| -> std::future::Ready<Result<Response<String>, Infallible>> {
            panic!("{} fell over", actor_now())
        },
    ));
    let call = AssertUnwindSafe(|| drop(early.call(request())));
    let panic = std::panic::catch_unwind(call).unwrap_err();
    assert_eq!(panic.downcast_ref::<String>().unwrap(), "alice fell over");
    assert_eq!(actor_now(), "none");
}

#[tokio::test]
async fn a_cancelled_request_is_dropped_in_its_scope_and_leaves_none() {
    let (started, has_started) = oneshot::channel();
    let (sender, dropped) = oneshot::channel();
    let once = Arc::new(Mutex::new(Some((started, AtDrop::new(sender)))));
    let handler = move || {
        let (started, guard) = once.lock().unwrap().take().unwrap();
        async move {
            let _guard = guard;
            started.send(()).unwrap();
            std::future::pending::<String>().await
        }
    };
    let app = Router::new()
        .route("/wait", get(handler))
        .route("/", get(async || actor_now()))
        .layer(AuditLayer::new(by_header));
    let server = Server::start(app).await;
    let mut socket = TcpStream::connect(server.address()).await.unwrap();
    let request = b"GET /wait HTTP/1.1\r\nhost: x\r\nx-user: alice\r\n\r\n";
    socket.write_all(request).await.unwrap();
    has_started.await.unwrap();
    drop(socket);
    let seen = tokio::time::timeout(Duration::from_secs(30), dropped).await;
    assert_eq!(seen.unwrap().unwrap(), "alice");
    assert_eq!(actor_now(), "none");
    assert_eq!(server.get("/", &[("x-user", "bob")]).await.text, "bob");
}

#[test]
fn the_service_is_cloned_and_its_future_sent() {
    fn is_send<T: Send + 'static>(_: &T) {}
    fn is_shareable<T: Clone + Send + Sync + 'static>(_: &T) {}
    async fn answer(_: Request<Body>) -> Result<Response<String>, Infallible> {
        Ok(Response::new(String::new()))
    }
    let mut service: AuditService<_> = AuditLayer::new(by_header).layer(service_fn(answer));
    is_shareable(&service);
    is_shareable(&AuditLayer::new(by_header));
    is_send(&service.call(Request::new(Body::empty())));
}
