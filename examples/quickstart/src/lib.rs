#![doc = include_str!("../README.md")]

mod api_error;
mod database;
mod server;

use std::process::ExitCode;

use story::Kind;

use server::Server;

/// Does what the arguments ask for.
#[must_use]
pub fn main() -> ExitCode {
    story::main(env!("CARGO_PKG_NAME"), async |program| {
        match program.kind() {
            Kind::MySql => program.run::<Server<sqlx::MySql>>().await,
            Kind::Postgres => program.run::<Server<sqlx::Postgres>>().await,
            Kind::Sqlite => program.run::<Server<sqlx::Sqlite>>().await,
        }
    })
}

/// Plays the story in an empty database, for tests of what reads it.
#[cfg(feature = "testing")]
pub async fn play(url: &str) {
    use story::testing::played;
    const NAME: &str = env!("CARGO_PKG_NAME");
    match url.split(':').next() {
        Some("mysql") => played::<Server<sqlx::MySql>>(NAME, url).await,
        Some("postgres") => played::<Server<sqlx::Postgres>>(NAME, url).await,
        _ => played::<Server<sqlx::Sqlite>>(NAME, url).await,
    }
}

/// The code of the repository's README, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
