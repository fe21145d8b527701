//! Whose word on the client's address is believed.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

use crate::actor::RequestHead;

/// The most hops that are read; a longer list is no honest one.
const MAX_HOPS: usize = 32;

/// The networks of the proxies in front of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedProxies {
    networks: Vec<IpNet>,
}

/// A text that does not name networks of proxies.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyError {
    /// It trusts everybody, so that every client could choose its address.
    #[error("`{network}` holds every address; name the networks of the proxies only")]
    Everybody {
        /// The text.
        network: String,
    },
    /// It is neither a network nor an address.
    #[error("`{network}` is no network; write it as `10.0.0.0/8`, `fd00::/8` or `192.0.2.7`")]
    Malformed {
        /// The text.
        network: String,
    },
}

impl TrustedProxies {
    /// Reads networks in CIDR notation, or single addresses.
    ///
    /// # Errors
    /// [`ProxyError`] for the first text that is none, or that holds every address.
    pub fn parse<T: AsRef<str>>(networks: impl IntoIterator<Item = T>) -> Result<Self, ProxyError> {
        let networks = networks.into_iter().map(|text| network(text.as_ref()));
        Ok(Self {
            networks: networks.collect::<Result<_, _>>()?,
        })
    }

    /// Whether an address is that of a proxy.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks
            .iter()
            .any(|network| network.contains(&address))
    }

    /// The address of the client: the peer, unless it is a proxy. Then `X-Forwarded-For` is read
    /// from the right, where the nearest proxy wrote, over all its lines, and the first address
    /// that is no proxy's is the client's: what stands left of it is the client's own word. Where
    /// the walk meets anything but addresses, nothing is known and the peer stands.
    pub(super) fn client(&self, peer: IpAddr, head: &dyn RequestHead) -> IpAddr {
        let peer = peer.to_canonical();
        if !self.contains(peer) {
            return peer;
        }
        let mut furthest = peer;
        let mut hops = 0;
        let lines: Vec<_> = head.header_values("x-forwarded-for").collect();
        for line in lines.into_iter().rev() {
            let Some(line) = ascii(line) else {
                return peer;
            };
            for hop in line.rsplit(',') {
                hops += 1;
                let Some(address) = address(hop.trim()).filter(|_| hops <= MAX_HOPS) else {
                    return peer;
                };
                if !self.contains(address) {
                    return address;
                }
                furthest = address;
            }
        }
        furthest
    }
}

fn network(text: &str) -> Result<IpNet, ProxyError> {
    let network = text
        .parse::<IpNet>()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| ProxyError::Malformed {
            network: text.to_owned(),
        })?;
    if network.prefix_len() == 0 {
        return Err(ProxyError::Everybody {
            network: text.to_owned(),
        });
    }
    Ok(network)
}

fn ascii(line: &[u8]) -> Option<&str> {
    let line = std::str::from_utf8(line).ok()?;
    line.is_ascii().then_some(line)
}

