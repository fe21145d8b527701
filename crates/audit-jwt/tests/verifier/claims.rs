//! What the claims must say, and what becomes of them.

use std::time::Duration;

use audit_core::{Actor, ActorKind, Assurance};
use audit_jwt::{JwtVerifier, JwtVerifierBuilder, TokenError};
use serde_json::{Value, json};

use crate::token::{NOW, SECRET, at, good, part, refused, settings, signed, token, with};

fn refusal(claims: &Value) -> Option<TokenError> {
    refused(&settings().build().unwrap(), &token(claims))
}

fn actor(builder: JwtVerifierBuilder, claims: &Value) -> Result<Actor, TokenError> {
    builder.build().unwrap().actor_at(&token(claims), at(NOW))
}

fn code(claims: &Value) -> Option<(&'static str, String)> {
    refusal(claims).map(|error| (error.code(), error.to_string()))
}

#[test]
fn a_token_as_it_should_be_holds() {
    let actor = actor(settings(), &good()).unwrap();
    assert_eq!(actor.id(), "alice");
    assert_eq!(actor.kind(), ActorKind::User);
    assert_eq!(actor.assurance(), Some(Assurance::Verified));
    assert_eq!(actor.on_behalf_of(), None);
}

#[test]
fn each_required_claim_is_required() {
    for claim in ["exp", "iss", "aud", "sub"] {
        let mut claims = good();
        claims.as_object_mut().unwrap().remove(claim);
        let missing = TokenError::ClaimMissing {
            claim: claim.to_owned(),
        };
        assert_eq!(refusal(&claims), Some(missing));
    }
}

#[test]
fn exp_is_the_first_second_that_is_too_late_and_leeway_moves_it() {
    assert_eq!(refusal(&with("exp", NOW + 1)), None);
    assert_eq!(refusal(&with("exp", NOW)), Some(TokenError::Expired));
    assert_eq!(refusal(&with("exp", NOW as f64 + 0.5)), None);
    assert_eq!(refusal(&with("exp", 0)), Some(TokenError::Expired));
    assert_eq!(refusal(&with("exp", -1)), Some(TokenError::Expired));
    let leeway = |seconds| settings().leeway(Duration::from_secs(seconds));
    let claims = with("exp", NOW - 9);
    assert!(actor(leeway(10), &claims).is_ok());
    assert_eq!(actor(leeway(9), &claims), Err(TokenError::Expired));
}

#[test]
fn nbf_is_the_first_second_that_counts_and_leeway_moves_it() {
    assert_eq!(refusal(&with("nbf", NOW)), None);
    assert_eq!(
        refusal(&with("nbf", NOW + 1)),
        Some(TokenError::NotYetValid)
    );
    let leeway = |seconds| settings().leeway(Duration::from_secs(seconds));
    let claims = with("nbf", NOW + 10);
    assert!(actor(leeway(10), &claims).is_ok());
    assert_eq!(actor(leeway(9), &claims), Err(TokenError::NotYetValid));
}

