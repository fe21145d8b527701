//! The answer to a request that is refused.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{ContentType, HeaderValue, WWW_AUTHENTICATE};
use audit_core::actor::Rejection;
use audit_core::{EventQueue, ManualEvent};

/// Records that what a request asks for is denied, and gives the answer, such as that of
/// [`Rejection::forbidden`]: in a handler, `return deny(&lane, event, &rejection).await`. The event gets the
/// outcome `denied` and what the rejection says, and has the actor of the request.
///
/// # Cancel safety
/// The event is sent by the first poll; with a queue that waits for room it is lost where the future is
/// dropped before its end.
pub async fn deny(
    queue: &(impl EventQueue + ?Sized),
    event: ManualEvent,
    rejection: &Rejection,
) -> HttpResponse {
    queue.send(rejection.deny(event)).await;
    response(rejection)
}

/// The status, the body and the challenge of the rejection.
pub(crate) fn response(rejection: &Rejection) -> HttpResponse {
    let status = StatusCode::from_u16(rejection.status()).unwrap_or(StatusCode::UNAUTHORIZED);
    let mut response = HttpResponse::build(status)
        .content_type(ContentType::json())
        .body(rejection.body());
    let challenge = rejection.challenge().map(HeaderValue::from_str);
    if let Some(Ok(challenge)) = challenge {
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    response
}
