//! Who acts and why, for as long as a piece of work runs.
//!
//! The context lives in one tokio task-local. [`AuditContext::scope`] holds it for a future and
//! [`AuditContext::sync_scope`] for a closure; both use the same key, so the innermost wins. It
//! does not follow `tokio::spawn` by itself: carry it with [`carry`], or write as actor kind
//! `unknown`.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::actor::Actor;
use crate::stamp::Stamp;
use crate::vocabulary::Severity;

mod object;
mod scope;

use object::Object;
pub use scope::{OpenScope, ScopeFuture};

tokio::task_local! {
    static SCOPE: Arc<Scope>;
}

static MISSING: AtomicU64 = AtomicU64::new(0);

/// What one scope holds; `set_actor` replaces the value, readers keep the snapshot they took.
#[derive(Debug)]
struct Scope {
    context: RwLock<AuditContext>,
}

impl Scope {
    fn snapshot(&self) -> AuditContext {
        self.context
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// An immutable description of who acts, in which request and why. Cloning is cheap.
#[derive(Debug, Clone, Default)]
pub struct AuditContext {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    actor: Option<Actor>,
    request_id: Option<String>,
    causation_id: Option<String>,
    facts: Object,
    reason: Option<String>,
    action: Option<String>,
    label: Option<String>,
    severity: Option<Severity>,
    metadata: Object,
    suppressed: bool,
    reverts: Option<String>,
    stamp: OnceLock<Arc<Stamp>>,
}

impl Clone for Inner {
    fn clone(&self) -> Self {
        Self {
            actor: self.actor.clone(),
            request_id: self.request_id.clone(),
            causation_id: self.causation_id.clone(),
            facts: self.facts.clone(),
            reason: self.reason.clone(),
            action: self.action.clone(),
            label: self.label.clone(),
            severity: self.severity,
            metadata: self.metadata.clone(),
            suppressed: self.suppressed,
            reverts: self.reverts.clone(),
            // INVARIANT: the stamp is derived from the other fields; a copy is about to change.
            stamp: OnceLock::new(),
        }
    }
}

impl AuditContext {
    /// A context that says nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn change(mut self, change: impl FnOnce(&mut Inner)) -> Self {
        let inner = Arc::make_mut(&mut self.inner);
        inner.stamp = OnceLock::new();
        change(inner);
        self
    }

    /// A copy with this actor.
    #[must_use]
    pub fn with_actor(self, actor: Actor) -> Self {
        self.change(|inner| inner.actor = Some(actor))
    }

    /// A copy with the id of the request.
    #[must_use]
    pub fn with_request_id(self, id: impl Into<String>) -> Self {
        self.change(|inner| inner.request_id = Some(id.into()))
    }

    /// A copy with the id of what caused this work: a message, a job, another request.
    #[must_use]
    pub fn with_causation_id(self, id: impl Into<String>) -> Self {
        self.change(|inner| inner.causation_id = Some(id.into()))
    }

    /// A copy with one more fact about where the work comes from; a repeated key is replaced.
    #[must_use]
    pub fn with_fact(self, key: impl AsRef<str>, value: impl Into<Value>) -> Self {
        self.change(|inner| inner.facts.insert(key.as_ref(), &value.into()))
    }

    /// [`with_fact`](Self::with_fact) of a text that need not be owned: a middleware has several with
    /// every request.
    #[must_use]
    pub fn with_text(self, key: impl AsRef<str>, text: impl AsRef<str>) -> Self {
        self.change(|inner| inner.facts.insert_text(key.as_ref(), text.as_ref()))
    }

    /// A copy with the reason in words.
    #[must_use]
    pub fn with_reason(self, reason: impl Into<String>) -> Self {
        self.change(|inner| inner.reason = Some(reason.into()))
    }

    /// A copy with the business verb, such as `invoice.approve`.
    #[must_use]
    pub fn with_action(self, action: impl Into<String>) -> Self {
        self.change(|inner| inner.action = Some(action.into()))
    }

    /// A copy with a label that wins over those of the rules.
    #[must_use]
    pub fn with_label(self, label: impl Into<String>) -> Self {
        self.change(|inner| inner.label = Some(label.into()))
    }

    /// A copy with a severity that wins over those of the rules.
    #[must_use]
    pub fn with_severity(self, severity: Severity) -> Self {
        self.change(|inner| inner.severity = Some(severity))
    }

    /// A copy with one more entry of `metadata`; a repeated key is replaced.
    #[must_use]
    pub fn with_metadata(self, key: impl AsRef<str>, value: impl Into<Value>) -> Self {
        self.change(|inner| inner.metadata.insert(key.as_ref(), &value.into()))
    }

    /// A copy under which row images are left out, for the reason given. Events are still written.
    #[must_use]
    pub fn with_images_suppressed(self, reason: impl Into<String>) -> Self {
        self.change(|inner| {
            inner.suppressed = true;
            inner.reason = Some(reason.into());
        })
    }

    /// A copy under which changes take back those of these events; none takes back nothing.
    #[must_use]
    pub fn with_reverts(self, events: &[Uuid]) -> Self {
        let ids = || events.iter().map(Uuid::to_string).collect::<Vec<_>>();
        let list = (!events.is_empty()).then(|| Value::from(ids()).to_string());
        self.change(|inner| inner.reverts = list)
    }

    /// The actor.
    #[must_use]
    pub fn actor(&self) -> Option<&Actor> {
        self.inner.actor.as_ref()
    }

    /// The id of the request.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.inner.request_id.as_deref()
    }

