//! The settings of the middleware.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use audit_core::actor::Resolution;
use audit_core::{Actor, ActorSource, Assurance};
use http::HeaderName;
use http::request::Parts;
use serde_json::Value;
use tower_layer::Layer;

use crate::head::Head;
use crate::proxies::TrustedProxies;
use crate::service::AuditService;

type FromParts<T> = Arc<dyn Fn(&Parts) -> T + Send + Sync>;

/// Opens an audit scope around every request, with the actor that a source finds and the facts of
/// the request. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct AuditLayer {
    settings: Arc<Settings>,
}

#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) resolve: FromParts<Resolution>,
    pub(crate) facts: Option<FromParts<Vec<(String, Value)>>>,
    pub(crate) peer: Option<FromParts<Option<IpAddr>>>,
    pub(crate) proxies: Option<TrustedProxies>,
    pub(crate) request_id_header: Option<HeaderName>,
}

impl AuditLayer {
    /// Takes the actor from the head of the request, by a source such as a token verifier.
    #[must_use]
    pub fn new(source: impl ActorSource) -> Self {
        Self::resolving(move |parts| source.resolve(&Head(parts)))
    }

    /// Takes the actor from what the application's own authentication left in the extensions of
    /// the request; it must be a layer outside this one. The actor's assurance is at most
    /// `asserted`. A request without that extension is anonymous.
    #[must_use]
    pub fn from_extension<C, F>(actor: F) -> Self
    where
        C: Send + Sync + 'static,
        F: Fn(&C) -> Actor + Send + Sync + 'static,
    {
        Self::resolving(move |parts| match parts.extensions.get::<C>() {
            None => Resolution::Anonymous,
            Some(claims) => Resolution::Actor(as_asserted(actor(claims))),
        })
    }

    fn resolving(resolve: impl Fn(&Parts) -> Resolution + Send + Sync + 'static) -> Self {
        Self {
            settings: Arc::new(Settings {
                resolve: Arc::new(resolve),
                facts: None,
                peer: None,
                proxies: None,
                request_id_header: None,
            }),
        }
    }

    fn change(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(Arc::make_mut(&mut self.settings));
        self
    }

    /// Adds facts of the application's own to the event's `context`: a session, roles, a job. A key
    /// that the layer uses as well is replaced by yours.
    #[must_use]
    pub fn facts<F, I, K, V>(self, facts: F) -> Self
    where
        F: Fn(&Parts) -> I + Send + Sync + 'static,
        I: IntoIterator<Item = (K, V)>,
        K: Into<String>,
        V: Into<Value>,
    {
        let facts = move |parts: &Parts| {
            let facts = facts(parts).into_iter();
            facts
                .map(|(key, value)| (key.into(), value.into()))
                .collect()
        };
        self.change(|settings| settings.facts = Some(Arc::new(facts)))
    }

    /// Says where the address of the socket is found. With the feature `axum` it is axum's
    /// `ConnectInfo<SocketAddr>` unless set.
    #[must_use]
    pub fn peer_ip<F>(self, peer: F) -> Self
    where
        F: Fn(&Parts) -> Option<IpAddr> + Send + Sync + 'static,
    {
        self.change(|settings| settings.peer = Some(Arc::new(peer)))
    }

    /// Believes these proxies: the client's address is taken from `X-Forwarded-For` as far as they
    /// wrote it, and a request id only from them. Without it the client is the peer.
    #[must_use]
    pub fn trusted_proxies(self, proxies: TrustedProxies) -> Self {
        self.change(|settings| settings.proxies = Some(proxies))
    }

    /// Takes the request id from this header where it holds one value of 1 to 128 visible ASCII
    /// characters; else, and where no header is set, the id is a new UUIDv7. Set it only where
    /// callers may name requests: a proxy that overwrites the header, or services of your own.
    #[must_use]
    pub fn request_id_header(self, name: HeaderName) -> Self {
        self.change(|settings| settings.request_id_header = Some(name))
    }
}

impl<S> Layer<S> for AuditLayer {
    type Service = AuditService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        AuditService::new(inner, Arc::clone(&self.settings))
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Settings")
            .field("facts", &self.facts.is_some())
            .field("peer", &self.peer.is_some())
            .field("proxies", &self.proxies)
            .field("request_id_header", &self.request_id_header)
            .finish_non_exhaustive()
    }
}

/// Nobody here saw a signature.
fn as_asserted(actor: Actor) -> Actor {
    match actor.assurance() {
        Some(Assurance::Verified) => actor.with_assurance(Assurance::Asserted),
        _ => actor,
    }
}
