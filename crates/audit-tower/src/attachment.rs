//! The answer that is a file.

use axum::BoxError;
use axum::body::{Body, Bytes};
use axum::response::{IntoResponse as _, Response};
use futures_core::TryStream;

/// The answer of axum that gives a client a file to save, piece by piece as it takes them: of audit-store,
/// `attachment(format.headers("audit_logs"), download)`.
///
/// A piece that fails breaks the answer off without its proper end, so that the client sees that the file
/// is not whole.
pub fn attachment<S, const N: usize>(headers: [(&'static str, String); N], pieces: S) -> Response
where
    S: TryStream<Ok: Into<Bytes>, Error: Into<BoxError>> + Send + 'static,
{
    (headers, Body::from_stream(pieces)).into_response()
}
