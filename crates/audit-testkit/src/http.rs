//! What the tests of middlewares share: a client of a server on this machine, and handlers that tell
//! the context.

use std::net::SocketAddr;

use audit_core::actor::{RequestHead, Resolution};
use audit_core::{Actor, context};
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{self, Builder};
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio::sync::oneshot;

type Body = Empty<&'static [u8]>;

/// A client of one server.
#[derive(Debug)]
pub struct Client {
    address: SocketAddr,
    client: legacy::Client<HttpConnector, Body>,
}

/// What a request was answered.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub text: String,
}

impl Client {
    /// A client of the server that listens there.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        let client = Builder::new(TokioExecutor::new()).build_http();
        Self { address, client }
    }

    /// Where the server listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sends a request with these headers, one line each; `None` where no whole answer came.
    pub async fn try_send(
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

    /// The answer to a GET with these headers.
    pub async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.try_send("GET", path, headers).await.unwrap()
    }

    /// The text that a user is answered.
    pub async fn text(&self, path: &str, user: &str) -> String {
        self.get(path, &[("x-user", user)]).await.text
    }
}

impl Answer {
    /// The body as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    /// A header, where it is there.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// A source of actors for tests: whoever the header `x-user` names.
pub fn by_header(head: &dyn RequestHead) -> Resolution {
    match head.header_values("x-user").next() {
        Some(user) => Resolution::Actor(Actor::user(String::from_utf8_lossy(user))),
        None => Resolution::Anonymous,
    }
}

/// The id of the actor of this task, or `none` without a context.
#[must_use]
pub fn actor_now() -> String {
    let actor = context::current().and_then(|context| context.actor().cloned());
    actor.map_or_else(|| "none".to_owned(), |actor| actor.id().to_owned())
}

/// A handler that answers with the context it runs in.
pub async fn describe() -> String {
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

/// Tells who acts when it is dropped.
#[derive(Debug)]
pub struct AtDrop(Option<oneshot::Sender<String>>);

impl AtDrop {
    /// Tells it there.
    #[must_use]
    pub fn new(sender: oneshot::Sender<String>) -> Self {
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
