//! A small JSON API on axum and sqlx whose every change is in the audit log.
//!
//! What an application writes is in `settings.rs` (which tables, what is hidden), `server.rs`
//! (pool, migration, middleware) and `api.rs` (plain queries). The rest plays the demo.

mod api_error;
mod check;
mod cli;
mod client;
mod database;
mod demo;
mod serve;
mod server;
mod settings;
mod story;
mod token;
mod trail;

use std::process::ExitCode;

use anyhow::{Result, bail};

pub use cli::Cli;

use cli::Command;
use database::Kind;

/// Does what the arguments ask for.
///
/// # Errors
/// When the database or the port cannot be used, or the story cannot be played; the text says
/// what to do.
pub fn run(cli: &Cli) -> Result<ExitCode> {
    if let Some(Command::Play { url }) = &cli.command {
        return client::play(url);
    }
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let place = database::Place::new(cli.database_url.as_ref())?;
        match place.kind() {
            Kind::MySql => start::<sqlx::MySql>(cli, &place).await,
            Kind::Postgres => start::<sqlx::Postgres>(cli, &place).await,
            Kind::Sqlite => start::<sqlx::Sqlite>(cli, &place).await,
        }
    })
}

async fn start<DB: server::Application>(cli: &Cli, place: &database::Place) -> Result<ExitCode> {
    if !cli.demo {
        return serve::run::<DB>(cli, place).await;
    }
    // Whatever the demo holds goes with its future: the server, the client, the file.
    tokio::select! {
        ended = demo::run::<DB>(cli, place) => ended,
        _ = tokio::signal::ctrl_c() => bail!("the demo was interrupted"),
    }
}

/// The code of the repository's README, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
