//! What the context says of a request.

use audit_testkit::http::{Answer, by_header, describe};
use audit_tower::{AuditLayer, TrustedProxies};
use axum::Router;
use axum::routing::get;
use http::HeaderName;
use serde_json::{Value, json};

use crate::server::Server;

const INCOMING: &str = "x-correlation-id";

fn incoming() -> HeaderName {
    HeaderName::from_static(INCOMING)
}

async fn start(layer: AuditLayer) -> Server {
    Server::start(
        Router::new()
            .route("/users/{id}", get(describe))
            .layer(layer),
    )
    .await
}

fn plain() -> AuditLayer {
    AuditLayer::new(by_header)
}

fn behind(proxies: &[&str]) -> AuditLayer {
    plain().trusted_proxies(TrustedProxies::parse(proxies).unwrap())
}

async fn facts(server: &Server, headers: &[(&str, &str)]) -> Value {
    server.get("/users/42", headers).await.json()["facts"].clone()
}

/// Asserts that handler and client know one id, and returns it.
fn request_id(answer: &Answer) -> String {
    let seen = answer.json()["request_id"].as_str().unwrap().to_owned();
    assert_eq!(answer.header("x-request-id"), Some(seen.as_str()));
    seen
}

fn is_new(id: &str) -> bool {
    uuid::Uuid::parse_str(id).is_ok_and(|id| id.get_version_num() == 7)
}

#[tokio::test]
async fn method_route_trace_agent_and_addresses_are_recorded() {
    let server = start(plain()).await;
    let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let headers = [("traceparent", traceparent), ("user-agent", "curl/8")];
    let expected = json!({
        "method": "GET",
        "route": "/users/{id}",
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "span_id": "00f067aa0ba902b7",
        "user_agent": "curl/8",
        "peer_ip": "127.0.0.1",
        "client_ip": "127.0.0.1",
    });
    assert_eq!(facts(&server, &headers).await, expected);
}

#[tokio::test]
async fn what_a_request_does_not_say_is_left_out() {
    let server = start(plain()).await;
    let seen = facts(&server, &[("traceparent", "00-x-y-01")]).await;
    for fact in ["trace_id", "span_id", "user_agent"] {
        assert_eq!(seen.get(fact), None, "{fact}");
    }
}

#[tokio::test]
async fn a_long_user_agent_is_cut_and_an_odd_one_made_readable() {
    let server = start(plain()).await;
    let long = "x".repeat(5000);
    let seen = facts(&server, &[("user-agent", &long)]).await;
    assert_eq!(seen["user_agent"], "x".repeat(256));
    let seen = facts(&server, &[("user-agent", "caf\u{e9}")]).await;
    assert_eq!(seen["user_agent"], "caf\u{e9}");
}

#[tokio::test]
async fn the_applications_own_facts_are_added_and_win() {
    let layer = plain().facts(|parts| {
        let session = parts
            .headers
            .get("x-session")
            .and_then(|value| value.to_str().ok());
        [("session", json!(session)), ("method", json!("READ"))]
    });
    let seen = facts(&start(layer).await, &[("x-session", "s1")]).await;
    assert_eq!(
        (&seen["session"], &seen["method"]),
        (&"s1".into(), &"READ".into())
    );
}

#[tokio::test]
async fn a_request_id_is_new_unless_a_header_is_named_for_it() {
    let server = start(plain()).await;
    let headers = [("x-request-id", "mine"), ("x-correlation-id", "mine")];
    let first = request_id(&server.get("/users/42", &headers).await);
    let second = request_id(&server.get("/users/42", &headers).await);
    assert!(
        is_new(&first) && is_new(&second) && first != second,
        "{first} {second}"
    );
}

#[tokio::test]
async fn a_named_header_gives_the_request_id_where_it_is_valid() {
    let server = start(plain().request_id_header(incoming())).await;
    let id = async |values: &[&str]| {
        let headers: Vec<_> = values.iter().map(|value| (INCOMING, *value)).collect();
        request_id(&server.get("/users/42", &headers).await)
    };
    let longest = "x".repeat(128);
    for valid in ["7", "a-b_c.d~e", "<&\"'>", &longest] {
        assert_eq!(id(&[valid]).await, valid);
    }
    let long = "x".repeat(129);
    for invalid in [
        &[][..],
        &[""],
        &["a b"],
        &["a\tb"],
        &["caf\u{e9}"],
        &[&long],
        &["a", "a"],
    ] {
        assert!(is_new(&id(invalid).await), "{invalid:?}");
    }
}

#[tokio::test]
async fn where_proxies_are_known_only_they_name_requests() {
    let headers = [(INCOMING, "mine")];
    let from = async |proxies: &[&str]| {
        let server = start(behind(proxies).request_id_header(incoming())).await;
        request_id(&server.get("/users/42", &headers).await)
    };
    assert_eq!(from(&["127.0.0.1"]).await, "mine");
    assert!(is_new(&from(&["10.0.0.0/8"]).await));
}

#[tokio::test]
async fn x_forwarded_for_counts_only_from_a_trusted_proxy_and_from_the_right() {
    let forged: [&[(&str, &str)]; 4] = [
        &[("x-forwarded-for", "1.2.3.4")],
        &[("x-forwarded-for", "127.0.0.1")],
        &[
            ("x-forwarded-for", "1.2.3.4"),
            ("x-forwarded-for", "5.6.7.8"),
        ],
        &[
            ("forwarded", "for=1.2.3.4"),
            ("x-real-ip", "1.2.3.4"),
            ("cf-connecting-ip", "1.2.3.4"),
        ],
    ];
    for layer in [plain(), behind(&["10.0.0.0/8"]), behind(&[])] {
        let server = start(layer).await;
        for headers in forged {
            let seen = facts(&server, headers).await;
            assert_eq!(seen["client_ip"], "127.0.0.1", "{headers:?}");
        }
    }
    let server = start(behind(&["127.0.0.0/8", "10.0.0.0/8"])).await;
    for (lines, client) in [
        (&["1.2.3.4, 203.0.113.9"][..], "203.0.113.9"),
        (&["1.2.3.4", "203.0.113.9"], "203.0.113.9"),
        (&["1.2.3.4, 203.0.113.9", "10.0.0.1"], "203.0.113.9"),
        (&["203.0.113.9", "[2001:db8::9]:80"], "2001:db8::9"),
        (&["203.0.113.9, garbage"], "127.0.0.1"),
    ] {
        let headers: Vec<_> = lines
            .iter()
            .map(|line| ("x-forwarded-for", *line))
            .collect();
        let seen = facts(&server, &headers).await;
        assert_eq!(seen["client_ip"], client, "{lines:?}");
        assert_eq!(seen["peer_ip"], "127.0.0.1");
    }
}

#[tokio::test]
async fn the_application_may_say_where_the_peer_is_found() {
    let layer = behind(&["192.0.2.1"]).peer_ip(|_| Some([192, 0, 2, 1].into()));
    let seen = facts(&start(layer).await, &[("x-forwarded-for", "203.0.113.9")]).await;
    assert_eq!(
        (&seen["peer_ip"], &seen["client_ip"]),
        (&"192.0.2.1".into(), &"203.0.113.9".into())
    );
    let seen = facts(&start(plain().peer_ip(|_| None)).await, &[]).await;
    assert_eq!((seen.get("peer_ip"), seen.get("client_ip")), (None, None));
}
