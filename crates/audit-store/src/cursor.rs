//! The place in a list that a client holds and cannot make up.

use std::fmt;
use std::sync::OnceLock;

use audit_core::query::{LogQuery, Position};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use uuid::Uuid;

/// The form of the bytes of a cursor.
const VERSION: u8 = 1;
/// The bytes that are told: version, direction, time and id of the event, time of the first page.
const TOLD: usize = 1 + 1 + 8 + 16 + 8;
/// The bytes that prove them.
const PROOF: usize = 32;

/// A cursor that is not one of the query it came with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CursorError {
    /// It was not made for this query, this tenant and this key, or was changed.
    #[error("the cursor is not one of this query; begin at the first page")]
    Foreign,
    /// It is no cursor.
    #[error("the text is no cursor; send one as a page gave it")]
    Malformed,
}

/// There is no key for cursors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The system gives no random bytes.
    #[error("the system gives no random bytes for a key of cursors; give a key of your own")]
    NoRandomness,
    /// The key is too short.
    #[error("a key of cursors has {length} bytes; give at least {minimum}")]
    TooShort {
        /// Its bytes.
        length: usize,
        /// The fewest.
        minimum: usize,
    },
}

/// The secret by which cursors are told from made-up ones.
#[derive(Clone)]
pub struct CursorKey(Vec<u8>);

impl fmt::Debug for CursorKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("CursorKey(secret)")
    }
}

impl CursorKey {
    /// The fewest bytes of a key.
    pub const MIN_BYTES: usize = 32;

    /// A key of random bytes: the same for all processes that take each other's cursors.
    ///
    /// # Errors
    /// [`KeyError::TooShort`] below [`Self::MIN_BYTES`].
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, KeyError> {
        let bytes = bytes.into();
        match bytes.len() {
            length if length < Self::MIN_BYTES => Err(KeyError::TooShort {
                length,
                minimum: Self::MIN_BYTES,
            }),
            _ => Ok(Self(bytes)),
        }
    }

    /// The key of this process, drawn when it is first asked for.
    pub(crate) fn of_process() -> Result<Self, KeyError> {
        static KEY: OnceLock<CursorKey> = OnceLock::new();
        if let Some(key) = KEY.get() {
            return Ok(key.clone());
        }
        let mut bytes = vec![0; Self::MIN_BYTES];
        getrandom::fill(&mut bytes).map_err(|_| KeyError::NoRandomness)?;
        Ok(KEY.get_or_init(|| Self(bytes)).clone())
    }

    /// A code over what a cursor tells and the query that it is for.
    fn code(&self, told: &[u8], query: &LogQuery) -> Result<Hmac<Sha256>, KeyError> {
        let mut code = Hmac::<Sha256>::new_from_slice(&self.0).map_err(|_| KeyError::TooShort {
            length: self.0.len(),
            minimum: Self::MIN_BYTES,
        })?;
        // INVARIANT: what is told has one length, so that no two pairs give one text.
        code.update(told);
        code.update(query.canonical().as_bytes());
        Ok(code)
    }
}

/// A place in the list of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// Whether the events before the position are meant, in the order of the query.
    pub(crate) is_backward: bool,
    pub(crate) position: Position,
    /// When the first page was asked for: spans of time of the query are before it.
    pub(crate) asked_at: DateTime<Utc>,
}