#[test]
fn a_time_that_is_no_number_is_refused_and_not_taken_for_absent() {
    for claim in ["exp", "nbf"] {
        for value in [
            json!("99999999999"),
            json!(null),
            json!(true),
            json!([NOW + 60]),
            json!({}),
        ] {
            assert_eq!(
                code(&with(claim, value.clone())).unwrap(),
                (
                    "token_claim_invalid",
                    format!("the claim `{claim}` of the token must be a number of seconds")
                ),
                "{value}"
            );
        }
    }
    // Beyond what a float holds.
    let endless = good().to_string().replace(&(NOW + 60).to_string(), "1e999");
    let token = signed(r#"{"alg":"HS256"}"#, &endless, SECRET);
    let verifier = settings().build().unwrap();
    assert_eq!(refused(&verifier, &token), Some(TokenError::Malformed));
}

#[test]
fn another_issuer_is_refused() {
    for issuer in [
        "https://id.example/",
        "https://ID.example",
        "",
        "https://evil.example",
    ] {
        assert_eq!(refusal(&with("iss", issuer)), Some(TokenError::Issuer));
    }
    let list = with("iss", json!(["https://id.example"]));
    assert_eq!(code(&list).unwrap().0, "token_claim_invalid");
}

#[test]
fn another_audience_is_refused_and_one_of_several_is_enough() {
    assert_eq!(refusal(&with("aud", "web")), Some(TokenError::Audience));
    assert_eq!(refusal(&with("aud", "API")), Some(TokenError::Audience));
    assert_eq!(
        refusal(&with("aud", json!(["web", "app"]))),
        Some(TokenError::Audience)
    );
    assert_eq!(refusal(&with("aud", json!(["web", "api"]))), None);
    let two = || settings().audience("web");
    assert!(actor(two(), &with("aud", "web")).is_ok());
    assert!(actor(two(), &with("aud", "api")).is_ok());
    for odd in [json!([]), json!(null), json!({"api": 1}), json!(["api", 1])] {
        assert_eq!(code(&with("aud", odd)).unwrap().0, "token_claim_invalid");
    }
}

#[test]
fn sub_is_a_text_of_1_to_256_characters() {
    assert_eq!(refusal(&with("sub", "é".repeat(256))), None);
    for odd in [
        json!(""),
        json!("é".repeat(257)),
        json!(7),
        json!(null),
        json!(["alice"]),
        json!("alice\nroot"),
        json!("alice\u{0}"),
    ] {
        assert_eq!(code(&with("sub", odd)).unwrap().0, "token_claim_invalid");
    }
}

#[test]
fn a_claim_that_stands_twice_is_refused() {
    let verifier = settings().build().unwrap();
    let twice = |extra: &str| {
        let claims = good().to_string().replacen('{', &format!("{{{extra},"), 1);
        refused(&verifier, &signed(r#"{"alg":"HS256"}"#, &claims, SECRET))
    };
    for extra in [
        r#""sub":"root""#,
        r#""s\u0075b":"alice""#,
        r#""act":{"sub":"a","sub":"b"}"#,
    ] {
        assert_eq!(twice(extra), Some(TokenError::DuplicateKey), "{extra}");
    }
    assert_eq!(twice(r#""other":1"#), None);
}

#[test]
fn claims_that_are_no_object_are_malformed() {
    let verifier = settings().build().unwrap();
    for claims in ["", "[]", "\"alice\"", "{", "null"] {
        let token = signed(r#"{"alg":"HS256"}"#, claims, SECRET);
        assert_eq!(
            refused(&verifier, &token),
            Some(TokenError::Malformed),
            "{claims}"
        );
    }
}

#[test]
fn a_token_longer_than_the_limit_is_refused_before_anything_is_read() {
    let long = |bytes| "x".repeat(bytes);
    let verifier = settings().build().unwrap();
    let oversize = TokenError::Oversize { limit: 8192 };
    assert_eq!(refused(&verifier, &long(8193)), Some(oversize));
    assert_eq!(refused(&verifier, &long(8192)), Some(TokenError::Malformed));
    let big = token(&with("padding", long(7000)));
    let larger = settings().max_token_bytes(big.len()).build().unwrap();
    assert_eq!(refused(&larger, &big), None);
    let smaller = settings().max_token_bytes(big.len() - 1).build().unwrap();
    assert_eq!(refused(&smaller, &big).unwrap().code(), "token_oversize");
}

#[test]
fn only_the_token_type_that_is_set_is_taken() {
    let verifier = settings().token_type("at+jwt").build().unwrap();
    let typed = |header: &str| refused(&verifier, &signed(header, &good().to_string(), SECRET));
    assert_eq!(typed(r#"{"alg":"HS256","typ":"at+jwt"}"#), None);
    assert_eq!(typed(r#"{"alg":"HS256","typ":"application/AT+JWT"}"#), None);
    assert_eq!(
        typed(r#"{"alg":"HS256","typ":"JWT"}"#),
        Some(TokenError::Type)
    );
    assert_eq!(typed(r#"{"alg":"HS256"}"#), Some(TokenError::Type));
}

#[test]
fn claims_become_the_parts_of_the_actor() {
    let mut claims = with("email", "alice@example.org");
    claims["nick"] = "Alice\u{7}".into();
    claims["org"] = "acme".into();
    let names = || {
        settings()
            .id_claim("email")
            .name_claim("nick")
            .tenant_claim("org")
    };
    let found = actor(names(), &claims).unwrap();
    assert_eq!(found.id(), "alice@example.org");
    assert_eq!(found.name(), Some("Alice"));
    assert_eq!(found.tenant_id(), Some("acme"));

    claims["nick"] = "é".repeat(300).into();
    claims["org"] = Value::Null;
    let found = actor(names(), &claims).unwrap();
    assert_eq!(found.name().map(|name| name.chars().count()), Some(256));
    assert_eq!(found.tenant_id(), None);

    claims["nick"] = json!(["Alice"]);
    assert_eq!(actor(names(), &claims).unwrap().name(), None);
    claims["org"] = 42.into();
    assert_eq!(
        actor(names(), &claims).unwrap_err().code(),
        "token_claim_invalid"
    );
}

#[test]
fn sub_stays_required_where_another_claim_is_the_id() {
    let mut claims = with("email", "alice@example.org");
    claims.as_object_mut().unwrap().remove("sub");
    let refused = actor(settings().id_claim("email"), &claims).unwrap_err();
    let claim = "sub".to_owned();
    assert_eq!(refused, TokenError::ClaimMissing { claim });
}

#[test]
fn the_party_in_act_acts_for_the_subject() {
    let nested = json!({ "sub": "support-7", "name": "Sam", "act": { "sub": "earlier" } });
    let mut claims = with("act", nested);
    claims["name"] = "Alice".into();
    let found = actor(settings(), &claims).unwrap();
    assert_eq!((found.id(), found.name()), ("support-7", Some("Sam")));
    assert_eq!(found.on_behalf_of(), Some("alice"));
    for odd in [
        json!("support-7"),
        json!(null),
        json!({}),
        json!({"sub": ""}),
        json!({"sub": 7}),
    ] {
        assert_eq!(code(&with("act", odd)).unwrap().0, "token_claim_invalid");
    }
    let renamed = actor(settings().act_claim("operator"), &claims).unwrap();
    assert_eq!((renamed.id(), renamed.on_behalf_of()), ("alice", None));
}

#[test]
fn the_kind_follows_the_first_rule_that_fits() {
    let rules = || {
        settings()
            .kind_when("gty", "client-credentials", ActorKind::Service)
            .kind_when("roles", "cron", ActorKind::System)
    };
    let kind = |claims: &Value| actor(rules(), claims).unwrap().kind();
    assert_eq!(kind(&good()), ActorKind::User);
    assert_eq!(kind(&with("gty", "password")), ActorKind::User);
    assert_eq!(kind(&with("gty", "client-credentials")), ActorKind::Service);
    assert_eq!(
        kind(&with("roles", json!(["a", "cron"]))),
        ActorKind::System
    );
    let mut both = with("roles", json!(["cron"]));
    both["act"] = json!({ "sub": "robot", "gty": "client-credentials" });
    assert_eq!(kind(&both), ActorKind::Service);
}

#[test]
fn decoding_only_takes_everything_and_proves_nothing() {
    let verifier = JwtVerifier::insecure_decode_only().build().unwrap();
    let claims = json!({ "sub": "mallory", "exp": 1 }).to_string();
    let unsigned = format!("{}.{}.", part(r#"{"alg":"none"}"#), part(&claims));
    let found = verifier.actor_at(&unsigned, at(NOW)).unwrap();
    assert_eq!(found.id(), "mallory");
    assert_eq!(found.assurance(), Some(Assurance::Unverified));
    let nobody = format!("{}.{}.", part(r#"{"alg":"none"}"#), part("{}"));
    assert_eq!(
        refused(&verifier, &nobody).unwrap().code(),
        "token_claim_missing"
    );
}