    /// The id of what caused this work.
    #[must_use]
    pub fn causation_id(&self) -> Option<&str> {
        self.inner.causation_id.as_deref()
    }

    /// Where the work comes from: the event's `context`. It is read anew with every call.
    #[must_use]
    pub fn facts(&self) -> Map<String, Value> {
        self.inner.facts.to_map()
    }

    /// The reason in words.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        self.inner.reason.as_deref()
    }

    /// The business verb.
    #[must_use]
    pub fn action(&self) -> Option<&str> {
        self.inner.action.as_deref()
    }

    /// The label that wins over those of the rules.
    #[must_use]
    pub fn label(&self) -> Option<&str> {
        self.inner.label.as_deref()
    }

    /// The severity that wins over those of the rules.
    #[must_use]
    pub fn severity(&self) -> Option<Severity> {
        self.inner.severity
    }

    /// What the application adds. It is read anew with every call.
    #[must_use]
    pub fn metadata(&self) -> Map<String, Value> {
        self.inner.metadata.to_map()
    }

    /// The members of `context` and of `metadata` as they travel, without braces.
    pub(crate) fn members(&self) -> [&str; 2] {
        [self.inner.facts.members(), self.inner.metadata.members()]
    }

    /// Whether row images are left out.
    #[must_use]
    pub fn is_suppressed(&self) -> bool {
        self.inner.suppressed
    }

    /// The ids of the events whose changes are taken back, as a JSON array of texts.
    #[must_use]
    pub fn reverts(&self) -> Option<&str> {
        self.inner.reverts.as_deref()
    }

    /// The form in which this context travels to the database. Service and environment are those
    /// of the first call: a context that serves two of them is stamped anew for the second.
    #[must_use]
    pub fn stamp(&self, service: Option<&str>, environment: Option<&str>) -> Arc<Stamp> {
        use crate::stamp::Slot;
        let stamp = self
            .inner
            .stamp
            .get_or_init(|| Arc::new(Stamp::new(Some(self), service, environment)));
        if stamp.get(Slot::Service) == service && stamp.get(Slot::Environment) == environment {
            Arc::clone(stamp)
        } else {
            Arc::new(Stamp::new(Some(self), service, environment))
        }
    }

    /// Opens a scope that can be entered more than once: for a middleware, whose work is both a
    /// call and a future.
    #[must_use]
    pub fn open(self) -> OpenScope {
        OpenScope::new(self)
    }

    /// Runs a future in this context.
    ///
    /// # Cancel safety
    /// Dropping the returned future drops the inner one and ends the scope.
    pub fn scope<F: Future>(self, future: F) -> ScopeFuture<F> {
        self.open().hold(future)
    }

    /// Runs a closure in this context.
    pub fn sync_scope<R>(self, work: impl FnOnce() -> R) -> R {
        self.open().enter(work)
    }
}

