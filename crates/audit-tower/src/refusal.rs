//! The answer to a request that is refused.

use audit_core::actor::Rejection;
use audit_core::{EventQueue, ManualEvent};
use http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};

/// Records that what a request asks for is denied, and gives the answer, such as that of
/// [`Rejection::forbidden`]: in a handler, `return deny(&lane, event, &rejection).await`. The event gets the
/// outcome `denied` and what the rejection says, and has the actor of the request.
///
/// # Cancel safety
/// The event is sent by the first poll; with a queue that waits for room it is lost where the future is
/// dropped before its end.
pub async fn deny<B: From<String>>(
    queue: &(impl EventQueue + ?Sized),
    event: ManualEvent,
    rejection: &Rejection,
) -> Response<B> {
    queue.send(rejection.deny(event)).await;
    response(rejection).map(B::from)
}

/// The status, the body and the challenge of the rejection.
pub(crate) fn response(rejection: &Rejection) -> Response<String> {
    let mut response = Response::new(rejection.body());
    *response.status_mut() =
        StatusCode::from_u16(rejection.status()).unwrap_or(StatusCode::UNAUTHORIZED);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let challenge = rejection.challenge().map(HeaderValue::from_str);
    if let Some(Ok(challenge)) = challenge {
        headers.insert(WWW_AUTHENTICATE, challenge);
    }
    response
}
