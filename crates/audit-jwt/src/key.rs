//! Keys, each with the one algorithm it is for.

use std::fmt;

use jsonwebtoken::crypto::CryptoProvider;
use jsonwebtoken::{Algorithm, DecodingKey};
use spki::SubjectPublicKeyInfoRef;
use spki::der::asn1::ObjectIdentifier;
use spki::der::{Decode as _, Document};

use crate::error::{BuildError, KeyError, TokenError};
use crate::header::is_key_id;

/// The shortest HS256 secret, in bytes: as long as the hash (RFC 7518, section 3.2).
const MIN_SECRET_BYTES: usize = 32;

/// The RSA sizes that both backends serve; RFC 7518, section 3.3, asks for 2048 or more.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=4096;

/// RFC 8017, appendix A.1.
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// RFC 5480, section 2.1.1.
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// RFC 5480, section 2.1.1.1.
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
/// RFC 8410, section 3.
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// A key of the issuer, for exactly one algorithm: what a token says about its algorithm is
/// compared with it and never followed.
///
/// Public keys are taken as PEM (`PUBLIC KEY`, for RSA also `RSA PUBLIC KEY`) or as the DER in it.
#[derive(Clone)]
pub struct JwtKey {
    id: Option<String>,
    kind: Kind,
    material: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    EdDsa,
    Es256,
    Hs256,
    Rs256,
}

impl JwtKey {
    /// A secret shared with the issuer, for HMAC with SHA-256; at least 32 bytes.
    #[must_use]
    pub fn hs256(secret: impl AsRef<[u8]>) -> Self {
        Self::new(Kind::Hs256, secret.as_ref())
    }

    /// A public RSA key of 2048 to 4096 bits, for PKCS #1 v1.5 with SHA-256.
    #[must_use]
    pub fn rs256(key: impl AsRef<[u8]>) -> Self {
        Self::new(Kind::Rs256, key.as_ref())
    }

    /// A public key on the curve P-256, for ECDSA with SHA-256.
    #[must_use]
    pub fn es256(key: impl AsRef<[u8]>) -> Self {
        Self::new(Kind::Es256, key.as_ref())
    }

    /// A public Ed25519 key.
    #[must_use]
    pub fn eddsa(key: impl AsRef<[u8]>) -> Self {
        Self::new(Kind::EdDsa, key.as_ref())
    }

    /// The same key with the id that tokens name in `kid`: 1 to 128 of `A-Z a-z 0-9 . _ ~ -`.
    #[must_use]
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    fn new(kind: Kind, material: &[u8]) -> Self {
        Self {
            id: None,
            kind,
            material: material.to_vec(),
        }
    }
}

impl fmt::Debug for JwtKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("JwtKey")
            .field("id", &self.id)
            .field("algorithm", &self.kind.name())
            .finish_non_exhaustive()
    }
}

impl Kind {
    const fn name(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Hs256 => "HS256",
            Self::Rs256 => "RS256",
        }
    }

    const fn algorithm(self) -> Algorithm {
        match self {
            Self::EdDsa => Algorithm::EdDSA,
            Self::Es256 => Algorithm::ES256,
            Self::Hs256 => Algorithm::HS256,
            Self::Rs256 => Algorithm::RS256,
        }
    }

    /// Whether this is the algorithm that a header names; RFC 9864 calls EdDSA with an Ed25519 key
    /// `Ed25519`.
    fn is_named(self, name: &str) -> bool {
        name == self.name() || (self == Self::EdDsa && name == "Ed25519")
    }
}

/// The keys of a verifier, checked.
#[derive(Clone)]
pub(crate) struct Keys {
    provider: &'static CryptoProvider,
    keys: Vec<ReadyKey>,
}

#[derive(Clone)]
struct ReadyKey {
    id: Option<String>,
    kind: Kind,
    key: DecodingKey,
}

impl Keys {
    pub(crate) fn new(
        keys: &[JwtKey],
        provider: &'static CryptoProvider,
    ) -> Result<Self, BuildError> {
        let mut ready: Vec<ReadyKey> = Vec::with_capacity(keys.len());
        for key in keys {
            check_id(key, keys.len(), &ready)?;
            let invalid = |source| BuildError::InvalidKey {
                algorithm: key.kind.name(),
                id: key.id.clone(),
                source,
            };
            let decoding = decoding_key(key, provider).map_err(invalid)?;
            // RustCrypto finds here that a point is not on its curve; aws-lc refuses every token.
            (provider.verifier_factory)(&key.kind.algorithm(), &decoding)
                .map_err(|_| invalid(KeyError::Malformed))?;
            ready.push(ReadyKey {
                id: key.id.clone(),
                kind: key.kind,
                key: decoding,
            });
        }
        Ok(Self {
            provider,
            keys: ready,
        })
    }

