#![doc = include_str!("../README.md")]

mod authorization;
mod backend;
mod builder;
mod claims;
mod error;
mod header;
mod key;
mod mapping;
mod object;
mod verifier;

pub use builder::JwtVerifierBuilder;
pub use error::{BuildError, KeyError, TokenError};
pub use key::JwtKey;
pub use verifier::JwtVerifier;
