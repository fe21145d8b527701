#![doc = include_str!("../README.md")]

mod check_out;
mod clock;
mod document;
mod ffi;
mod functions;
mod json;
mod state;
mod stored;
mod watched;

pub use check_out::CheckOut;
pub use ffi::{RegisterError, register};
