//! The id of a request.

use http::{HeaderMap, HeaderName};
use uuid::Uuid;

/// The longest id that is taken from a request, in bytes.
const MAX_BYTES: usize = 128;

/// The response header that carries the id.
pub(crate) const RESPONSE_HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// A new id: a UUIDv7, which sorts by time.
pub(crate) fn fresh() -> String {
    Uuid::now_v7().to_string()
}

/// The id that a request brings: one header of 1 to 128 visible ASCII characters.
pub(crate) fn given(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let mut values = headers.get_all(name).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let id = value.to_str().ok()?;
    let fits =
        (1..=MAX_BYTES).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
    fits.then(|| id.to_owned())
}
