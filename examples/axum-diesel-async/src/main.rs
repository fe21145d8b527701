//! The API of the examples on axum and diesel-async, with every change in the audit log.
//!
//! What an application writes is in `server.rs` (rules, pool, migration, middleware), `models.rs`
//! and `api.rs`. The crate `story` plays the demo.

mod api_error;
mod database;

use std::process::ExitCode;

use story::Kind;

use database::{mysql, postgres, sqlite};

fn main() -> ExitCode {
    story::main(env!("CARGO_PKG_NAME"), async |program| {
        match program.kind() {
            Kind::MySql => program.run::<mysql::Server>().await,
            Kind::Postgres => program.run::<postgres::Server>().await,
            Kind::Sqlite => program.run::<sqlite::Server>().await,
        }
    })
}
