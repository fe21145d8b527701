//! One request never sees another's actor, however either ends.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::{self, Bytes};
use audit_testkit::http::{AtDrop, actor_now};
use futures_util::future::join_all;
use futures_util::stream;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{Barrier, oneshot};

use crate::server::{Server, audited, tell, tell_bare};

const REQUESTS: usize = 200;

/// Sends this many requests at once, each of its own user, and compares what each is answered.
async fn send_all(server: &Server) {
    let requests = (0..REQUESTS).map(async |number| {
        let user = format!("user-{number}");
        let seen = server.text(&format!("/{user}"), &user).await;
        assert_eq!(seen, user);
    });
    let in_time = tokio::time::timeout(Duration::from_secs(60), join_all(requests)).await;
    in_time.unwrap();
    assert_eq!(actor_now(), "none");
}

#[actix_web::test]
async fn two_hundred_requests_in_flight_on_one_thread_or_two_never_mix() {
    for workers in [1, 2] {
        let barrier = Arc::new(Barrier::new(REQUESTS));
        let server = Server::start_with(workers, audited(), move |app| {
            let barrier = Arc::clone(&barrier);
            let handler = move |id: web::Path<String>| {
                let barrier = Arc::clone(&barrier);
                async move {
                    // No handler goes on before every request is in one.
                    barrier.wait().await;
                    for _ in 0..20 {
                        assert_eq!(actor_now(), *id);
                        tokio::task::yield_now().await;
                    }
                    actor_now()
                }
            };
            app.route("/{id}", web::get().to(handler));
        });
        send_all(&server).await;
    }
}

#[actix_web::test]
async fn two_hundred_bodies_in_flight_on_one_thread_never_mix() {
    let barrier = Arc::new(Barrier::new(REQUESTS));
    let server = Server::start(audited(), move |app| {
        let barrier = Arc::clone(&barrier);
        let handler = move |id: web::Path<String>| {
            let barrier = Arc::clone(&barrier);
            let body = async move {
                barrier.wait().await;
                for _ in 0..20 {
                    assert_eq!(actor_now(), *id);
                    tokio::task::yield_now().await;
                }
                Ok::<_, Infallible>(Bytes::from(actor_now()))
            };
            async { HttpResponse::Ok().streaming(stream::once(body)) }
        };
        app.route("/{id}", web::get().to(handler));
    });
    send_all(&server).await;
}

#[actix_web::test]
async fn pipelined_requests_on_one_connection_never_mix() {
    let server = Server::start(audited(), |app| {
        app.route("/", web::get().to(tell));
    });
    let mut socket = TcpStream::connect(server.address()).await.unwrap();
    let users = ["x-user: alice\r\n", "", "x-user: bob\r\n"];
    let requests = users.map(|user| format!("GET / HTTP/1.1\r\nhost: x\r\n{user}\r\n"));
    let last = "GET / HTTP/1.1\r\nhost: x\r\nx-user: carol\r\nconnection: close\r\n\r\n";
    let requests = format!("{}{last}", requests.concat());
    socket.write_all(requests.as_bytes()).await.unwrap();
    let mut answers = String::new();
    socket.read_to_string(&mut answers).await.unwrap();
    let bodies: Vec<&str> = answers
        .split("HTTP/1.1 200 OK")
        .skip(1)
        .map(|answer| answer.split_once("\r\n\r\n").unwrap().1)
        .collect();
    assert_eq!(bodies, ["alice", "", "bob", "carol"]);
}

#[actix_web::test]
async fn a_panic_in_a_handler_or_a_body_leaves_no_scope_behind() {
    let server = Server::start(audited(), |app| {
        let handler = async || -> String { panic!("{} fell over", actor_now()) };
        let body = async || {
            let fall =
                async || -> Result<Bytes, Infallible> { panic!("{} fell over", actor_now()) };
            HttpResponse::Ok().streaming(stream::once(fall()))
        };
        app.route("/handler", web::get().to(handler))
            .route("/body", web::get().to(body))
            .route("/", web::get().to(tell))
            .route("/bare", web::get().to(tell_bare));
    });
    for path in ["/handler", "/body"] {
        let answer = server.try_send("GET", path, &[("x-user", "alice")]).await;
        assert!(answer.is_none(), "{answer:?}");
        assert_eq!(server.text("/", "bob").await, "bob");
        assert_eq!(server.get("/", &[]).await.text, "");
        assert_eq!(server.text("/bare", "bob").await, "none");
    }
}

#[actix_web::test]
async fn a_cancelled_request_is_dropped_in_its_scope_and_leaves_none() {
    let (started, has_started) = oneshot::channel();
    let (sender, dropped) = oneshot::channel();
    let once = Arc::new(Mutex::new(Some((started, AtDrop::new(sender)))));
    let server = Server::start(audited(), move |app| {
        let once = Arc::clone(&once);
        let handler = move || {
            let (started, guard) = once.lock().unwrap().take().unwrap();
            async move {
                let _guard = guard;
                started.send(()).unwrap();
                std::future::pending::<String>().await
            }
        };
        app.route("/wait", web::get().to(handler))
            .route("/", web::get().to(tell))
            .route("/bare", web::get().to(tell_bare));
    });
    let mut socket = TcpStream::connect(server.address()).await.unwrap();
    let request = b"GET /wait HTTP/1.1\r\nhost: x\r\nx-user: alice\r\n\r\n";
    socket.write_all(request).await.unwrap();
    has_started.await.unwrap();
    drop(socket);
    let seen = tokio::time::timeout(Duration::from_secs(30), dropped).await;
    assert_eq!(seen.unwrap().unwrap(), "alice");
    assert_eq!(server.text("/", "bob").await, "bob");
    assert_eq!(server.get("/", &[]).await.text, "");
    assert_eq!(server.text("/bare", "bob").await, "none");
}
