//! Who does what the command does.

use audit_core::{Actor, AuditContext};
use uuid::Uuid;

/// The context of one thing that is done, which is a request of its own, and the id of the request.
pub(crate) fn operator(actor: &str, reason: Option<&str>) -> (AuditContext, String) {
    let request = Uuid::now_v7().to_string();
    let context = AuditContext::new()
        .with_actor(Actor::user(actor))
        .with_request_id(request.as_str());
    let context = match reason {
        Some(reason) => context.with_reason(reason),
        None => context,
    };
    (context, request)
}
