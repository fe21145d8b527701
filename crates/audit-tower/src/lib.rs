#![doc = include_str!("../README.md")]

#[cfg(feature = "body")]
mod body;
mod facts;
#[cfg(feature = "axum")]
mod framework;
#[cfg(not(feature = "axum"))]
#[path = "no_framework.rs"]
mod framework;
mod future;
mod head;
mod layer;
mod proxies;
mod refusal;
mod request_id;
mod service;
mod trace;

#[cfg(feature = "body")]
pub use body::AuditBody;
pub use future::ResponseFuture;
pub use layer::AuditLayer;
pub use proxies::{ProxyError, TrustedProxies};
pub use service::AuditService;
