//! From a request to what the audit context says of it.

use std::fmt;
use std::net::IpAddr;

use super::proxies::TrustedProxies;
use super::trace::TraceParent;
use crate::actor::RequestHead;
use crate::context::AuditContext;

/// The longest user agent that is kept, in characters.
const MAX_USER_AGENT_CHARS: usize = 256;

/// A request as its web framework knows it.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    /// Method, path and headers.
    pub head: &'a dyn RequestHead,
    /// The route as it was declared, such as `/users/{id}`.
    pub route: Option<&'a str>,
    /// The address of the socket.
    pub peer: Option<IpAddr>,
}

impl fmt::Debug for Known<'_> {
    // Headers may hold credentials.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Known")
            .field("route", &self.route)
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}

/// A context with the facts of a request.
pub(super) fn context(
    known: &Known<'_>,
    peer: Option<IpAddr>,
    proxies: Option<&TrustedProxies>,
) -> AuditContext {
    let Known { head, route, .. } = *known;
    let mut context = AuditContext::new().with_text("method", head.method());
    if let Some(route) = route {
        context = context.with_text("route", route);
    }
    if let Some(parent) = TraceParent::of(head) {
        context = context
            .with_text("trace_id", parent.trace_id)
            .with_text("span_id", parent.span_id);
    }
    if let Some(agent) = head.header_values("user-agent").next() {
        let agent = String::from_utf8_lossy(agent);
        let agent: String = agent.chars().take(MAX_USER_AGENT_CHARS).collect();
        context = context.with_text("user_agent", agent);
    }
    if let Some(peer) = peer {
        let client = proxies.map_or(peer, |proxies| proxies.client(peer, head));
        context = context
            .with_text("peer_ip", peer.to_string())
            .with_text("client_ip", client.to_string());
    }
    context
}
