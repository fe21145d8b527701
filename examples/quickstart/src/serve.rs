//! The server that stays, and lines to try it with.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Result;

use crate::cli::Cli;
use crate::database::Place;
use crate::server::{Application, Server};
use crate::token::Secret;

/// Serves until Ctrl-C.
///
/// # Errors
/// When the database or the port cannot be used.
pub(crate) async fn run<DB: Application>(cli: &Cli, place: &Place) -> Result<ExitCode> {
    let secret = Secret::random()?;
    let server = Server::<DB>::start(place, cli.port(), &secret).await?;
    let lines = lines(&server.url(), &secret)?;
    let mut out = std::io::stdout();
    writeln!(out, "serving on {}", server.url())?;
    writeln!(out, "database: {}\n\n{lines}", place.in_words())?;
    tokio::signal::ctrl_c().await?;
    server.stop().await?;
    Ok(ExitCode::SUCCESS)
}

/// Lines for a shell, each to be pasted as it is.
fn lines(url: &str, secret: &Secret) -> Result<String> {
    let alice = secret.token("alice", "Alice")?;
    let bob = secret.token("bob", "Bob")?;
    let expired = secret.expired_token("alice", "Alice")?;
    let forged = Secret::random()?.token("alice", "Alice")?;
    let json = "-H 'content-type: application/json'";
    Ok(format!(
        r#"# tokens, for an hour
alice='authorization: Bearer {alice}'
bob='authorization: Bearer {bob}'
expired='authorization: Bearer {expired}'
forged='authorization: Bearer {forged}'

# changes
curl -iw '\n' {url}/users -H "$alice" {json} -d '{{"name":"Ann","email":"Ann@Example.com","password":"secret"}}'
curl -iw '\n' -X PUT {url}/users/1/name -H "$bob" {json} -d '{{"name":"Anna"}}'
curl -iw '\n' -X PUT {url}/invoices/acme/1001 -H "$alice" {json} -d '{{"total":"199.90","details":{{"terms":"30 days"}}}}'
curl -iw '\n' -X POST {url}/invoices/acme/1001/approve -H "$bob"
curl -iw '\n' -X PUT {url}/users/1/name {json} -d '{{"name":"Nobody"}}'
curl -iw '\n' -X PUT {url}/users/1/name -H "$forged" {json} -d '{{"name":"Mallory"}}'
curl -iw '\n' -X DELETE {url}/invoices/acme -H "$alice"

# the trail
curl -sw '\n' '{url}/audit?table=users&record=1'
curl -sw '\n' '{url}/audit?actor=bob&since=1h&limit=5'

Ctrl-C ends it"#
    ))
}
