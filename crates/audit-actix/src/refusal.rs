//! The answer to a request whose credentials do not hold.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{ContentType, HeaderValue, WWW_AUTHENTICATE};
use audit_core::actor::Rejection;

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
