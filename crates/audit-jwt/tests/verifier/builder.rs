//! Settings that could not be safe are refused, and none of them is shown.

use std::error::Error as _;
use std::time::Duration;

use audit_core::ActorKind;
use audit_jwt::{BuildError, JwtKey, JwtVerifier, JwtVerifierBuilder, KeyError};

use crate::token::{SECRET, settings};

fn error(builder: JwtVerifierBuilder) -> BuildError {
    builder.build().unwrap_err()
}

fn key_error(builder: JwtVerifierBuilder) -> KeyError {
    match error(builder.issuer("i").audience("a")) {
        BuildError::InvalidKey { source, .. } => source,
        other => panic!("{other}"),
    }
}

#[test]
fn issuer_audience_and_a_key_are_mandatory() {
    let bare = || JwtVerifier::hs256(SECRET);
    assert_eq!(error(bare().audience("api")), BuildError::IssuerMissing);
    assert_eq!(error(bare().issuer("me")), BuildError::AudienceMissing);
    let none = JwtVerifier::keys([]).issuer("i").audience("a");
    assert_eq!(error(none), BuildError::KeyMissing);
    assert_eq!(
        error(settings().issuer("")).to_string(),
        "an issuer, audience or token type must be a text; it is \"\""
    );
}

#[test]
fn leeway_and_token_size_have_bounds() {
    let leeway = Duration::from_millis(30_001);
    assert_eq!(
        error(settings().leeway(leeway)),
        BuildError::LeewayTooLong { leeway }
    );
    assert!(settings().leeway(Duration::from_secs(30)).build().is_ok());
    for bytes in [0, 63, 65_537] {
        let refused = error(settings().max_token_bytes(bytes));
        assert_eq!(refused, BuildError::TokenLimit { bytes });
    }
}

#[test]
fn a_key_of_another_kind_is_named_for_what_it_is() {
    let private = include_str!("../fixtures/test-only.private.pem");
    let certificate = include_str!("../fixtures/certificate.pem");
    let rsa = include_str!("../fixtures/rs256.pub.pem");
    let small = include_str!("../fixtures/rsa1024.pub.pem");
    let p256 = include_str!("../fixtures/es256.pub.pem");
    let p384 = include_str!("../fixtures/p384.pub.pem");
    let secp256k1 = include_str!("../fixtures/secp256k1.pub.pem");
    let ed25519 = include_str!("../fixtures/eddsa.pub.pem");
    let x25519 = include_str!("../fixtures/x25519.pub.pem");
    for verify in [JwtVerifier::rs256, JwtVerifier::es256, JwtVerifier::eddsa] {
        assert_eq!(key_error(verify(private)), KeyError::Private);
        assert_eq!(key_error(verify(certificate)), KeyError::Certificate);
        assert_eq!(key_error(verify("")), KeyError::Malformed);
        assert_eq!(
            key_error(verify("-----BEGIN PUBLIC KEY-----")),
            KeyError::Malformed
        );
        assert_eq!(key_error(verify("secret")), KeyError::Malformed);
    }
    let other = |expected| KeyError::OtherAlgorithm { expected };
    assert_eq!(key_error(JwtVerifier::rs256(p256)), other("RS256"));
    for key in [rsa, p384, secp256k1, ed25519] {
        assert_eq!(key_error(JwtVerifier::es256(key)), other("ES256"));
    }
    for key in [rsa, p256, x25519] {
        assert_eq!(key_error(JwtVerifier::eddsa(key)), other("EdDSA"));
    }
    assert_eq!(
        key_error(JwtVerifier::rs256(small)),
        KeyError::RsaSize { bits: 1024 }
    );
    assert_eq!(
        key_error(JwtVerifier::hs256([0; 31])),
        KeyError::ShortSecret { length: 31 }
    );
}

