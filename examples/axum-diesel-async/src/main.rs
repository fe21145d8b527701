#![doc = include_str!("../README.md")]

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
