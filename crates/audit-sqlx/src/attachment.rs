//! What a pool is attached to, found again from the pool.

use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, LazyLock, PoisonError, RwLock, Weak};

use audit_core::stamp::Stamp;
use audit_core::{Actor, Audit, AuditContext, MissingContext, context};
use sqlx::{Database, Pool};

use crate::pool::ContextScope;

/// The settings that the hooks of one pool share.
pub struct Attachment {
    audit: Audit,
    scope: ContextScope,
    fallback: Arc<Stamp>,
}

impl fmt::Debug for Attachment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Attachment")
            .field("audit", &self.audit)
            .finish_non_exhaustive()
    }
}

impl Attachment {
    pub(crate) fn new(audit: &Audit, scope: ContextScope) -> Self {
        let missing = match audit.on_missing_context() {
            MissingContext::System(name) => {
                Some(AuditContext::new().with_actor(Actor::system(name.as_str())))
            }
            _ => None,
        };
        let fallback = Stamp::new(missing.as_ref(), audit.service(), audit.environment());
        Self {
            audit: audit.clone(),
            scope,
            fallback: Arc::new(fallback),
        }
    }

    pub(crate) fn audit(&self) -> &Audit {
        &self.audit
    }

    pub(crate) fn scope(&self) -> ContextScope {
        self.scope
    }

    /// The stamp of work that brings no context.
    pub(crate) fn fallback(&self) -> &Stamp {
        &self.fallback
    }

    /// The stamp of the context of this task, or the fallback.
    pub(crate) fn current_stamp(&self) -> Arc<Stamp> {
        match context::current() {
            Some(context) => context.stamp(self.audit.service(), self.audit.environment()),
            None => {
                context::count_missing();
                Arc::clone(&self.fallback)
            }
        }
    }
}

/// Pools have no place for user data, so attachments are found by the address of the pool's
/// options, which all clones of a pool share and which stays while any of them lives.
///
/// INVARIANT: the only strong references are held by hooks inside those options. When the pool
/// is gone, so is the attachment, and an address that is used again finds nothing.
static ATTACHED: LazyLock<RwLock<HashMap<usize, Weak<Attachment>>>> =
    LazyLock::new(RwLock::default);

fn address<DB: Database>(pool: &Pool<DB>) -> usize {
    std::ptr::from_ref(pool.options()).addr()
}

pub(crate) fn remember<DB: Database>(pool: &Pool<DB>, attachment: Weak<Attachment>) {
    let mut attached = ATTACHED.write().unwrap_or_else(PoisonError::into_inner);
    attached.retain(|_, known| known.strong_count() > 0);
    attached.insert(address(pool), attachment);
}

/// The attachment of a pool, or an error that says how to get one.
pub(crate) fn find<DB: Database>(pool: &Pool<DB>) -> Result<Arc<Attachment>, sqlx::Error> {
    let attached = ATTACHED.read().unwrap_or_else(PoisonError::into_inner);
    attached
        .get(&address(pool))
        .and_then(Weak::upgrade)
        .ok_or_else(|| sqlx::Error::Configuration(Box::new(NotAttached)))
}

/// A pool that was not built by `attach`.
#[derive(Debug, thiserror::Error)]
#[error(
    "this pool is not attached to an audit; build it with `audit_sqlx::attach(options, &audit)`"
)]
struct NotAttached;

const _: fn() = || {
    fn is_shared<T: Any + Send + Sync>() {}
    is_shared::<Attachment>();
};
