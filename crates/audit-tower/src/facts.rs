//! From the head of a request to what the audit context says of it.

use std::net::IpAddr;

use audit_core::AuditContext;
use http::header::USER_AGENT;
use http::request::Parts;

use crate::framework;
use crate::layer::Settings;
use crate::request_id;
use crate::trace::TraceParent;

/// The longest user agent that is kept, in characters.
const MAX_USER_AGENT_CHARS: usize = 256;

/// A context with the request id and the facts, but without an actor.
pub(crate) fn context(parts: &Parts, settings: &Settings) -> AuditContext {
    let peer = peer(parts, settings);
    let mut context = AuditContext::new()
        .with_request_id(request_id(parts, peer, settings))
        .with_fact("method", parts.method.as_str());
    if let Some(route) = framework::route(parts) {
        context = context.with_fact("route", route);
    }
    if let Some(parent) = TraceParent::of(&parts.headers) {
        context = context
            .with_fact("trace_id", parent.trace_id)
            .with_fact("span_id", parent.span_id);
    }
    if let Some(agent) = parts.headers.get(USER_AGENT) {
        let agent = String::from_utf8_lossy(agent.as_bytes());
        let agent: String = agent.chars().take(MAX_USER_AGENT_CHARS).collect();
        context = context.with_fact("user_agent", agent);
    }
    if let Some(peer) = peer {
        let proxies = settings.proxies.as_ref();
        let client = proxies.map_or(peer, |proxies| proxies.client(peer, &parts.headers));
        context = context
            .with_fact("peer_ip", peer.to_string())
            .with_fact("client_ip", client.to_string());
    }
    match &settings.facts {
        None => context,
        Some(facts) => facts(parts)
            .into_iter()
            .fold(context, |context, (key, value)| {
                context.with_fact(key, value)
            }),
    }
}

fn peer(parts: &Parts, settings: &Settings) -> Option<IpAddr> {
    let peer = match &settings.peer {
        Some(peer) => peer(parts),
        None => framework::peer(parts),
    };
    peer.map(|peer| peer.to_canonical())
}

/// The id of the enclosing layer, else the one the request brings, else a new one.
fn request_id(parts: &Parts, peer: Option<IpAddr>, settings: &Settings) -> String {
    let enclosing = audit_core::context::current();
    if let Some(id) = enclosing.as_ref().and_then(AuditContext::request_id) {
        return id.to_owned();
    }
    // Where the proxies are known, nobody else may name requests.
    let is_believed = match (&settings.proxies, peer) {
        (Some(proxies), Some(peer)) => proxies.contains(peer),
        (Some(_), None) => false,
        (None, _) => true,
    };
    settings
        .request_id_header
        .as_ref()
        .filter(|_| is_believed)
        .and_then(|name| request_id::given(&parts.headers, name))
        .unwrap_or_else(request_id::fresh)
}
