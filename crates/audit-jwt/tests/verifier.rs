//! Tokens made by other implementations, and forgeries of them, against the verifier.

#![cfg(test)]

#[path = "verifier/algorithms.rs"]
mod algorithms;
#[path = "verifier/builder.rs"]
mod builder;
#[path = "verifier/claims.rs"]
mod claims;
#[path = "verifier/properties.rs"]
mod properties;
#[path = "verifier/request.rs"]
mod request;
#[path = "verifier/token.rs"]
mod token;
#[path = "verifier/vectors.rs"]
mod vectors;
