#![doc = include_str!("../README.md")]
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::print_stdout,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "this crate is test code: a failure is a panic"
)]

mod adapter;
pub mod cases;
mod catalog;
pub mod coverage;
mod database;
mod draw;
mod explain;
mod fixture;
#[cfg(feature = "http")]
pub mod http;
pub mod oracle;
mod race;
mod refused;
pub mod sabotage;
pub mod stored;
mod world;

pub use adapter::{Adapter, End, Failure, Step, cut_after};
pub use cases::generated::{ALL_KINDS, drawn};
pub use catalog::Catalog;
pub use coverage::refused_inline;
pub use database::{Raw, Server, TestDatabase};
pub use draw::Draw;
pub use explain::Explain;
pub use race::race_migrations;
pub use refused::{REFUSAL, run_case};
pub use world::{World, alice, in_words};