impl Cursor {
    /// The text that a client gets.
    pub(crate) fn seal(&self, key: &CursorKey, query: &LogQuery) -> Result<String, KeyError> {
        let mut bytes = Vec::with_capacity(TOLD + PROOF);
        bytes.extend([VERSION, u8::from(self.is_backward)]);
        bytes.extend(self.position.occurred_at.timestamp_micros().to_be_bytes());
        bytes.extend(self.position.id.as_bytes());
        bytes.extend(self.asked_at.timestamp_micros().to_be_bytes());
        let proof = key.code(&bytes, query)?.finalize().into_bytes();
        bytes.extend(proof);
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Reads the text that a client sent back.
    pub(crate) fn open<E>(text: &str, key: &CursorKey, query: &LogQuery) -> Result<Self, E>
    where
        E: From<CursorError> + From<KeyError>,
    {
        let bytes = URL_SAFE_NO_PAD.decode(text);
        let bytes = bytes.map_err(|_| CursorError::Malformed)?;
        let (told, proof) = bytes
            .split_first_chunk::<TOLD>()
            .filter(|(_, proof)| proof.len() == PROOF)
            .ok_or(CursorError::Malformed)?;
        let code = key.code(told, query)?;
        code.verify_slice(proof).map_err(|_| CursorError::Foreign)?;
        Ok(Self::read(told).ok_or(CursorError::Malformed)?)
    }

    fn read(told: &[u8]) -> Option<Self> {
        let (&[version, direction], rest) = told.split_first_chunk()?;
        let (occurred_at, rest) = rest.split_first_chunk()?;
        let (id, rest) = rest.split_first_chunk()?;
        let time = |bytes| DateTime::from_timestamp_micros(i64::from_be_bytes(bytes));
        Some(Self {
            is_backward: match (version, direction) {
                (VERSION, 0) => false,
                (VERSION, 1) => true,
                _ => return None,
            },
            position: Position {
                occurred_at: time(*occurred_at)?,
                id: Uuid::from_bytes(*id),
            },
            asked_at: time(rest.try_into().ok()?)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn open(text: &str, key: &CursorKey, query: &LogQuery) -> Result<Cursor, String> {
        #[derive(Debug)]
        struct Refused(String);
        impl From<CursorError> for Refused {
            fn from(error: CursorError) -> Self {
                Self(error.to_string())
            }
        }
        impl From<KeyError> for Refused {
            fn from(error: KeyError) -> Self {
                Self(error.to_string())
            }
        }
        Cursor::open::<Refused>(text, key, query).map_err(|refused| refused.0)
    }

    fn key(byte: u8) -> CursorKey {
        CursorKey::new([byte; 32]).unwrap()
    }

    fn cursor() -> impl Strategy<Value = Cursor> {
        let time = || {
            (-62_135_596_800_000_000..253_402_300_800_000_000_i64)
                .prop_map(|micros| DateTime::from_timestamp_micros(micros).unwrap())
        };
        (any::<bool>(), time(), any::<u128>(), time()).prop_map(
            |(is_backward, occurred_at, id, asked_at)| Cursor {
                is_backward,
                position: Position {
                    occurred_at,
                    id: Uuid::from_u128(id),
                },
                asked_at,
            },
        )
    }

    proptest! {
        #[test]
        fn a_cursor_comes_back_for_its_query_and_key_alone(cursor in cursor()) {
            let query = LogQuery::new().table("users").since("24h");
            let text = cursor.seal(&key(1), &query).unwrap();
            // Another size of page is the same list.
            prop_assert_eq!(open(&text, &key(1), &query.clone().limit(7)), Ok(cursor));
            let foreign = Err(CursorError::Foreign.to_string());
            prop_assert_eq!(&open(&text, &key(2), &query), &foreign);
            for other in [
                LogQuery::new().table("users"),
                LogQuery::new().table(["users", "invoices"]).since("24h"),
                query.clone().tenant("acme"),
                query.oldest_first(),
            ] {
                prop_assert_eq!(&open(&text, &key(1), &other), &foreign);
            }
        }

        #[test]
        fn no_bit_of_a_cursor_can_be_changed(cursor in cursor(), bit in 0..(TOLD + PROOF) * 8) {
            let query = LogQuery::new();
            let text = cursor.seal(&key(1), &query).unwrap();
            let mut bytes = URL_SAFE_NO_PAD.decode(text).unwrap();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let forged = URL_SAFE_NO_PAD.encode(bytes);
            let foreign = Err(CursorError::Foreign.to_string());
            prop_assert_eq!(open(&forged, &key(1), &query), foreign);
        }

        #[test]
        fn any_text_is_refused_and_none_panics(text in "\\PC{0,120}|[A-Za-z0-9_-]{86,90}") {
            prop_assert!(open(&text, &key(1), &LogQuery::new()).is_err());
        }
    }

    #[test]
    fn a_key_is_long_and_shows_nothing_of_itself() {
        assert_eq!(
            CursorKey::new(*b"short").unwrap_err().to_string(),
            "a key of cursors has 5 bytes; give at least 32"
        );
        assert_eq!(format!("{:?}", key(7)), "CursorKey(secret)");
        let own = CursorKey::of_process().unwrap();
        assert_eq!(own.0, CursorKey::of_process().unwrap().0);
        assert_ne!(own.0, vec![0; 32]);
    }
}
