//! The header of a request, and the answer to one that is refused.

use audit_core::actor::{Rejection, RequestHead, Resolution};
use audit_core::{Actor, ActorSource};
use audit_jwt::{JwtVerifier, JwtVerifierBuilder};

use crate::token::{SECRET, YEAR_2100, good, settings, signed, token, with};

/// A request of these headers alone.
struct Head<'a>(&'a [(&'a str, &'a [u8])]);

impl RequestHead for Head<'_> {
    fn method(&self) -> &str {
        "GET"
    }

    fn path(&self) -> &str {
        "/"
    }

    fn header_values<'a>(&'a self, name: &str) -> Box<dyn Iterator<Item = &'a [u8]> + 'a> {
        let name = name.to_owned();
        let values = self
            .0
            .iter()
            .filter(move |(key, _)| key.eq_ignore_ascii_case(&name));
        Box::new(values.map(|(_, value)| *value))
    }
}

fn resolve(builder: JwtVerifierBuilder, values: &[&[u8]]) -> Resolution {
    let headers: Vec<_> = values
        .iter()
        .map(|value| ("Authorization", *value))
        .collect();
    builder.build().unwrap().resolve(&Head(&headers))
}

fn actor(builder: JwtVerifierBuilder, value: &str) -> Option<Actor> {
    match resolve(builder, &[value.as_bytes()]) {
        Resolution::Actor(actor) => Some(actor),
        _ => None,
    }
}

fn rejection(builder: JwtVerifierBuilder, values: &[&[u8]]) -> Rejection {
    match resolve(builder, values) {
        Resolution::Reject(rejection) => rejection,
        other => panic!("{other:?}"),
    }
}

fn valid() -> String {
    token(&with("exp", YEAR_2100))
}

#[test]
fn the_scheme_is_bearer_in_any_case() {
    for scheme in ["Bearer", "bearer", "BEARER", "bEARER", "Bearer "] {
        let found = actor(settings(), &format!("{scheme} {}", valid()));
        assert_eq!(found.as_ref().map(Actor::id), Some("alice"), "{scheme}");
    }
    let token = || settings().scheme("Token");
    assert!(actor(token(), &format!("token {}", valid())).is_some());
    assert!(actor(token(), &format!("Bearer {}", valid())).is_none());
}

#[test]
fn no_header_is_anonymous_unless_a_token_is_required() {
    assert_eq!(resolve(settings(), &[]), Resolution::Anonymous);
    let refused = rejection(settings().required(), &[]);
    assert_eq!(
        (refused.status(), refused.code()),
        (401, "credentials_missing")
    );
    assert_eq!(refused.challenge(), Some("Bearer realm=\"api\""));
    let other = Head(&[("X-Authorization", b"Bearer x"), ("Cookie", b"token=x")]);
    let verifier = settings().build().unwrap();
    assert_eq!(verifier.resolve(&other), Resolution::Anonymous);
}

#[test]
fn two_headers_are_refused_even_when_both_are_good() {
    let value = format!("Bearer {}", valid());
    let refused = rejection(settings(), &[value.as_bytes(), value.as_bytes()]);
    assert_eq!(refused.code(), "credentials_repeated");
    let challenge = refused.challenge().unwrap();
    assert!(
        challenge.contains("error=\"invalid_request\""),
        "{challenge}"
    );
    let refused = rejection(settings(), &[b"", value.as_bytes()]);
    assert_eq!(refused.code(), "credentials_repeated");
    let joined = format!("{value}, {value}");
    assert_eq!(
        rejection(settings(), &[joined.as_bytes()]).code(),
        "token_malformed"
    );
}

#[test]
fn another_scheme_is_refused_without_an_error_in_the_challenge() {
    for value in ["Basic YWxpY2U6cHc=", "", "Bearerx", "Bearer\tx", &valid()] {
        let refused = rejection(settings(), &[value.as_bytes()]);
        assert_eq!(refused.code(), "scheme_unsupported", "{value}");
        assert_eq!(refused.challenge(), Some("Bearer realm=\"api\""));
    }
}

#[test]
fn a_header_without_a_readable_token_is_refused() {
    for value in [
        &b"Bearer"[..],
        b"Bearer ",
        b"Bearer x",
        b"Bearer a b",
        b"Bearer \xff.\xff.",
    ] {
        assert_eq!(rejection(settings(), &[value]).code(), "token_malformed");
    }
}

#[test]
fn a_refused_token_is_answered_with_its_code_and_a_challenge() {
    let expired = format!("Bearer {}", token(&with("exp", 1)));
    let refused = rejection(settings().realm("billing"), &[expired.as_bytes()]);
    assert_eq!((refused.status(), refused.code()), (401, "token_expired"));
    assert_eq!(refused.message(), "the token has expired; get a new one");
    assert_eq!(
        refused.challenge(),
        Some(
            "Bearer realm=\"billing\", error=\"invalid_token\", \
             error_description=\"the token has expired; get a new one\""
        )
    );
}

#[test]
fn no_answer_holds_a_part_of_the_token_or_a_character_that_breaks_a_header() {
    let marked = |claim: &str, value: &str| token(&with(claim, value));
    let mut repeated = good().to_string();
    repeated.insert_str(1, r#""MARKER":1,"MARKER":2,"#);
    let tokens = [
        marked("iss", "MARKER"),
        marked("aud", "MARKER"),
        marked("exp", "MARKER"),
        marked("sub", "MARKER\n"),
        marked("act", "MARKER"),
        signed(r#"{"alg":"MARKER"}"#, "{}", SECRET),
        signed(r#"{"alg":"HS256","kid":"MARKER "}"#, "{}", SECRET),
        signed(r#"{"alg":"HS256","crit":["MARKER"]}"#, "{}", SECRET),
        signed(r#"{"alg":"HS256"}"#, &repeated, SECRET),
        "MARKER.MARKER.MARKER".to_owned(),
    ];
    for token in tokens {
        let refused = rejection(settings(), &[format!("Bearer {token}").as_bytes()]);
        assert!(!format!("{refused:?}").contains("MARKER"), "{refused:?}");
        // RFC 6750, section 3.
        let fits = |byte: u8| (0x20..=0x7e).contains(&byte) && byte != b'"' && byte != b'\\';
        assert!(refused.message().bytes().all(fits), "{refused}");
    }
}

#[test]
fn a_verifier_can_be_shared_between_threads() {
    fn shareable<T: Send + Sync + 'static>() {}
    shareable::<JwtVerifier>();
}
