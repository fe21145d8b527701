#![doc = include_str!("../README.md")]

mod builder;
mod counts;
mod error;
mod lane;
mod overflow;
mod queue;
mod shared;
mod spill;
mod writer;

pub use builder::LaneBuilder;
pub use counts::Counts;
pub use error::{SendError, StartError};
pub use lane::{Lane, Rest};
pub use overflow::Overflow;
