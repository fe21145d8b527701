//! What a middleware takes from a request, whatever its web framework.
//!
//! A middleware shows the head of a request as a [`RequestHead`](crate::actor::RequestHead) and
//! says what else its framework knows ([`Known`]). [`RequestSettings`] makes of both the context
//! and the actor of the request.

mod facts;
mod id;
mod proxies;
mod settings;
mod trace;

pub use facts::Known;
pub use id::RESPONSE_HEADER;
pub use proxies::{ProxyError, TrustedProxies};
pub use settings::RequestSettings;

#[cfg(test)]
mod tests {
    use crate::actor::RequestHead;

    /// The lines of one header.
    pub(super) struct Lines<'a>(pub(super) &'a str, pub(super) Vec<&'a [u8]>);

    impl RequestHead for Lines<'_> {
        fn method(&self) -> &str {
            "GET"
        }

        fn path(&self) -> &str {
            "/"
        }

        fn header_values<'a>(&'a self, name: &str) -> Box<dyn Iterator<Item = &'a [u8]> + 'a> {
            let lines = if name.eq_ignore_ascii_case(self.0) {
                self.1.as_slice()
            } else {
                &[]
            };
            Box::new(lines.iter().copied())
        }
    }
}
