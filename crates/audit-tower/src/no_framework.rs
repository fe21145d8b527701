//! Without a framework nobody knows the route or the peer, unless the application says so.

use std::net::IpAddr;

use http::request::Parts;

pub(crate) fn route(_parts: &Parts) -> Option<&str> {
    None
}

pub(crate) fn peer(_parts: &Parts) -> Option<IpAddr> {
    None
}
