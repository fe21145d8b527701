#![doc = include_str!("../README.md")]

mod attachment;
mod block;
mod body;
mod future;
mod head;
mod middleware;
mod refusal;
mod service;

pub use attachment::attachment;
pub use audit_core::actor::Rejection;
pub use audit_core::request::{ProxyError, TrustedProxies};
pub use block::block;
pub use body::AuditBody;
pub use future::ResponseFuture;
pub use middleware::AuditMiddleware;
pub use refusal::deny;
pub use service::AuditService;
