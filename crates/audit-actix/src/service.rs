//! One request in one scope.

use actix_web::Error;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, forward_ready};
use actix_web::http::header::HeaderValue;
use audit_core::request::{Known, RequestSettings};

use crate::body::AuditBody;
use crate::future::ResponseFuture;
use crate::head::Head;
use crate::refusal;

/// The service that [`AuditMiddleware`](crate::AuditMiddleware) puts around another.
///
/// The inner service is called, its future and the body of its response are polled and dropped in
/// the scope of the request. A request that the source refuses does not reach it.
#[derive(Debug)]
pub struct AuditService<S> {
    inner: S,
    settings: RequestSettings<ServiceRequest>,
}

impl<S> AuditService<S> {
    pub(crate) fn new(inner: S, settings: RequestSettings<ServiceRequest>) -> Self {
        Self { inner, settings }
    }
}

impl<S, B> Service<ServiceRequest> for AuditService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    type Response = ServiceResponse<EitherBody<AuditBody<B>>>;
    type Error = Error;
    type Future = ResponseFuture<S::Future>;

    forward_ready!(inner);

    fn call(&self, request: ServiceRequest) -> Self::Future {
        let route = request.match_pattern();
        let known = Known {
            head: &Head(&request),
            route: route.as_deref(),
            peer: request.peer_addr().map(|address| address.ip()),
        };
        let context = self.settings.context(&request, &known);
        // Visible ASCII always fits a header.
        let id = context.request_id().map(HeaderValue::from_str);
        let id = id.and_then(Result::ok);
        let actor = match self.settings.actor(&request) {
            Ok(actor) => actor,
            Err(rejection) => {
                let told = self.settings.refused(context, &rejection);
                let response = request.into_response(refusal::response(&rejection));
                return ResponseFuture::refused(response, told, id);
            }
        };
        // INVARIANT: one scope serves the call, the future and the body, so that an actor set in
        // one of them holds for the rest of the request.
        let scope = context.with_actor(actor).open();
        let future = scope.enter(|| self.inner.call(request));
        ResponseFuture::running(future, scope, id)
    }
}
