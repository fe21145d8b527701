#![doc = include_str!("../README.md")]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "its output is for the terminal"
)]

pub mod account;
pub mod database;
pub mod db;
pub mod process;
pub mod provision;
pub mod servers;
pub mod stop;
pub mod workspace;
