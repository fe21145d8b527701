//! The settings of a middleware.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use serde_json::Value;

use super::facts::{self, Known};
use super::id;
use super::proxies::TrustedProxies;
use crate::actor::{Actor, Rejection, Resolution};
use crate::context::{self, AuditContext};
use crate::event::Event;
use crate::lane::{EventQueue, Sending};

type FromRequest<R, T> = Arc<dyn Fn(&R) -> T + Send + Sync>;

/// What the application asked of a middleware whose framework hands out requests of type `R`.
/// Cloning is cheap.
pub struct RequestSettings<R> {
    resolve: FromRequest<R, Resolution>,
    facts: Option<FromRequest<R, Vec<(String, Value)>>>,
    peer: Option<FromRequest<R, Option<IpAddr>>>,
    proxies: Option<TrustedProxies>,
    request_id_header: Option<String>,
    denials: Option<Arc<dyn EventQueue>>,
}

/// The business verb of a request whose credentials do not hold.
const AUTHENTICATE: &str = "request.authenticate";

impl<R> RequestSettings<R> {
    /// Takes the actor from a request.
    pub fn resolving(resolve: impl Fn(&R) -> Resolution + Send + Sync + 'static) -> Self {
        Self {
            resolve: Arc::new(resolve),
            facts: None,
            peer: None,
            proxies: None,
            request_id_header: None,
            denials: None,
        }
    }

    /// Adds facts of the application's own; a key that is known anyway is replaced by theirs.
    #[must_use]
    pub fn facts<F, I, K, V>(mut self, facts: F) -> Self
    where
        F: Fn(&R) -> I + Send + Sync + 'static,
        I: IntoIterator<Item = (K, V)>,
        K: Into<String>,
        V: Into<Value>,
    {
        self.facts = Some(Arc::new(move |request| {
            let facts = facts(request).into_iter();
            facts
                .map(|(key, value)| (key.into(), value.into()))
                .collect()
        }));
        self
    }

    /// Takes the address of the socket from here, and not from the framework.
    #[must_use]
    pub fn peer_ip(mut self, peer: impl Fn(&R) -> Option<IpAddr> + Send + Sync + 'static) -> Self {
        self.peer = Some(Arc::new(peer));
        self
    }

    /// Believes these proxies on the address of the client and, alone, on the request id.
    #[must_use]
    pub fn trusted_proxies(mut self, proxies: TrustedProxies) -> Self {
        self.proxies = Some(proxies);
        self
    }

    /// Takes the request id from this header where it holds one value of 1 to 128 visible ASCII
    /// characters.
    #[must_use]
    pub fn request_id_header(mut self, name: impl AsRef<str>) -> Self {
        self.request_id_header = Some(name.as_ref().to_owned());
        self
    }

    /// Records requests that are refused, in this queue.
    #[must_use]
    pub fn lane(mut self, queue: impl EventQueue) -> Self {
        self.denials = Some(Arc::new(queue));
        self
    }

    /// Records that a request was refused, where a queue was given: as an event `request.authenticate`
    /// with the outcome `denied`, in the context of the request. It has no actor: what refused
    /// credentials say of one proves nothing. Answer when the future has ended.
    #[must_use]
    pub fn refused(&self, context: AuditContext, rejection: &Rejection) -> Option<Sending> {
        let event = rejection.deny(Event::custom(AUTHENTICATE));
        let queue = self.denials.as_ref()?;
        Some(context.sync_scope(|| queue.send(event)))
    }

    /// The context of a request: its id and its facts, without an actor.
    #[must_use]
    pub fn context(&self, request: &R, known: &Known<'_>) -> AuditContext {
        let peer = match &self.peer {
            Some(peer) => peer(request),
            None => known.peer,
        };
        let peer = peer.map(|peer| peer.to_canonical());
        let context = facts::context(known, peer, self.proxies.as_ref())
            .with_request_id(self.request_id(known, peer));
        match &self.facts {
            None => context,
            Some(facts) => facts(request)
                .into_iter()
                .fold(context, |context, (key, value)| {
                    context.with_fact(key, value)
                }),
        }
    }

    /// Who acts in a request; without credentials it is an anonymous actor.
    ///
    /// # Errors
    /// [`Rejection`] where the request carries credentials that do not hold: answer it with status,
    /// challenge and body of the rejection, and do not serve the request.
    pub fn actor(&self, request: &R) -> Result<Actor, Rejection> {
        match (self.resolve)(request) {
            Resolution::Actor(actor) => Ok(actor),
            Resolution::Anonymous => Ok(Actor::anonymous()),
            Resolution::Reject(rejection) => Err(rejection),
        }
    }

    /// The id of the enclosing middleware, else the one the request brings, else a new one.
    fn request_id(&self, known: &Known<'_>, peer: Option<IpAddr>) -> String {
        let enclosing = context::current();
        if let Some(id) = enclosing.as_ref().and_then(AuditContext::request_id) {
            return id.to_owned();
        }
        // Where the proxies are known, nobody else may name requests.
        let is_believed = match (&self.proxies, peer) {
            (Some(proxies), Some(peer)) => proxies.contains(peer),
            (Some(_), None) => false,
            (None, _) => true,
        };
        self.request_id_header
            .as_ref()
            .filter(|_| is_believed)
            .and_then(|name| id::given(known.head, name))
            .unwrap_or_else(id::fresh)
    }
}

impl<R> Clone for RequestSettings<R> {
    fn clone(&self) -> Self {
        Self {
            resolve: Arc::clone(&self.resolve),
            facts: self.facts.clone(),
            peer: self.peer.clone(),
            proxies: self.proxies.clone(),
            request_id_header: self.request_id_header.clone(),
            denials: self.denials.clone(),
        }
    }
}

impl<R> fmt::Debug for RequestSettings<R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RequestSettings")
            .field("facts", &self.facts.is_some())
            .field("peer", &self.peer.is_some())
            .field("proxies", &self.proxies)
            .field("request_id_header", &self.request_id_header)
            .field("denials", &self.denials.is_some())
            .finish_non_exhaustive()
    }
}
