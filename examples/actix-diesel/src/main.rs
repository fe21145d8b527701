#![doc = include_str!("../README.md")]

mod api_error;
mod database;

use std::process::ExitCode;

use story::Kind;

use database::{postgres, sqlite};

fn main() -> ExitCode {
    story::main(env!("CARGO_PKG_NAME"), async |program| {
        match program.kind() {
            #[cfg(feature = "mysql")]
            Kind::MySql => program.run::<database::mysql::Server>().await,
            #[cfg(not(feature = "mysql"))]
            Kind::MySql => {
                anyhow::bail!("MariaDB needs `--features mysql`, and its client library")
            }
            Kind::Postgres => program.run::<postgres::Server>().await,
            Kind::Sqlite => program.run::<sqlite::Server>().await,
        }
    })
}
