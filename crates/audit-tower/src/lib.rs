#![doc = include_str!("../README.md")]

#[cfg(feature = "axum")]
mod attachment;
#[cfg(feature = "body")]
mod body;
#[cfg(feature = "axum")]
mod framework;
#[cfg(not(feature = "axum"))]
#[path = "no_framework.rs"]
mod framework;
mod future;
mod head;
mod layer;
mod refusal;
mod service;

#[cfg(feature = "axum")]
pub use attachment::attachment;
pub use audit_core::actor::Rejection;
pub use audit_core::request::{ProxyError, TrustedProxies};
#[cfg(feature = "body")]
pub use body::AuditBody;
pub use future::ResponseFuture;
pub use layer::AuditLayer;
pub use refusal::deny;
pub use service::AuditService;
