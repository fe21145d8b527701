//! The server that stays, and lines to try it with.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::client::Tokens;
use crate::program::Program;
use crate::server::Server;
use crate::{Application, Issuer};

/// Serves until Ctrl-C.
///
/// # Errors
/// When the database or the port cannot be used.
pub(crate) async fn run<A: Application>(program: &Program) -> Result<ExitCode> {
    let issuer = Issuer::new(program.name)?;
    let mut server = Server::<A>::start(program, &issuer).await?;
    let lines = lines(&server.url(), &issuer.tokens()?);
    let mut out = std::io::stdout();
    writeln!(out, "serving on {}", server.url())?;
    writeln!(out, "database: {}\n\n{lines}", program.place.in_words())?;
    tokio::select! {
        asked = tokio::signal::ctrl_c() => asked?,
        ended = server.ended() => {
            ended?;
            bail!("the server ended by itself");
        }
    }
    server.stop().await?;
    Ok(ExitCode::SUCCESS)
}

/// Lines for a shell, each to be pasted as it is.
fn lines(url: &str, tokens: &Tokens) -> String {
    let Tokens {
        alice,
        bob,
        expired,
        forged,
    } = tokens;
    let json = "-H 'content-type: application/json'";
    format!(
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
curl -sw '\n' '{url}/audit?actor=bob&since=today' -H "$alice"
curl -sw '\n' {url}/audit/records/invoices/acme/1001 -H "$alice"
curl -sw '\n' '{url}/audit/tables/invoices?at=1m' -H "$alice"

# the newest request, and undo
request=$(curl -s '{url}/audit?limit=1' -H "$alice" | grep -o '"request_id":"[^"]*"' | cut -d '"' -f 4)
curl -sw '\n' {url}/audit/requests/$request/undo -H "$alice"
curl -sw '\n' -X POST "{url}/audit/requests/$request/undo?reason=a%20mistake" -H "$bob"

Ctrl-C ends it"#
    )
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use audit_core::Event;
    use audit_core::query::LogQuery;
    use clap::Parser as _;

    use super::*;
    use crate::Place;
    use crate::cli::Cli;

    /// An application that cannot serve.
    struct Broken;

    impl Application for Broken {
        async fn open(_: &Place) -> Result<Self> {
            Ok(Self)
        }

        async fn serve(
            &self,
            _: TcpListener,
            _: Issuer,
            _: impl Future<Output = ()> + Send + 'static,
        ) -> Result<()> {
            bail!("no verifier can be built")
        }

        async fn log(&self, _: LogQuery) -> Result<Vec<Event>> {
            Ok(Vec::new())
        }

        async fn close(&self) -> Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_server_that_ends_by_itself_ends_the_program() {
        let program = Program {
            name: "some-example",
            cli: Cli::parse_from(["some-example", "--port", "0"]),
            place: Place::new("some-example", None).unwrap(),
        };
        let error = run::<Broken>(&program).await.unwrap_err();
        assert_eq!(error.to_string(), "no verifier can be built");
    }
}
