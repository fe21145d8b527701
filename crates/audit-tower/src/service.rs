//! One request in one scope.

use std::sync::Arc;
use std::task::{Context, Poll};

use audit_core::request::{Known, RequestSettings};
use http::request::Parts;
use http::{HeaderValue, Request, Response};
use tower_service::Service;

use crate::framework;
use crate::future::ResponseFuture;
use crate::head::Head;
use crate::refusal;

/// The middleware that [`AuditLayer`](crate::AuditLayer) puts around a service.
///
/// The inner service is called, its future polled and, where the request is cancelled, dropped in
/// the scope of the request. A request that the source refuses does not reach it; its answer has a
/// small JSON body, for which the body type of the responses must be made from a `String`, as those
/// of axum and `http_body_util::Full` are.
#[derive(Debug, Clone)]
pub struct AuditService<S> {
    inner: S,
    settings: Arc<RequestSettings<Parts>>,
}

impl<S> AuditService<S> {
    pub(crate) fn new(inner: S, settings: Arc<RequestSettings<Parts>>) -> Self {
        Self { inner, settings }
    }
}

impl<S, Q, B> Service<Request<Q>> for AuditService<S>
where
    S: Service<Request<Q>, Response = Response<B>>,
    B: From<String>,
{
    type Response = Response<B>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, task: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(task)
    }

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        let (parts, body) = request.into_parts();
        let known = Known {
            head: &Head(&parts),
            route: framework::route(&parts),
            peer: framework::peer(&parts),
        };
        let context = self.settings.context(&parts, &known);
        // Visible ASCII always fits a header.
        let id = context.request_id().map(HeaderValue::from_str);
        let id = id.and_then(Result::ok);
        let actor = match self.settings.actor(&parts) {
            Ok(actor) => actor,
            Err(rejection) => {
                let told = self.settings.refused(context, &rejection);
                return ResponseFuture::refused(refusal::response(&rejection), told, id);
            }
        };
        // INVARIANT: one scope serves the call and the future, so that an actor set while the
        // inner service is called holds for the rest of the request.
        let scope = context.with_actor(actor).open();
        let future = scope.enter(|| self.inner.call(Request::from_parts(parts, body)));
        ResponseFuture::running(scope.hold(future), id)
    }
}
