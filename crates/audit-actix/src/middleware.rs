//! The settings of the middleware.

use std::future::{Ready, ready};
use std::net::IpAddr;

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::http::header::HeaderName;
use actix_web::{Error, HttpMessage as _};
use audit_core::actor::Resolution;
use audit_core::request::{RequestSettings, TrustedProxies};
use audit_core::{Actor, ActorSource, EventQueue};
use serde_json::Value;

use crate::body::AuditBody;
use crate::head::Head;
use crate::service::AuditService;

/// Opens an audit scope around every request, with the actor that a source finds and the facts of
/// the request. Make one outside the closure of `HttpServer::new` and wrap each `App` in a clone;
/// cloning is cheap.
#[derive(Debug, Clone)]
pub struct AuditMiddleware {
    settings: RequestSettings<ServiceRequest>,
}

impl AuditMiddleware {
    /// Takes the actor from the head of the request, by a source such as a token verifier.
    #[must_use]
    pub fn new(source: impl ActorSource) -> Self {
        Self::resolving(move |request| source.resolve(&Head(request)))
    }

    /// Takes the actor from what the application's own authentication left in the extensions of
    /// the request; it must be a middleware outside this one. The actor's assurance is at most
    /// `asserted`. A request without that extension is anonymous.
    #[must_use]
    pub fn from_extension<C, F>(actor: F) -> Self
    where
        C: 'static,
        F: Fn(&C) -> Actor + Send + Sync + 'static,
    {
        Self::resolving(move |request| {
            Resolution::asserted(request.extensions().get::<C>().map(&actor))
        })
    }

    fn resolving(resolve: impl Fn(&ServiceRequest) -> Resolution + Send + Sync + 'static) -> Self {
        Self {
            settings: RequestSettings::resolving(resolve),
        }
    }

    /// Adds facts of the application's own to the event's `context`: a session, roles, a job. A key
    /// that the middleware uses as well is replaced by yours.
    #[must_use]
    pub fn facts<F, I, K, V>(self, facts: F) -> Self
    where
        F: Fn(&ServiceRequest) -> I + Send + Sync + 'static,
        I: IntoIterator<Item = (K, V)>,
        K: Into<String>,
        V: Into<Value>,
    {
        Self {
            settings: self.settings.facts(facts),
        }
    }

    /// Says where the address of the socket is found. It is that of the connection unless set.
    #[must_use]
    pub fn peer_ip<F>(self, peer: F) -> Self
    where
        F: Fn(&ServiceRequest) -> Option<IpAddr> + Send + Sync + 'static,
    {
        Self {
            settings: self.settings.peer_ip(peer),
        }
    }

    /// Believes these proxies: the client's address is taken from `X-Forwarded-For` as far as they
    /// wrote it, and a request id only from them. Without it the client is the peer.
    #[must_use]
    pub fn trusted_proxies(self, proxies: TrustedProxies) -> Self {
        Self {
            settings: self.settings.trusted_proxies(proxies),
        }
    }

    /// Records each request that is refused because its credentials do not hold: an event
    /// `request.authenticate` with the outcome `denied`, the code of the refusal as `reason_code`, the
    /// facts of the request, and no actor. A lane of audit-lane is such a queue; its bounds are those of a
    /// flood of such requests. Without one they leave no event.
    #[must_use]
    pub fn lane(self, queue: impl EventQueue) -> Self {
        Self {
            settings: self.settings.lane(queue),
        }
    }

    /// Takes the request id from this header where it holds one value of 1 to 128 visible ASCII
    /// characters; else, and where no header is set, the id is a new UUIDv7. Set it only where
    /// callers may name requests: a proxy that overwrites the header, or services of your own.
    #[must_use]
    pub fn request_id_header(self, name: HeaderName) -> Self {
        Self {
            settings: self.settings.request_id_header(name),
        }
    }
}

impl<S, B> Transform<S, ServiceRequest> for AuditMiddleware
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody,
{
    type Response = ServiceResponse<EitherBody<AuditBody<B>>>;
    type Error = Error;
    type Transform = AuditService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, Self::InitError>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        ready(Ok(AuditService::new(inner, self.settings.clone())))
    }
}