    /// Checks a signature by the key that `id` names. A single key without an id serves every
    /// token, whatever `kid` says.
    pub(crate) fn verify(
        &self,
        id: Option<&str>,
        algorithm: &str,
        message: &str,
        signature: &Vec<u8>,
    ) -> Result<(), TokenError> {
        let key = self
            .keys
            .iter()
            .find(|key| key.id.is_none() || key.id.as_deref() == id)
            .ok_or(TokenError::KeyUnknown)?;
        // The algorithm is that of the key; the header may only agree.
        if !key.kind.is_named(algorithm) {
            return Err(TokenError::Algorithm);
        }
        (self.provider.verifier_factory)(&key.kind.algorithm(), &key.key)
            .map_err(|_| TokenError::Signature)?
            .verify(message.as_bytes(), signature)
            .map_err(|_| TokenError::Signature)
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = self.keys.iter().map(|key| (key.kind.name(), &key.id));
        formatter.debug_list().entries(keys).finish()
    }
}

fn check_id(key: &JwtKey, count: usize, earlier: &[ReadyKey]) -> Result<(), BuildError> {
    match &key.id {
        None if count > 1 => Err(BuildError::KeyIdMissing),
        None => Ok(()),
        Some(id) if !is_key_id(id) => Err(BuildError::InvalidKeyId { id: id.clone() }),
        Some(id) if earlier.iter().any(|other| other.id.as_ref() == Some(id)) => {
            Err(BuildError::DuplicateKeyId { id: id.clone() })
        }
        Some(_) => Ok(()),
    }
}

/// INVARIANT: the bytes that jsonwebtoken gets have the length and form it relies on; it checks
/// neither for Ed25519 and takes private keys for public ones.
fn decoding_key(key: &JwtKey, provider: &CryptoProvider) -> Result<DecodingKey, KeyError> {
    let material = key.material.as_slice();
    let expected = key.kind.name();
    let other = KeyError::OtherAlgorithm { expected };
    match key.kind {
        Kind::Hs256 if material.len() < MIN_SECRET_BYTES => Err(KeyError::ShortSecret {
            length: material.len(),
        }),
        Kind::Hs256 => Ok(DecodingKey::from_secret(material)),
        Kind::EdDsa => match public_key(material)? {
            PublicKey {
                algorithm: ED25519,
                curve: None,
                bits,
            } if bits.len() == 32 => Ok(DecodingKey::from_ed_der(&bits)),
            _ => Err(other),
        },
        Kind::Es256 => match public_key(material)? {
            PublicKey {
                algorithm: EC,
                curve: Some(P256),
                bits,
            } => {
                let key = DecodingKey::from_ec_der(&bits);
                match bits.as_slice() {
                    [4, point @ ..] if point.len() == 64 => Ok(key),
                    _ => Err(KeyError::Malformed),
                }
            }
            _ => Err(other),
        },
        Kind::Rs256 => match public_key(material) {
            Ok(PublicKey {
                algorithm: RSA,
                bits,
                ..
            }) => rsa_key(&bits, provider),
            Ok(_) => Err(other),
            // The DER of an `RSA PUBLIC KEY` is no SubjectPublicKeyInfo.
            Err(KeyError::Malformed) => rsa_key(material, provider),
            Err(error) => Err(error),
        },
    }
}

fn rsa_key(pkcs1: &[u8], provider: &CryptoProvider) -> Result<DecodingKey, KeyError> {
    let read = provider.key_utils.rsa_pub_components_from_public_key;
    let (modulus, _) = read(pkcs1).map_err(|_| KeyError::Malformed)?;
    let bits = modulus
        .iter()
        .position(|byte| *byte != 0)
        .and_then(|zeros| Some((modulus.len() - zeros, modulus.get(zeros)?)))
        .map_or(0, |(bytes, first)| {
            bytes * 8 - first.leading_zeros() as usize
        });
    if RSA_BITS.contains(&bits) {
        Ok(DecodingKey::from_rsa_der(pkcs1))
    } else {
        Err(KeyError::RsaSize { bits })
    }
}

/// The parts of a SubjectPublicKeyInfo (RFC 5280, section 4.1).
struct PublicKey {
    algorithm: ObjectIdentifier,
    curve: Option<ObjectIdentifier>,
    bits: Vec<u8>,
}

fn public_key(material: &[u8]) -> Result<PublicKey, KeyError> {
    let trimmed = material.trim_ascii();
    if !trimmed.starts_with(b"-----BEGIN ") {
        // DER may well end in a byte that is a space in ASCII.
        return subject_public_key(material);
    }
    let pem = std::str::from_utf8(trimmed).map_err(|_| KeyError::Malformed)?;
    let (label, document) = Document::from_pem(pem).map_err(|_| KeyError::Malformed)?;
    match label {
        "PUBLIC KEY" => subject_public_key(document.as_bytes()),
        "RSA PUBLIC KEY" => Ok(PublicKey {
            algorithm: RSA,
            curve: None,
            bits: document.as_bytes().to_vec(),
        }),
        "CERTIFICATE" => Err(KeyError::Certificate),
        label if label.ends_with("PRIVATE KEY") => Err(KeyError::Private),
        _ => Err(KeyError::Malformed),
    }
}

fn subject_public_key(der: &[u8]) -> Result<PublicKey, KeyError> {
    let info = SubjectPublicKeyInfoRef::from_der(der).map_err(|_| KeyError::Malformed)?;
    let bits = info.subject_public_key.as_bytes();
    Ok(PublicKey {
        algorithm: info.algorithm.oid,
        curve: info.algorithm.parameters_oid().ok(),
        bits: bits.ok_or(KeyError::Malformed)?.to_vec(),
    })
}
