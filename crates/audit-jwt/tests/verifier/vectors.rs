//! The published examples. Their payloads lack the claims that a verifier demands, so what shows
//! that a signature was accepted is the next check that refuses them, and that a changed signature
//! is refused for itself.
//!
//! # Source
//! RFC 7515, appendices A.1 to A.3 and A.5; RFC 8037, appendix A.4; RFC 7519, section 6.1.
//! Copied unmodified; code components under the BSD licence of the IETF Trust. The public keys are
//! those of the RFCs, written as PEM; OpenSSL accepts each signature as well.

use audit_jwt::{JwtVerifier, JwtVerifierBuilder, TokenError};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::token::at;

/// The payload of RFC 7515, appendix A: `iss` is `joe`, `exp` is 1300819380.
const PAYLOAD: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt\
                       cGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

const HS256_KEY: &str = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75\
                         aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
const HS256_HEADER: &str = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9";
const HS256_SIGNATURE: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

const RS256_KEY: &str = "-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAofgWCuLjybRlzo0tZWJj
NiuSfb4p4fAkd/wWJcyQoTbji9k0l8W26mPddxHmfHQp+Vaw+4qPCJrcS2mJPMEz
P1Pt0Bm4d4QlL+yRT+SFd2lZS+pCgNMsD1W/YpRPEwOWvG6b32690r2jZ47soMZo
9wGzjb/7OMg0LOL+bSf63kpaSHSXndS5z5rexMdbBYUsLA9e+KXBdQOS+UTo7WTB
EMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6/I5IhlJH7aGhyxX
FvUK+DWNmoudF8NAco9/h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXp
oQIDAQAB
-----END PUBLIC KEY-----
";
const RS256_HEADER: &str = "eyJhbGciOiJSUzI1NiJ9";
const RS256_SIGNATURE: &str = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7\
                               AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4\
                               BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K\
                               0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqv\
                               hJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrB\
                               p0igcN_IoypGlUPQGe77Rw";

const ES256_KEY: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7
6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==
-----END PUBLIC KEY-----
";
const ES256_HEADER: &str = "eyJhbGciOiJFUzI1NiJ9";
const ES256_SIGNATURE: &str = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSA\
                               pmWQxfKTUJqPP3-Kg6NU1Q";

const ED25519_KEY: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
-----END PUBLIC KEY-----
";
const ED25519_HEADER: &str = "eyJhbGciOiJFZERTQSJ9";
const ED25519_PAYLOAD: &str = "RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
const ED25519_SIGNATURE: &str = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5B\
                                 hVsPt9g7sVvpAr_MuM0KAg";

fn build(builder: JwtVerifierBuilder) -> JwtVerifier {
    builder.issuer("joe").audience("api").build().unwrap()
}

fn hs256() -> JwtVerifier {
    build(JwtVerifier::hs256(
        URL_SAFE_NO_PAD.decode(HS256_KEY).unwrap(),
    ))
}

/// Asserts that the signature is accepted, and refused once a bit of it is another.
fn assert_accepts(verifier: &JwtVerifier, message: &str, signature: &str, next: &TokenError) {
    let refused = |signature: &str| {
        let token = format!("{message}.{signature}");
        verifier.actor_at(&token, at(1_300_819_379)).err()
    };
    assert_eq!(refused(signature).as_ref(), Some(next));
    let mut bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
    bytes[20] ^= 1;
    let changed = URL_SAFE_NO_PAD.encode(bytes);
    assert_eq!(refused(&changed), Some(TokenError::Signature));
}

fn no_audience() -> TokenError {
    TokenError::ClaimMissing {
        claim: "aud".to_owned(),
    }
}

#[test]
fn rfc7515_a1_hs256_holds() {
    let message = format!("{HS256_HEADER}.{PAYLOAD}");
    assert_accepts(&hs256(), &message, HS256_SIGNATURE, &no_audience());
}

#[test]
fn rfc7515_a2_rs256_holds() {
    let message = format!("{RS256_HEADER}.{PAYLOAD}");
    let verifier = build(JwtVerifier::rs256(RS256_KEY));
    assert_accepts(&verifier, &message, RS256_SIGNATURE, &no_audience());
}

#[test]
fn rfc7515_a3_es256_holds() {
    let message = format!("{ES256_HEADER}.{PAYLOAD}");
    let verifier = build(JwtVerifier::es256(ES256_KEY));
    assert_accepts(&verifier, &message, ES256_SIGNATURE, &no_audience());
}

#[test]
fn rfc8037_a4_ed25519_holds() {
    let message = format!("{ED25519_HEADER}.{ED25519_PAYLOAD}");
    let verifier = build(JwtVerifier::eddsa(ED25519_KEY));
    // Its payload is a sentence, no JSON.
    assert_accepts(
        &verifier,
        &message,
        ED25519_SIGNATURE,
        &TokenError::Malformed,
    );
}

#[test]
fn rfc7515_a1_expires_at_the_second_it_says() {
    let token = format!("{HS256_HEADER}.{PAYLOAD}.{HS256_SIGNATURE}");
    let leeway = 10;
    let expired = hs256().actor_at(&token, at(1_300_819_380 + leeway));
    assert_eq!(expired, Err(TokenError::Expired));
    let before = hs256().actor_at(&token, at(1_300_819_379 + leeway));
    assert_eq!(before, Err(no_audience()));
}

#[test]
fn rfc7519_6_1_unsecured_token_is_refused_by_every_key() {
    let token = format!("eyJhbGciOiJub25lIn0.{PAYLOAD}.");
    let verifiers = [
        hs256(),
        build(JwtVerifier::rs256(RS256_KEY)),
        build(JwtVerifier::es256(ES256_KEY)),
        build(JwtVerifier::eddsa(ED25519_KEY)),
    ];
    for verifier in verifiers {
        let refused = verifier.actor_at(&token, at(1_300_000_000));
        assert_eq!(refused, Err(TokenError::Algorithm));
    }
}
