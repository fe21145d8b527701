//! A response body that is made while it is sent.

use std::pin::Pin;
use std::task::{Context, Poll};

use audit_core::AuditContext;
use audit_core::context::{OpenScope, current};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

pin_project! {
    /// A body whose frames are made in the context of the request.
    ///
    /// The scope of a request ends with its response, before a streamed body is polled: what such
    /// a body writes would have the actor `unknown`. Wrap it in the handler.
    #[derive(Debug)]
    pub struct AuditBody<B> {
        #[pin]
        body: B,
        scope: Option<OpenScope>,
    }
}

impl<B> AuditBody<B> {
    /// Binds a body to a snapshot of the current context, taken now; outside a scope the body is
    /// left as it is.
    pub fn new(body: B) -> Self {
        Self {
            body,
            scope: current().map(AuditContext::open),
        }
    }
}

impl<B: Body> Body for AuditBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        task: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let this = self.project();
        match this.scope {
            Some(scope) => scope.enter(|| this.body.poll_frame(task)),
            None => this.body.poll_frame(task),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
