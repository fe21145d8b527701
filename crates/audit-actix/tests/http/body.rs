//! Streamed bodies and upgraded connections.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::body::{MessageBody as _, to_bytes};
use actix_web::http::StatusCode;
use actix_web::web::{self, Bytes};
use actix_web::{App, HttpResponse, rt, test};
use audit_core::Actor;
use audit_core::context::set_actor;
use audit_testkit::http::{AtDrop, actor_now};
use futures_util::{Stream, StreamExt as _, future, stream};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use crate::server::{Server, audited};

/// Three chunks, each made only when the server asks for it.
fn chunks() -> impl Stream<Item = Result<Bytes, Infallible>> {
    stream::unfold(0, async |count| {
        tokio::task::yield_now().await;
        let chunk = Bytes::from(format!("{} ", actor_now()));
        (count < 3).then_some((Ok(chunk), count + 1))
    })
}

#[actix_web::test]
async fn a_streamed_body_is_made_in_the_scope() {
    let server = Server::start(audited(), |app| {
        let plain = async || HttpResponse::Ok().streaming(chunks());
        let late = async || {
            let set = stream::once(async {
                assert!(set_actor(Actor::user("carol")));
                Ok(Bytes::new())
            });
            HttpResponse::Ok().streaming(set.chain(chunks()).boxed_local())
        };
        let before = async || {
            assert!(set_actor(Actor::user("dora")));
            HttpResponse::Ok().streaming(chunks())
        };
        app.route("/plain", web::get().to(plain))
            .route("/before", web::get().to(before))
            .route("/late", web::get().to(late));
    });
    for user in ["alice", "bob"] {
        let expected = format!("{user} {user} {user} ");
        assert_eq!(server.text("/plain", user).await, expected);
    }
    // An actor that the handler or the body learns holds for the rest of the body.
    assert_eq!(server.text("/before", "alice").await, "dora dora dora ");
    assert_eq!(server.text("/late", "alice").await, "carol carol carol ");
    assert_eq!(server.text("/plain", "alice").await, "alice alice alice ");
    assert_eq!(actor_now(), "none");
}

#[actix_web::test]
async fn a_body_of_known_size_keeps_it() {
    let server = Server::start(audited(), |app| {
        app.route("/text", web::get().to(async || "seven b"))
            .route("/empty", web::get().to(HttpResponse::NoContent));
    });
    let answer = server.get("/text", &[]).await;
    assert_eq!(answer.text, "seven b");
    assert_eq!(answer.header("content-length"), Some("7"));
    assert_eq!(answer.header("transfer-encoding"), None);
    let answer = server.get("/empty", &[]).await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (204, ""));
    assert_eq!(answer.header("transfer-encoding"), None);
}

#[actix_web::test]
async fn a_body_taken_as_bytes_is_whole_or_stays_as_it_is() {
    let stream = async || HttpResponse::Ok().streaming(chunks());
    let app = App::new()
        .route("/text", web::get().to(async || "seven b"))
        .route("/stream", web::get().to(stream))
        .wrap(audited());
    let app = test::init_service(app).await;
    let body = async |path| {
        let request = test::TestRequest::with_uri(path).insert_header(("x-user", "alice"));
        let answer = test::call_service(&app, request.to_request()).await;
        answer.into_body()
    };
    let bytes = body("/text").await.try_into_bytes();
    assert_eq!(bytes.unwrap(), "seven b");
    let stream = body("/stream").await.try_into_bytes().unwrap_err();
    assert_eq!(to_bytes(stream).await.unwrap(), "alice alice alice ");
}

#[actix_web::test]
async fn a_body_whose_client_leaves_is_dropped_in_the_scope() {
    let (sender, dropped) = oneshot::channel();
    let once = Arc::new(Mutex::new(Some(AtDrop::new(sender))));
    let server = Server::start(audited(), move |app| {
        let once = Arc::clone(&once);
        let handler = move || {
            let guard = once.lock().unwrap().take().unwrap();
            let first = stream::once(future::ready(Ok::<_, Infallible>(Bytes::from("first"))));
            let endless = stream::pending().map(move |chunk| {
                let _guard = &guard;
                chunk
            });
            let body = first.chain(endless);
            async { HttpResponse::Ok().streaming(body) }
        };
        app.route("/", web::get().to(handler));
    });
    let mut socket = TcpStream::connect(server.address()).await.unwrap();
    let request = b"GET / HTTP/1.1\r\nhost: x\r\nx-user: alice\r\n\r\n";
    socket.write_all(request).await.unwrap();
    read_until(&mut socket, "first").await;
    drop(socket);
    let seen = tokio::time::timeout(Duration::from_secs(30), dropped).await;
    assert_eq!(seen.unwrap().unwrap(), "alice");
}

#[actix_web::test]
async fn an_upgraded_connection_has_the_context_in_its_response_body_alone() {
    let server = Server::start(audited(), |app| {
        let handler = async |mut incoming: web::Payload| {
            let (sender, receiver) = oneshot::channel();
            // What a library for websockets does: a task for the session.
            rt::spawn(async move {
                let first = incoming.next().await.unwrap().unwrap();
                let first = String::from_utf8(first.to_vec()).unwrap();
                sender.send(format!("{first} task:{}", actor_now()))
            });
            let answer = async move {
                let text = receiver.await.unwrap();
                Ok::<_, Infallible>(Bytes::from(format!("{text} body:{};", actor_now())))
            };
            HttpResponse::build(StatusCode::SWITCHING_PROTOCOLS)
                .upgrade("websocket")
                .streaming(stream::once(answer))
        };
        app.route("/", web::get().to(handler));
    });
    let mut socket = TcpStream::connect(server.address()).await.unwrap();
    let request =
        b"GET / HTTP/1.1\r\nhost: x\r\nx-user: alice\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
    socket.write_all(request).await.unwrap();
    read_until(&mut socket, "\r\n\r\n").await;
    socket.write_all(b"hello").await.unwrap();
    let seen = read_until(&mut socket, ";").await;
    assert!(seen.contains("hello task:none body:alice;"), "{seen}");
}

/// What a socket says, until it says this.
async fn read_until(socket: &mut TcpStream, end: &str) -> String {
    let mut seen = Vec::new();
    let read = async {
        while !String::from_utf8_lossy(&seen).contains(end) {
            assert!(socket.read_buf(&mut seen).await.unwrap() > 0, "{seen:?}");
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(30), read).await;
    in_time.unwrap();
    String::from_utf8(seen).unwrap()
}
