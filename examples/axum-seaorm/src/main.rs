//! The API of the examples on axum and SeaORM, with every change in the audit log.
//!
//! What an application writes is in `server.rs` (rules, connection, migration, middleware),
//! `entities` and `api.rs`. The crate `story` plays the demo.

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