#[test]
fn an_ed25519_key_has_32_bytes() {
    // RFC 8410, section 4, with a key of `length` bytes.
    let der = |length: u8| {
        let info = [0x30, length + 10, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70];
        // A tab in ASCII, which must not be trimmed.
        let key = vec![b'\t'; length.into()];
        [&info[..], &[3, length + 1, 0], &key].concat()
    };
    let expected = "EdDSA";
    for length in [0, 31, 33, 64] {
        let refused = key_error(JwtVerifier::eddsa(der(length)));
        assert_eq!(refused, KeyError::OtherAlgorithm { expected }, "{length}");
    }
    let fits = JwtVerifier::eddsa(der(32)).issuer("i").audience("a");
    assert!(fits.build().is_ok());
}

#[test]
fn an_rsa_key_that_only_one_backend_serves_is_refused() {
    let large = include_str!("../fixtures/rsa8192.pub.pem");
    let refused = key_error(JwtVerifier::rs256(large));
    // RustCrypto does not read it at all.
    let expected = [KeyError::RsaSize { bits: 8192 }, KeyError::Malformed];
    assert!(expected.contains(&refused), "{refused}");
}

#[test]
fn several_keys_need_ids_of_their_own() {
    let keys = |one: JwtKey, two: JwtKey| JwtVerifier::keys([one, two]).issuer("i").audience("a");
    let key = || JwtKey::hs256(SECRET);
    assert_eq!(error(keys(key().id("a"), key())), BuildError::KeyIdMissing);
    let id = "a".to_owned();
    assert_eq!(
        error(keys(key().id("a"), key().id("a"))),
        BuildError::DuplicateKeyId { id }
    );
    for id in ["", "a b", "../a", &"k".repeat(129)] {
        let id = id.to_owned();
        let refused = error(keys(key().id(id.clone()), key().id("b")));
        assert_eq!(refused, BuildError::InvalidKeyId { id });
    }
}

#[test]
fn texts_that_would_break_a_header_are_refused() {
    for builder in [
        settings().scheme(""),
        settings().scheme("Bearer x"),
        settings().scheme("B\r\nx"),
        settings().realm("a\"b"),
        settings().realm("a\nb"),
        settings().id_claim(""),
        settings().tenant_claim("a\"b"),
        settings().kind_when("", "x", ActorKind::Service),
        settings().kind_when("a", "x", ActorKind::Anonymous),
        settings().kind_when("a", "x", ActorKind::Unknown),
    ] {
        let refused = error(builder);
        assert!(
            matches!(refused, BuildError::InvalidText { .. }),
            "{refused}"
        );
    }
}

#[test]
fn checks_on_a_verifier_that_checks_nothing_are_refused() {
    let only = JwtVerifier::insecure_decode_only;
    for (builder, setting) in [
        (only().issuer("i"), "issuer"),
        (only().audience("a"), "audience"),
        (only().leeway(Duration::ZERO), "leeway"),
        (only().token_type("at+jwt"), "token_type"),
    ] {
        assert_eq!(error(builder), BuildError::InsecureSetting { setting });
    }
}

#[test]
fn neither_debug_nor_errors_show_a_secret() {
    let secret = "correct horse battery staple, twice over";
    let bytes = format!("{:?}", secret.as_bytes());
    let key = JwtKey::hs256(secret).id("current");
    let builder = JwtVerifier::keys([key.clone()]).issuer("i").audience("a");
    let verifier = builder.clone().build().unwrap();
    for shown in [
        format!("{key:?}"),
        format!("{builder:?}"),
        format!("{verifier:#?}"),
    ] {
        assert!(
            shown.contains("HS256") && shown.contains("current"),
            "{shown}"
        );
        assert!(
            !shown.contains("horse") && !shown.contains(&bytes),
            "{shown}"
        );
    }
    let short = error(
        JwtVerifier::keys([JwtKey::hs256("hunter2").id("old")])
            .issuer("i")
            .audience("a"),
    );
    assert_eq!(short.to_string(), "the HS256 key `old` cannot be used");
    assert_eq!(
        short.source().unwrap().to_string(),
        "the secret has 7 bytes; use at least 32 random bytes"
    );
}