/// A snapshot of the context of this task, or `None` outside every scope.
#[must_use]
pub fn current() -> Option<AuditContext> {
    SCOPE.try_with(|scope| scope.snapshot()).ok()
}

/// Replaces the actor of the innermost scope, for an extractor that learns it after the layer
/// opened the scope. Returns whether there was a scope; without one nothing changes.
#[expect(
    clippy::must_use_candidate,
    reason = "called for its effect; inside a layer it holds"
)]
pub fn set_actor(actor: Actor) -> bool {
    SCOPE
        .try_with(|scope| {
            let mut context = scope
                .context
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            *context = std::mem::take(&mut *context).with_actor(actor);
        })
        .is_ok()
}

/// Runs a future in a changed copy of the context that is current when it is first polled, or,
/// where none is, of the one that was current here; without either, in a new one.
fn changed<F: Future>(
    change: impl FnOnce(AuditContext) -> AuditContext,
    future: F,
) -> impl Future<Output = F::Output> {
    let here = current();
    async move {
        let context = current().or(here).unwrap_or_default();
        change(context).scope(future).await
    }
}

/// Runs a future in the current context with a reason; outside a scope, in a new one.
pub fn with_reason<F: Future>(
    reason: impl Into<String>,
    future: F,
) -> impl Future<Output = F::Output> {
    changed(|context| context.with_reason(reason), future)
}

/// Runs a future in the current context with a business verb; outside a scope, in a new one.
pub fn with_action<F: Future>(
    action: impl Into<String>,
    future: F,
) -> impl Future<Output = F::Output> {
    changed(|context| context.with_action(action), future)
}

/// Runs a future in the current context with one more entry of `metadata`; outside a scope, in a
/// new one.
pub fn with_metadata<F: Future>(
    key: impl AsRef<str>,
    value: impl Into<Value>,
    future: F,
) -> impl Future<Output = F::Output> {
    changed(|context| context.with_metadata(key, value), future)
}

/// Runs a future in the current context without row images, for the reason given. Events are
/// still written, each with that reason.
pub fn suppress<F: Future>(
    reason: impl Into<String>,
    future: F,
) -> impl Future<Output = F::Output> {
    changed(|context| context.with_images_suppressed(reason), future)
}

/// Binds a future to a snapshot of the current context, taken now: hand the result to any spawn
/// function. Outside a scope the future runs without one.
pub fn carry<F: Future>(future: F) -> impl Future<Output = F::Output> {
    let snapshot = current();
    async move {
        match snapshot {
            Some(context) => context.scope(future).await,
            None => future.await,
        }
    }
}

/// Binds a closure to a snapshot of the current context, taken now: hand the result to
/// `spawn_blocking` or a thread. Outside a scope the closure runs without one.
pub fn carry_blocking<R>(work: impl FnOnce() -> R) -> impl FnOnce() -> R {
    let work = carry_borrowing(|(): &mut ()| work());
    move || work(&mut ())
}

/// [`carry_blocking`] of a closure that is lent something, such as the connection of a pool that
/// runs closures on threads of its own.
pub fn carry_borrowing<A: ?Sized, R>(work: impl FnOnce(&mut A) -> R) -> impl FnOnce(&mut A) -> R {
    let snapshot = current();
    move |lent| match snapshot {
        Some(context) => context.sync_scope(|| work(lent)),
        None => work(lent),
    }
}

/// Spawns a task in a snapshot of the current context.
///
/// # Panics
/// Outside a tokio runtime, as `tokio::spawn` does.
#[cfg(feature = "spawn")]
pub fn spawn<F>(future: F) -> tokio::task::JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    tokio::spawn(carry(future))
}

