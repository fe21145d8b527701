#![doc = include_str!("../README.md")]

pub mod answers;
mod application;
mod check;
mod cli;
mod client;
pub mod contract;
mod demo;
mod issuer;
mod place;
mod program;
mod refusal;
pub mod schema;
mod serve;
mod server;
mod steps;
#[cfg(feature = "testing")]
pub mod testing;
mod trail;

pub use application::{Application, print_findings};
pub use issuer::Issuer;
pub use place::{Kind, Place};
pub use program::{Program, main};
pub use refusal::{Body, Refusal};
