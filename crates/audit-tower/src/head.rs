//! The head of a request as core sees it.

use audit_core::actor::RequestHead;
use http::HeaderValue;
use http::request::Parts;

/// Borrows the parts of a request.
pub(crate) struct Head<'a>(pub(crate) &'a Parts);

impl RequestHead for Head<'_> {
    fn method(&self) -> &str {
        self.0.method.as_str()
    }

    fn path(&self) -> &str {
        self.0.uri.path()
    }

    fn header_values<'a>(&'a self, name: &str) -> Box<dyn Iterator<Item = &'a [u8]> + 'a> {
        let values = self.0.headers.get_all(name).iter();
        Box::new(values.map(HeaderValue::as_bytes))
    }
}
