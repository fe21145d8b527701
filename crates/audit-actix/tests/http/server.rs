//! A server on a free port, on threads of its own, and a client for it.

use std::net::{SocketAddr, TcpListener};
use std::sync::mpsc;
use std::thread::JoinHandle;

use actix_web::dev::ServerHandle;
use actix_web::web::{self, ServiceConfig};
use actix_web::{App, HttpServer, rt};
use audit_actix::AuditMiddleware;
use audit_core::actor::{RequestHead, Resolution};
use audit_core::{Actor, context};
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio::sync::oneshot;

type Body = Full<web::Bytes>;

/// A running server; it ends when it is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    client: Client<HttpConnector, Body>,
    handle: ServerHandle,
    thread: Option<JoinHandle<()>>,
}

/// What a request was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Server {
    /// One worker, that is one thread, which serves an audited app.
    pub(crate) fn start(
        audit: AuditMiddleware,
        configure: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
    ) -> Self {
        Self::start_with(1, audit, configure)
    }

    pub(crate) fn start_with(
        workers: usize,
        audit: AuditMiddleware,
        configure: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, started) = mpsc::channel();
        let serve = move || {
            rt::System::new().block_on(async {
                let app = move || App::new().configure(configure.clone()).wrap(audit.clone());
                let server = HttpServer::new(app)
                    .workers(workers)
                    .disable_signals()
                    // A client that closes its socket is gone.
                    .h1_allow_half_closed(false)
                    .listen(listener)
                    .unwrap()
                    .run();
                sender.send(server.handle()).unwrap();
                server.await.unwrap();
            });
        };
        let thread = Some(std::thread::spawn(serve));
        Self {
            address,
            client: Client::builder(TokioExecutor::new()).build_http(),
            handle: started.recv().unwrap(),
            thread,
        }
    }

    /// Sends a request with these headers, one line each; `None` where no whole answer came.
    pub(crate) async fn try_send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Option<Answer> {
        let mut request = Request::new(Body::default());
        *request.method_mut() = method.parse().unwrap();
        *request.uri_mut() = format!("http://{}{path}", self.address).parse().unwrap();
        for (name, value) in headers {
            let name: HeaderName = name.parse().unwrap();
            let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
            request.headers_mut().append(name, value);
        }
        let (head, body) = self.client.request(request).await.ok()?.into_parts();
        let bytes = body.collect().await.ok()?.to_bytes();
        Some(Answer {
            status: head.status,
            headers: head.headers,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        })
    }

    pub(crate) async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.try_send("GET", path, headers).await.unwrap()
    }

    /// The text that a user is answered.
    pub(crate) async fn text(&self, path: &str, user: &str) -> String {
        self.get(path, &[("x-user", user)]).await.text
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The command is sent by the call, without waiting for its end.
        drop(self.handle.stop(false));
        let ended = self.thread.take().unwrap().join();
        assert!(ended.is_ok() || std::thread::panicking());
    }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// A source for tests: whoever the header `x-user` names.
pub(crate) fn by_header(head: &dyn RequestHead) -> Resolution {
    match head.header_values("x-user").next() {
        Some(user) => Resolution::Actor(Actor::user(String::from_utf8_lossy(user))),
        None => Resolution::Anonymous,
    }
}

pub(crate) fn audited() -> AuditMiddleware {
    AuditMiddleware::new(by_header)
}

/// The id of the actor of this task, or `none` without a context.
pub(crate) fn actor_now() -> String {
    let actor = context::current().and_then(|context| context.actor().cloned());
    actor.map_or_else(|| "none".to_owned(), |actor| actor.id().to_owned())
}

/// Tells who acts when it is dropped.
pub(crate) struct AtDrop(Option<oneshot::Sender<String>>);

impl AtDrop {
    pub(crate) fn new(sender: oneshot::Sender<String>) -> Self {
        Self(Some(sender))
    }
}

impl Drop for AtDrop {
    fn drop(&mut self) {
        if let Some(sender) = self.0.take() {
            // The test may be over.
            drop(sender.send(actor_now()));
        }
    }
}

/// A handler that answers with the actor.
pub(crate) async fn tell() -> String {
    actor_now()
}

/// A handler that answers with the actor of a bare task on its thread: `none`, unless a scope was
/// left behind there.
pub(crate) async fn tell_bare() -> String {
    rt::spawn(async { actor_now() }).await.unwrap()
}

/// A handler that answers with the context it runs in.
pub(crate) async fn describe() -> String {
    let Some(context) = context::current() else {
        return "null".to_owned();
    };
    let actor = context.actor().unwrap();
    json!({
        "actor": actor.id(),
        "kind": actor.kind().as_str(),
        "assurance": actor.assurance().map(|assurance| assurance.as_str()),
        "request_id": context.request_id(),
        "facts": context.facts(),
    })
    .to_string()
}
