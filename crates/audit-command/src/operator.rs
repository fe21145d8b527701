//! Who does what the command does.

use audit_core::{Actor, AuditContext};
use clap::Args;
use uuid::Uuid;

/// Whether a verb does what it shows, for whom and why.
#[derive(Debug, Args)]
pub(crate) struct Approval {
    /// Do it; without this flag it is only shown
    #[arg(long, requires = "actor_id")]
    apply: bool,
    /// Who does it: the id of the actor of its events
    #[arg(long = "as", value_name = "ID")]
    actor_id: Option<String>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

impl Approval {
    /// Whether it is done, and not only shown.
    pub(crate) fn is_given(&self) -> bool {
        self.apply
    }

    /// The context of what is done, and the id of its request.
    pub(crate) fn context(&self) -> (AuditContext, String) {
        let (context, request) = operator(self.actor_id.as_deref().unwrap_or_default());
        let context = match self.reason.as_deref() {
            Some(reason) => context.with_reason(reason),
            None => context,
        };
        (context, request)
    }
}

/// The context of one thing that is done, which is a request of its own, and the id of the request.
pub(crate) fn operator(actor: &str) -> (AuditContext, String) {
    let request = Uuid::now_v7().to_string();
    let context = AuditContext::new()
        .with_actor(Actor::user(actor))
        .with_request_id(request.as_str());
    (context, request)
}
