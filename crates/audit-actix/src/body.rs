//! A response body that is made while it is sent.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use actix_web::web::Bytes;
use audit_core::context::OpenScope;
use pin_project_lite::pin_project;

pin_project! {
    /// The body of an audited response: it is polled and dropped in the scope of its request, so
    /// that what a streamed body writes has the actor of the request.
    #[derive(Debug)]
    pub struct AuditBody<B> {
        // Empty once it is dropped or taken.
        #[pin]
        body: Option<B>,
        scope: OpenScope,
    }

    impl<B> PinnedDrop for AuditBody<B> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            this.scope.enter(|| this.body.set(None));
        }
    }
}

impl<B> AuditBody<B> {
    pub(crate) fn new(body: B, scope: OpenScope) -> Self {
        Self {
            body: Some(body),
            scope,
        }
    }
}

impl<B: MessageBody> MessageBody for AuditBody<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.body.as_ref().map_or(BodySize::None, MessageBody::size)
    }

    fn poll_next(
        self: Pin<&mut Self>,
        task: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let this = self.project();
        match this.body.as_pin_mut() {
            Some(body) => this.scope.enter(|| body.poll_next(task)),
            None => Poll::Ready(None),
        }
    }

    fn try_into_bytes(mut self) -> Result<Bytes, Self> {
        let Some(body) = self.body.take() else {
            return Ok(Bytes::new());
        };
        let bytes = self.scope.enter(|| body.try_into_bytes());
        bytes.map_err(|body| {
            self.body = Some(body);
            self
        })
    }
}
