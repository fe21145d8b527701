//! A scope as a value: entered by closures, held by a future.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, RwLock};
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use tokio::task::futures::TaskLocalFuture;

use super::{AuditContext, SCOPE, Scope};

/// An open scope. Everything that enters it sees one context, so that an actor set in a call
/// holds for the future that the call returned. Made by [`AuditContext::open`]. A clone is the
/// same scope.
#[derive(Debug, Clone)]
pub struct OpenScope {
    scope: Arc<Scope>,
}

impl OpenScope {
    pub(super) fn new(context: AuditContext) -> Self {
        Self {
            scope: Arc::new(Scope {
                context: RwLock::new(context),
            }),
        }
    }

    /// Runs a closure in the scope.
    pub fn enter<R>(&self, work: impl FnOnce() -> R) -> R {
        SCOPE.sync_scope(Arc::clone(&self.scope), work)
    }

    /// Gives the scope to a future, which is then polled and dropped in it.
    ///
    /// # Cancel safety
    /// Dropping the returned future drops the inner one and ends the scope.
    pub fn hold<F: Future>(self, future: F) -> ScopeFuture<F> {
        ScopeFuture {
            inner: SCOPE.scope(self.scope, future),
        }
    }
}

pin_project! {
    /// A future that is polled and dropped in a scope. Made by [`AuditContext::scope`] and
    /// [`OpenScope::hold`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct ScopeFuture<F> {
        #[pin]
        inner: TaskLocalFuture<Arc<Scope>, F>,
    }
}

impl<F: Future> Future for ScopeFuture<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().inner.poll(task)
    }
}

#[cfg(test)]
mod tests {
    use crate::actor::Actor;
    use crate::context::{AuditContext, current, set_actor};

    fn actor_now() -> Option<String> {
        current().and_then(|context| context.actor().map(|actor| actor.id().to_owned()))
    }

    struct SeenAtDrop<'a>(&'a mut Option<String>);

    impl Drop for SeenAtDrop<'_> {
        fn drop(&mut self) {
            *self.0 = actor_now();
        }
    }

    #[tokio::test]
    async fn an_actor_set_in_the_call_holds_for_the_future() {
        let scope = AuditContext::new().with_actor(Actor::user("alice")).open();
        assert!(scope.enter(|| set_actor(Actor::user("bob"))));
        let seen = scope.hold(async { actor_now() }).await;
        assert_eq!(seen.as_deref(), Some("bob"));
        assert_eq!(actor_now(), None);
    }

    #[test]
    fn a_future_dropped_before_its_end_is_dropped_in_the_scope() {
        let mut seen = None;
        let guard = SeenAtDrop(&mut seen);
        let scope = AuditContext::new().with_actor(Actor::user("alice")).open();
        drop(scope.hold(async move {
            let _guard = guard;
            std::future::pending::<()>().await;
        }));
        assert_eq!(seen.as_deref(), Some("alice"));
        assert_eq!(actor_now(), None);
    }
}
