//! The response of an audited service.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use audit_core::context::ScopeFuture;
use audit_core::lane::Sending;
use audit_core::request::RESPONSE_HEADER;
use http::{HeaderName, HeaderValue, Response};
use pin_project_lite::pin_project;

pin_project! {
    /// The future of [`AuditService`](crate::AuditService): it polls and drops the inner one in
    /// the scope of the request, and names the request in the response header `x-request-id`.
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
        Running { #[pin] future: ScopeFuture<F> },
        Refused { response: Option<Response<String>>, told: Option<Sending> },
    }
}

impl<F> ResponseFuture<F> {
    pub(crate) fn running(future: ScopeFuture<F>, request_id: Option<HeaderValue>) -> Self {
        Self {
            state: State::Running { future },
            request_id,
        }
    }

    pub(crate) fn refused(
        response: Response<String>,
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

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: From<String>,
{
    type Output = Result<Response<B>, E>;

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut response = match this.state.project() {
            StateProjection::Running { future } => ready!(future.poll(task))?,
            StateProjection::Refused { response, told } => {
                if let Some(sending) = told {
                    ready!(Pin::new(sending).poll(task));
                    *told = None;
                }
                match response.take() {
                    Some(response) => response.map(B::from),
                    // Polled again after it was ready: there is nothing more to come.
                    None => return Poll::Pending,
                }
            }
        };
        if let Some(id) = this.request_id.take() {
            response
                .headers_mut()
                .insert(HeaderName::from_static(RESPONSE_HEADER), id);
        }
        Poll::Ready(Ok(response))
    }
}
