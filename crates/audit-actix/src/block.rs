//! Work on the blocking threads.

use std::future::Future;

use actix_web::error::BlockingError;
use actix_web::web;
use audit_core::context::carry_blocking;

/// Runs a closure on the blocking threads in a snapshot of the current context, taken now. In
/// `web::block` there is no context. Outside a scope the closure runs without one.
///
/// # Errors
/// [`BlockingError`] where the closure panics, as `web::block` does.
///
/// # Panics
/// Outside a tokio runtime, as `web::block` does.
///
/// # Cancel safety
/// Once this function was called the closure runs to its end, also where the future is dropped.
pub fn block<R: Send + 'static>(
    work: impl FnOnce() -> R + Send + 'static,
) -> impl Future<Output = Result<R, BlockingError>> {
    web::block(carry_blocking(work))
}
