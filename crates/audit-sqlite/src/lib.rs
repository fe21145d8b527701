#![doc = include_str!("../README.md")]

mod clock;
mod document;
mod ffi;
mod functions;
mod json;
mod state;

pub use ffi::{RegisterError, register};
