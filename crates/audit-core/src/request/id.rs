//! The id of a request.

use uuid::Uuid;

use crate::actor::RequestHead;

/// The longest id that is taken from a request, in bytes.
const MAX_BYTES: usize = 128;

/// The response header that carries the id of the request.
pub const RESPONSE_HEADER: &str = "x-request-id";

/// A new id: a UUIDv7, which sorts by time.
pub(super) fn fresh() -> String {
    Uuid::now_v7().to_string()
}

/// The id that a request brings: one header of 1 to 128 visible ASCII characters.
pub(super) fn given(head: &dyn RequestHead, name: &str) -> Option<String> {
    let mut values = head.header_values(name);
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let fits = (1..=MAX_BYTES).contains(&value.len()) && value.iter().all(u8::is_ascii_graphic);
    let id = std::str::from_utf8(value).ok()?;
    fits.then(|| id.to_owned())
}
