//! The cryptography behind the signatures.
//!
//! `jsonwebtoken::decode` takes its cryptography from a process-wide default, which panics at the
//! first token when both or neither of its features are on, as another crate of the same program
//! can bring about. So the provider is named here and called directly, and that default is
//! neither read nor set.

use jsonwebtoken::crypto::CryptoProvider;

#[cfg(feature = "aws-lc")]
pub(crate) fn provider() -> Option<&'static CryptoProvider> {
    Some(&jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER)
}

#[cfg(all(feature = "rust-crypto", not(feature = "aws-lc")))]
pub(crate) fn provider() -> Option<&'static CryptoProvider> {
    Some(&jsonwebtoken::crypto::rust_crypto::DEFAULT_PROVIDER)
}

#[cfg(not(any(feature = "aws-lc", feature = "rust-crypto")))]
pub(crate) fn provider() -> Option<&'static CryptoProvider> {
    None
}
