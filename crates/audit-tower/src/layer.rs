//! The settings of the middleware.

use std::net::IpAddr;
use std::sync::Arc;

use audit_core::actor::Resolution;
use audit_core::request::{RequestSettings, TrustedProxies};
use audit_core::{Actor, ActorSource, EventQueue};
use http::HeaderName;
use http::request::Parts;
use serde_json::Value;
use tower_layer::Layer;

use crate::head::Head;
use crate::service::AuditService;

/// Opens an audit scope around every request, with the actor that a source finds and the facts of
/// the request. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct AuditLayer {
    settings: Arc<RequestSettings<Parts>>,
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
        Self::resolving(move |parts| Resolution::asserted(parts.extensions.get::<C>().map(&actor)))
    }

    fn resolving(resolve: impl Fn(&Parts) -> Resolution + Send + Sync + 'static) -> Self {
        Self {
            settings: Arc::new(RequestSettings::resolving(resolve)),
        }
    }

    fn change(self, change: impl FnOnce(RequestSettings<Parts>) -> RequestSettings<Parts>) -> Self {
        Self {
            settings: Arc::new(change(Arc::unwrap_or_clone(self.settings))),
        }
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
        self.change(|settings| settings.facts(facts))
    }

    /// Says where the address of the socket is found. With the feature `axum` it is axum's
    /// `ConnectInfo<SocketAddr>` unless set.
    #[must_use]
    pub fn peer_ip<F>(self, peer: F) -> Self
    where
        F: Fn(&Parts) -> Option<IpAddr> + Send + Sync + 'static,
    {
        self.change(|settings| settings.peer_ip(peer))
    }

    /// Believes these proxies: the client's address is taken from `X-Forwarded-For` as far as they
    /// wrote it, and a request id only from them. Without it the client is the peer.
    #[must_use]
    pub fn trusted_proxies(self, proxies: TrustedProxies) -> Self {
        self.change(|settings| settings.trusted_proxies(proxies))
    }

    /// Records each request that is refused because its credentials do not hold: an event
    /// `request.authenticate` with the outcome `denied`, the code of the refusal as `reason_code`, the
    /// facts of the request, and no actor. A lane of audit-lane is such a queue; its bounds are those of a
    /// flood of such requests. Without one they leave no event.
    #[must_use]
    pub fn lane(self, queue: impl EventQueue) -> Self {
        self.change(|settings| settings.lane(queue))
    }

    /// Takes the request id from this header where it holds one value of 1 to 128 visible ASCII
    /// characters; else, and where no header is set, the id is a new UUIDv7. Set it only where
    /// callers may name requests: a proxy that overwrites the header, or services of your own.
    #[must_use]
    pub fn request_id_header(self, name: HeaderName) -> Self {
        self.change(|settings| settings.request_id_header(name))
    }
}

impl<S> Layer<S> for AuditLayer {
    type Service = AuditService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        AuditService::new(inner, Arc::clone(&self.settings))
    }
}