/// An address as proxies write it: bare, in brackets, or with a port.
fn address(text: &str) -> Option<IpAddr> {
    let bare = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let address = text
        .parse::<IpAddr>()
        .ok()
        .or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
        .or_else(|| bare().map(IpAddr::V6));
    address.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::Lines;
    use super::*;

    fn proxies() -> TrustedProxies {
        TrustedProxies::parse(["10.0.0.0/8", "fd00::/8", "192.0.2.7"]).unwrap()
    }

    fn client(peer: &str, lines: &[&str]) -> String {
        let lines = lines.iter().map(|line| line.as_bytes()).collect();
        let head = Lines("X-Forwarded-For", lines);
        proxies().client(peer.parse().unwrap(), &head).to_string()
    }

    #[test]
    fn a_peer_that_is_no_proxy_is_the_client_whatever_it_claims() {
        for lines in [
            &["1.2.3.4"][..],
            &["10.0.0.1"],
            &["1.2.3.4", "10.0.0.1"],
            &[],
            &["x"],
        ] {
            assert_eq!(client("203.0.113.9", lines), "203.0.113.9");
            assert_eq!(client("2001:db8::9", lines), "2001:db8::9");
        }
    }

    #[test]
    fn the_rightmost_address_that_is_no_proxy_is_the_client() {
        for (lines, expected) in [
            (&["203.0.113.9"][..], "203.0.113.9"),
            (&["1.2.3.4, 203.0.113.9"], "203.0.113.9"),
            (&["1.2.3.4, 203.0.113.9, 10.1.1.1"], "203.0.113.9"),
            (&["1.2.3.4,203.0.113.9,192.0.2.7 , fd00::1"], "203.0.113.9"),
            // Several lines are one list.
            (&["1.2.3.4", "203.0.113.9"], "203.0.113.9"),
            (&["203.0.113.9", "10.1.1.1"], "203.0.113.9"),
            (
                &["1.2.3.4, 203.0.113.9", "10.1.1.1", "10.1.1.2"],
                "203.0.113.9",
            ),
            // What the client wrote is not even read.
            (&["garbage, 203.0.113.9"], "203.0.113.9"),
            (&["\u{e9}", "203.0.113.9"], "203.0.113.9"),
            // Forms that proxies write.
            (&["203.0.113.9:51000"], "203.0.113.9"),
            (&["[2001:db8::9]:51000"], "2001:db8::9"),
            (&["[2001:db8::9]"], "2001:db8::9"),
            (&["2001:db8::9"], "2001:db8::9"),
            (&["::ffff:203.0.113.9"], "203.0.113.9"),
            (&["::ffff:10.1.1.1"], "10.1.1.1"),
            // Everybody is a proxy: the furthest of them asked.
            (&["10.1.1.1, 10.1.1.2"], "10.1.1.1"),
            (&[], "10.0.0.1"),
        ] {
            assert_eq!(client("10.0.0.1", lines), expected, "{lines:?}");
            assert_eq!(client("::ffff:10.0.0.1", lines), expected, "{lines:?}");
        }
    }

    #[test]
    fn where_the_walk_meets_no_address_the_peer_stands() {
        let long = vec!["10.1.1.1"; 33].join(",");
        let longer = format!("203.0.113.9,{}", ["10.1.1.1"; 1200].join(","));
        for line in [
            "garbage",
            "unknown",
            "203.0.113.9, garbage",
            "",
            " ",
            ",",
            "203.0.113.9,",
            "203.0.113",
            "203.0.113.9.1",
            "0xcb007109",
            "203.0.113.09",
            "203.0.113.9:",
            "203.0.113.9:99999",
            "[203.0.113.9]",
            "[::1",
            "::1]",
            "fe80::1%eth0",
            "_hidden",
            "for=203.0.113.9",
            "203.0.113.9;",
            "203.0.113.9 1.2.3.4",
            "\u{e9}",
            "localhost",
            "10.0.0.0/8",
            &long,
            &longer,
        ] {
            assert_eq!(client("10.0.0.1", &[line]), "10.0.0.1", "{line}");
        }
        assert_eq!(client("10.0.0.1", &["203.0.113.9", "garbage"]), "10.0.0.1");
    }

    #[test]
    fn networks_that_are_none_or_all_are_refused() {
        let parse = |text: &str| TrustedProxies::parse([text]);
        for text in [
            "",
            "10.0.0.0/33",
            "10.0.0/8",
            "proxy",
            "10.0.0.0/8 ",
            "fd00::/129",
        ] {
            let network = text.to_owned();
            assert_eq!(parse(text), Err(ProxyError::Malformed { network }));
        }
        for text in ["0.0.0.0/0", "::/0", "10.0.0.0/0"] {
            let network = text.to_owned();
            assert_eq!(parse(text), Err(ProxyError::Everybody { network }));
        }
        assert!(
            parse("10.1.2.3/8")
                .unwrap()
                .contains("10.9.9.9".parse().unwrap())
        );
        let none: [&str; 0] = [];
        assert!(TrustedProxies::parse(none).is_ok());
    }

    proptest! {
        #[test]
        fn a_client_cannot_choose_its_address(
            written in prop::collection::vec("[ -~]{0,40}", 0..4),
            appended in any::<[u8; 4]>(),
        ) {
            let real = IpAddr::from(appended);
            prop_assume!(!proxies().contains(real));
            let real = real.to_string();
            // The proxy appends to the last line, or as a line of its own.
            let mut lines = written.clone();
            lines.push(real.clone());
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            prop_assert_eq!(&client("10.0.0.1", &lines), &real);
            let joined = format!("{},{real}", written.join(","));
            prop_assert_eq!(&client("10.0.0.1", &[&joined]), &real);
        }
    }
}
