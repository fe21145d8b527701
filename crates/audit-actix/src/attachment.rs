//! The answer that is a file.

use std::error::Error;

use actix_web::HttpResponse;
use actix_web::web::Bytes;
use futures_core::Stream;

/// The answer that gives a client a file to save, piece by piece as it takes them: of audit-store,
/// `attachment(format.headers("audit_logs"), download)`.
///
/// A piece that fails breaks the answer off without its proper end, so that the client sees that the file
/// is not whole.
pub fn attachment<S, E, const N: usize>(
    headers: [(&'static str, String); N],
    pieces: S,
) -> HttpResponse
where
    S: Stream<Item = Result<Bytes, E>> + 'static,
    E: Into<Box<dyn Error>> + 'static,
{
    let mut answer = HttpResponse::Ok();
    for header in headers {
        answer.insert_header(header);
    }
    answer.streaming(pieces)
}
