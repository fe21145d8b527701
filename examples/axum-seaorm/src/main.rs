#![doc = include_str!("../README.md")]

mod api;
mod api_error;
mod entities;
mod server;
mod trail;

use std::process::ExitCode;

use server::Server;

fn main() -> ExitCode {
    story::main(env!("CARGO_PKG_NAME"), async |program| {
        program.run::<Server>().await
    })
}