/// Runs a closure on the blocking threads in a snapshot of the current context.
///
/// # Panics
/// Outside a tokio runtime, as `tokio::task::spawn_blocking` does.
#[cfg(feature = "spawn")]
pub fn spawn_blocking<R: Send + 'static>(
    work: impl FnOnce() -> R + Send + 'static,
) -> tokio::task::JoinHandle<R> {
    tokio::task::spawn_blocking(carry_blocking(work))
}

/// Counts a context that was looked for outside every scope; adapters call it.
pub fn count_missing() {
    MISSING.fetch_add(1, Ordering::Relaxed);
}

/// How often this process put a context on a connection outside every scope: once a connection that was
/// handed out, and with the executors of an adapter once a statement on one that is held. Where it
/// grows scopes are missing; it does not tell how many writes have the actor `unknown`.
#[must_use]
pub fn missing() -> u64 {
    MISSING.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actor_now() -> Option<String> {
        current().and_then(|context| context.actor().map(|actor| actor.id().to_owned()))
    }

    fn as_user(id: &str) -> AuditContext {
        AuditContext::new().with_actor(Actor::user(id))
    }

    #[tokio::test]
    async fn the_innermost_scope_wins_and_ends() {
        as_user("alice")
            .scope(async {
                assert_eq!(actor_now().as_deref(), Some("alice"));
                as_user("bob").sync_scope(|| assert_eq!(actor_now().as_deref(), Some("bob")));
                assert_eq!(actor_now().as_deref(), Some("alice"));
            })
            .await;
        assert_eq!(actor_now(), None);
    }

    #[tokio::test]
    async fn set_actor_changes_the_scope_but_no_snapshot() {
        assert!(!set_actor(Actor::user("nobody")));
        as_user("alice")
            .scope(async {
                let before = current().unwrap();
                assert!(set_actor(Actor::user("carol")));
                assert_eq!(actor_now().as_deref(), Some("carol"));
                assert_eq!(before.actor().map(Actor::id), Some("alice"));
            })
            .await;
    }

    #[tokio::test]
    async fn a_bare_spawn_loses_the_context_and_carry_keeps_it() {
        as_user("alice")
            .scope(async {
                assert_eq!(tokio::spawn(async { actor_now() }).await.unwrap(), None);
                let carried = tokio::spawn(carry(async { actor_now() })).await.unwrap();
                assert_eq!(carried.as_deref(), Some("alice"));
                let blocking = tokio::task::spawn_blocking(carry_blocking(actor_now));
                assert_eq!(blocking.await.unwrap().as_deref(), Some("alice"));
            })
            .await;
    }

    #[tokio::test]
    async fn interleaved_scopes_never_see_each_other() {
        let work = |id: usize| async move {
            as_user(&id.to_string())
                .scope(async move {
                    for _ in 0..50 {
                        tokio::task::yield_now().await;
                        assert_eq!(actor_now(), Some(id.to_string()));
                    }
                })
                .await;
        };
        let tasks: Vec<_> = (0..20).map(|id| tokio::spawn(work(id))).collect();
        for task in tasks {
            task.await.unwrap();
        }
    }

    #[tokio::test]
    async fn with_reason_keeps_the_actor() {
        as_user("alice")
            .scope(with_reason("ticket 7", async {
                let context = current().unwrap();
                assert_eq!(context.reason(), Some("ticket 7"));
                assert_eq!(context.actor().map(Actor::id), Some("alice"));
            }))
            .await;
    }

    #[test]
    fn a_changed_copy_is_stamped_anew() {
        use crate::stamp::Slot;
        let alice = as_user("alice");
        assert_eq!(alice.stamp(None, None).get(Slot::ActorId), Some("alice"));
        let bob = alice.clone().with_actor(Actor::user("bob"));
        assert_eq!(bob.stamp(None, None).get(Slot::ActorId), Some("bob"));
        assert_eq!(alice.stamp(Some("x"), None).get(Slot::Service), Some("x"));
    }
}
