//! The response of an audited service.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_web::Error;
use actix_web::body::{EitherBody, MessageBody as _};
use actix_web::dev::ServiceResponse;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use audit_core::context::{OpenScope, ScopeFuture};
use audit_core::lane::Sending;
use audit_core::request::RESPONSE_HEADER;
use pin_project_lite::pin_project;

use crate::body::AuditBody;

pin_project! {
    /// The future of [`AuditService`](crate::AuditService): it polls and drops the inner one in
    /// the scope of the request, gives the scope to the body, and names the request in the
    /// response header `x-request-id`.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F> {
        #[pin]
        state: State<F>,
        request_id: Option<HeaderValue>,
    }
}

pin_project! {
    #[derive(Debug)]
    #[project = StateProjection]
    enum State<F> {
        Running { #[pin] future: ScopeFuture<F>, scope: OpenScope },
        Refused { response: Option<ServiceResponse>, told: Option<Sending> },
    }
}

impl<F> ResponseFuture<F> {
    pub(crate) fn running(future: F, scope: OpenScope, request_id: Option<HeaderValue>) -> Self
    where
        F: Future,
    {
        Self {
            state: State::Running {
                future: scope.clone().hold(future),
                scope,
            },
            request_id,
        }
    }

    pub(crate) fn refused(
        response: ServiceResponse,
        told: Option<Sending>,
        request_id: Option<HeaderValue>,
    ) -> Self {
        Self {
            state: State::Refused {
                response: Some(response),
                told,
            },
            request_id,
        }
    }
}

impl<F, B> Future for ResponseFuture<F>
where
    F: Future<Output = Result<ServiceResponse<B>, Error>>,
{
    type Output = Result<ServiceResponse<EitherBody<AuditBody<B>>>, Error>;

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut response = match this.state.project() {
            StateProjection::Running { future, scope } => match ready!(future.poll(task)) {
                Ok(response) => response
                    .map_body(|_, body| EitherBody::new(AuditBody::new(body, scope.clone()))),
                Err(error) => {
                    let id = this.request_id.take();
                    return Poll::Ready(Err(audited(error, scope.clone(), id)));
                }
            },
            StateProjection::Refused { response, told } => {
                if let Some(sending) = told {
                    ready!(Pin::new(sending).poll(task));
                    *told = None;
                }
                match response.take() {
                    Some(response) => response.map_into_right_body(),
                    // Polled again after it was ready: there is nothing more to come.
                    None => return Poll::Pending,
                }
            }
        };
        name_request(response.headers_mut(), this.request_id.take());
        Poll::Ready(Ok(response))
    }
}

/// An error of a middleware inside ours, which actix-web makes a response later on.
fn audited(mut error: Error, scope: OpenScope, request_id: Option<HeaderValue>) -> Error {
    error.add_response_mapper(move |mut response| {
        name_request(response.headers_mut(), request_id.clone());
        response.map_body(|_, body| AuditBody::new(body, scope.clone()).boxed())
    });
    error
}

fn name_request(headers: &mut HeaderMap, request_id: Option<HeaderValue>) {
    if let Some(id) = request_id {
        headers.insert(HeaderName::from_static(RESPONSE_HEADER), id);
    }
}
