//! The head of a request as core sees it.

use actix_web::dev::ServiceRequest;
use actix_web::http::header::HeaderValue;
use audit_core::actor::RequestHead;

/// Borrows a request.
pub(crate) struct Head<'a>(pub(crate) &'a ServiceRequest);

impl RequestHead for Head<'_> {
    fn method(&self) -> &str {
        self.0.method().as_str()
    }

    fn path(&self) -> &str {
        self.0.path()
    }

    fn header_values<'a>(&'a self, name: &str) -> Box<dyn Iterator<Item = &'a [u8]> + 'a> {
        let values = self.0.headers().get_all(name);
        Box::new(values.map(HeaderValue::as_bytes))
    }
}
