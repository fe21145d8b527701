//! Connections of Diesel that block: what is written through them, and what they carry.
#![expect(clippy::unwrap_used, reason = "test code: a failure is a panic")]

mod adapter;
mod connections;
mod dsl;
mod world;
