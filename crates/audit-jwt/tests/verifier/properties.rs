//! No change of a valid token leaves it valid.

use std::sync::LazyLock;

use audit_jwt::JwtVerifier;
use proptest::prelude::*;

use crate::algorithms::openssl_tokens;
use crate::token::{good, refused, settings, token};

/// A verifier of each algorithm with a token that holds.
static CASES: LazyLock<Vec<(JwtVerifier, String)>> = LazyLock::new(|| {
    let openssl = openssl_tokens().map(|(verifier, token)| (verifier, token.to_owned()));
    let own = (settings().build().unwrap(), token(&good()));
    let cases: Vec<_> = openssl.into_iter().chain([own]).collect();
    for (verifier, token) in &cases {
        assert_eq!(refused(verifier, token), None);
    }
    cases
});

fn assert_refused(verifier: &JwtVerifier, changed: &[u8]) {
    if let Ok(changed) = std::str::from_utf8(changed) {
        assert!(refused(verifier, changed).is_some(), "{changed}");
    }
}

#[test]
fn every_single_bit_of_a_valid_token_counts() {
    for (verifier, token) in &*CASES {
        for position in 0..token.len() {
            // The eighth bit makes no text; a header with it is refused as such. RSA is slow
            // without optimisation, so there each character loses one of its bits.
            let is_slow = token.len() > 300;
            for bit in (0..7).filter(|bit| !is_slow || *bit == position % 7) {
                let mut changed = token.clone().into_bytes();
                changed[position] ^= 1 << bit;
                assert_refused(verifier, &changed);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn another_character_anywhere_is_refused(
        case in 0..4_usize,
        position in any::<prop::sample::Index>(),
        other in any::<char>(),
    ) {
        let (verifier, token) = &CASES[case];
        let mut changed: Vec<char> = token.chars().collect();
        let position = position.index(changed.len());
        prop_assume!(changed[position] != other);
        changed[position] = other;
        let changed: String = changed.into_iter().collect();
        assert_refused(verifier, changed.as_bytes());
    }

    #[test]
    fn a_token_cut_or_extended_is_refused(
        case in 0..4_usize,
        position in any::<prop::sample::Index>(),
        extra in "[A-Za-z0-9._=-]{1,8}",
    ) {
        let (verifier, token) = &CASES[case];
        let position = position.index(token.len());
        let (start, end) = token.split_at(position);
        assert_refused(verifier, start.as_bytes());
        assert_refused(verifier, &end.as_bytes()[1..]);
        assert_refused(verifier, format!("{start}{extra}{end}").as_bytes());
        assert_refused(verifier, format!("{token}{extra}").as_bytes());
    }

    #[test]
    fn no_text_at_all_makes_the_verifier_panic(
        text in any::<String>(),
        parts in "[A-Za-z0-9_-]{0,40}(\\.[A-Za-z0-9_-]{0,40}){0,4}",
    ) {
        let verifier = settings().build().unwrap();
        prop_assert!(refused(&verifier, &text).is_some());
        prop_assert!(refused(&verifier, &parts).is_some());
        let open = JwtVerifier::insecure_decode_only().build().unwrap();
        let _ = refused(&open, &parts);
    }
}
