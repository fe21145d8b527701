//! The story in a database, for tests of what reads it.

use clap::Parser as _;

use crate::cli::Cli;
use crate::program::Program;
use crate::server::Server;
use crate::{Application, Issuer, Place, client};

/// Plays the story on an application of this process, in the database at a URL.
pub async fn played<A: Application>(name: &'static str, url: &str) {
    let cli = Cli::parse_from([name, "--demo", "--database-url", url]);
    let place = Place::new(name, cli.database_url.as_ref()).unwrap();
    let issuer = Issuer::new(name).unwrap();
    let program = Program { name, cli, place };
    let server = Server::<A>::start(&program, &issuer).await.unwrap();
    let (url, tokens) = (server.url(), issuer.tokens().unwrap());
    let told = tokio::task::spawn_blocking(move || client::tell(name, &url, &tokens));
    told.await.unwrap().unwrap();
    server.stop().await.unwrap();
}
