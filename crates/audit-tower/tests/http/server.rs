//! A server on a free port, on the thread of the test, and a client for it.

use std::net::SocketAddr;

use audit_core::actor::{RequestHead, Resolution};
use audit_core::{Actor, context};
use axum::Router;
use axum::body::Body;
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode};
use http_body_util::BodyExt as _;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// A running server; it ends with the runtime of the test.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    client: Client<HttpConnector, Body>,
}

/// What a request was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Server {
    pub(crate) async fn start(app: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self {
            address,
            client: Client::builder(TokioExecutor::new()).build_http(),
        }
    }

    /// Sends a request with these headers, one line each; `None` where no answer came.
    pub(crate) async fn try_get(&self, path: &str, headers: &[(&str, &str)]) -> Option<Answer> {
        let mut request = Request::new(Body::empty());
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
        self.try_get(path, headers).await.unwrap()
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

/// The id of the actor of this task, or `none` without a context.
pub(crate) fn actor_now() -> String {
    let actor = context::current().and_then(|context| context.actor().cloned());
    actor.map_or_else(|| "none".to_owned(), |actor| actor.id().to_owned())
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
