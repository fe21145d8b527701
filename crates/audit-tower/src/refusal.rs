//! The answer to a request whose credentials do not hold.

use audit_core::actor::Rejection;
use http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};

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
