//! What a pool or connection is attached to.

use std::fmt;
use std::sync::Arc;

use audit_core::stamp::Stamp;
use audit_core::{Actor, Audit, AuditContext, MissingContext, context};

/// How long the context stays on a connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ContextScope {
    /// From checkout to release: every write is attributed.
    #[default]
    Connection,
    /// For the length of a transaction that the adapter's `begin` opens, for servers behind a pooler
    /// that shares sessions: plain autocommit writes are recorded as actor kind `unknown`.
    /// PostgreSQL only: an adapter refuses it for another database.
    Transaction,
}

/// The settings that the connections of one pool share. Cloning is cheap.
#[derive(Clone)]
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
    /// Attaches to the rules of an audit.
    #[must_use]
    pub fn new(audit: &Audit, scope: ContextScope) -> Self {
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

    /// The rules.
    #[must_use]
    pub fn audit(&self) -> &Audit {
        &self.audit
    }

    /// How long the context stays.
    #[must_use]
    pub fn scope(&self) -> ContextScope {
        self.scope
    }

    /// The stamp of work that brings no context.
    #[must_use]
    pub fn fallback(&self) -> &Stamp {
        &self.fallback
    }

    /// The stamp of the context of this task; outside every scope the fallback, which is counted.
    #[must_use]
    pub fn current_stamp(&self) -> Arc<Stamp> {
        match context::current() {
            Some(context) => context.stamp(self.audit.service(), self.audit.environment()),
            None => {
                context::count_missing();
                Arc::clone(&self.fallback)
            }
        }
    }
}
