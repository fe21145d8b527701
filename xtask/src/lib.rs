#![doc = include_str!("../README.md")]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "its output is for the terminal"
)]

pub mod account;
pub mod bench;
pub mod ci;
pub mod clippy;
pub mod database;
pub mod db;
pub mod deny;
pub mod doc;
pub mod features;
pub mod files;
pub mod fmt;
pub mod layers;
mod metadata;
pub mod process;
pub mod provision;
mod sabotage;
pub mod servers;
pub mod stop;
pub mod test;
pub mod workspace;
