//! Keys and algorithms: what is accepted, and what only looks like it.

use audit_core::Assurance;
use audit_jwt::{JwtKey, JwtVerifier, JwtVerifierBuilder, TokenError};
use serde_json::json;

use crate::token::{NOW, SECRET, at, good, part, refused, settings, signed, token};

const RS256_PEM: &str = include_str!("../fixtures/rs256.pub.pem");
const ES256_PEM: &str = include_str!("../fixtures/es256.pub.pem");
const EDDSA_PEM: &str = include_str!("../fixtures/eddsa.pub.pem");
const RS256_TOKEN: &str = include_str!("../fixtures/rs256.jwt");
const ES256_TOKEN: &str = include_str!("../fixtures/es256.jwt");
const EDDSA_TOKEN: &str = include_str!("../fixtures/eddsa.jwt");

/// The three tokens that OpenSSL signed, each with a verifier of its key.
pub(crate) fn openssl_tokens() -> [(JwtVerifier, &'static str); 3] {
    [
        (build(JwtVerifier::rs256(RS256_PEM)), RS256_TOKEN.trim()),
        (build(JwtVerifier::es256(ES256_PEM)), ES256_TOKEN.trim()),
        (build(JwtVerifier::eddsa(EDDSA_PEM)), EDDSA_TOKEN.trim()),
    ]
}

fn build(builder: JwtVerifierBuilder) -> JwtVerifier {
    let builder = builder.issuer("https://id.example").audience("api");
    builder.build().unwrap()
}

#[test]
fn tokens_signed_by_openssl_hold() {
    for (verifier, token) in openssl_tokens() {
        let actor = verifier.actor_at(token, at(NOW)).unwrap();
        assert_eq!(actor.id(), "alice");
        assert_eq!(actor.assurance(), Some(Assurance::Verified));
    }
}

#[test]
fn every_form_of_an_rsa_key_is_read() {
    let forms: [&[u8]; 4] = [
        RS256_PEM.as_bytes(),
        include_bytes!("../fixtures/rs256.pub.der"),
        include_bytes!("../fixtures/rs256.pkcs1.pem"),
        include_bytes!("../fixtures/rs256.pkcs1.der"),
    ];
    for form in forms {
        let verifier = build(JwtVerifier::rs256(form));
        assert_eq!(refused(&verifier, RS256_TOKEN.trim()), None);
    }
}

#[test]
fn the_key_is_chosen_by_kid_and_keeps_its_algorithm() {
    let verifier = build(JwtVerifier::keys([
        JwtKey::rs256(RS256_PEM).id("rs256"),
        JwtKey::es256(ES256_PEM).id("es256"),
        JwtKey::eddsa(EDDSA_PEM).id("eddsa"),
        JwtKey::hs256(SECRET).id("shared"),
    ]));
    for token in [RS256_TOKEN, ES256_TOKEN, EDDSA_TOKEN] {
        assert_eq!(refused(&verifier, token.trim()), None);
    }
    let claims = good().to_string();
    let with = |header: &str| refused(&verifier, &signed(header, &claims, SECRET));
    assert_eq!(with(r#"{"alg":"HS256","kid":"shared"}"#), None);
    // The right secret under the id of another key.
    assert_eq!(
        with(r#"{"alg":"HS256","kid":"rs256"}"#),
        Some(TokenError::Algorithm)
    );
    assert_eq!(
        with(r#"{"alg":"RS256","kid":"shared"}"#),
        Some(TokenError::Algorithm)
    );
    assert_eq!(
        with(r#"{"alg":"HS256","kid":"other"}"#),
        Some(TokenError::KeyUnknown)
    );
    assert_eq!(with(r#"{"alg":"HS256"}"#), Some(TokenError::KeyUnknown));
    assert_eq!(
        with(r#"{"alg":"HS256","kid":"../shared"}"#),
        Some(TokenError::KeyIdInvalid)
    );
}

#[test]
fn a_single_key_without_an_id_serves_any_kid_and_one_with_an_id_only_its_own() {
    let claims = good().to_string();
    let token = signed(r#"{"alg":"HS256","kid":"2026-01"}"#, &claims, SECRET);
    assert_eq!(refused(&settings().build().unwrap(), &token), None);
    let named = |id: &str| build(JwtVerifier::keys([JwtKey::hs256(SECRET).id(id)]));
    assert_eq!(refused(&named("2026-01"), &token), None);
    assert_eq!(
        refused(&named("2026-02"), &token),
        Some(TokenError::KeyUnknown)
    );
}

#[test]
fn alg_none_is_refused_in_every_spelling() {
    let verifier = settings().build().unwrap();
    for name in [
        "none", "None", "NONE", "nOnE", "", "HS384", "HS512", "hs256", "HS256 ",
    ] {
        let header = json!({ "alg": name }).to_string();
        let unsigned = format!("{}.{}.", part(&header), part(&good().to_string()));
        assert_eq!(
            refused(&verifier, &unsigned),
            Some(TokenError::Algorithm),
            "{name}"
        );
        // Even signed with the right secret.
        let signed = signed(&header, &good().to_string(), SECRET);
        assert_eq!(
            refused(&verifier, &signed),
            Some(TokenError::Algorithm),
            "{name}"
        );
    }
}

#[test]
fn a_public_key_is_no_secret() {
    let claims = good().to_string();
    for pem in [RS256_PEM, ES256_PEM, EDDSA_PEM] {
        let verifiers = openssl_tokens().map(|(verifier, _)| verifier);
        for secret in [pem.as_bytes(), pem.trim().as_bytes()] {
            let forged = signed(r#"{"alg":"HS256"}"#, &claims, secret);
            for verifier in &verifiers {
                assert_eq!(refused(verifier, &forged), Some(TokenError::Algorithm));
            }
        }
    }
}

#[test]
fn a_signature_of_another_key_or_of_nothing_is_refused() {
    let claims = good().to_string();
    let verifier = settings().build().unwrap();
    let other = signed(
        r#"{"alg":"HS256"}"#,
        &claims,
        b"another secret of thirty-two bytes",
    );
    assert_eq!(refused(&verifier, &other), Some(TokenError::Signature));
    let (message, _) = other.rsplit_once('.').unwrap();
    for signature in ["", "AA", &"A".repeat(43)] {
        let token = format!("{message}.{signature}");
        assert_eq!(
            refused(&verifier, &token),
            Some(TokenError::Signature),
            "{signature}"
        );
    }
    let ecdsa = &openssl_tokens()[1];
    let (message, _) = ecdsa.1.rsplit_once('.').unwrap();
    // Two zero integers, which a careless ECDSA accepts for every message.
    let zeros = format!("{message}.{}", "A".repeat(86));
    assert_eq!(refused(&ecdsa.0, &zeros), Some(TokenError::Signature));
}

#[test]
fn the_claims_of_one_token_under_the_signature_of_another_are_refused() {
    let verifier = settings().build().unwrap();
    let mine = token(&good());
    let mut claims = good();
    claims["sub"] = "root".into();
    let (header, rest) = mine.split_once('.').unwrap();
    let (_, signature) = rest.split_once('.').unwrap();
    let forged = format!("{header}.{}.{signature}", part(&claims.to_string()));
    assert_eq!(refused(&verifier, &mine), None);
    assert_eq!(refused(&verifier, &forged), Some(TokenError::Signature));
}

#[test]
fn key_material_in_the_header_changes_nothing() {
    let verifier = settings().build().unwrap();
    let claims = good().to_string();
    let own = b"the secret that the sender brought along";
    let header = json!({
        "alg": "HS256",
        "jku": "https://evil.example/keys",
        "x5u": "https://evil.example/certificate",
        "jwk": { "kty": "oct", "k": part(std::str::from_utf8(own).unwrap()) },
        "x5c": ["AAAA"],
    })
    .to_string();
    let forged = signed(&header, &claims, own);
    assert_eq!(refused(&verifier, &forged), Some(TokenError::Signature));
    assert_eq!(refused(&verifier, &signed(&header, &claims, SECRET)), None);
}

#[test]
fn ed25519_may_be_called_by_either_of_its_names_and_needs_its_signature() {
    let (verifier, token) = &openssl_tokens()[2];
    let (_, rest) = token.split_once('.').unwrap();
    let renamed = format!("{}.{rest}", part(r#"{"alg":"Ed25519"}"#));
    // The name passes; the signature is over the other header.
    assert_eq!(refused(verifier, &renamed), Some(TokenError::Signature));
}
