//! The demo: a server here, a client in another process, and the trail read back and checked.

use std::collections::HashSet;
use std::io::Write as _;
use std::process::{ExitCode, Stdio};

use anyhow::{Context as _, Result, bail};
use audit_core::Event;
use audit_core::query::LogQuery;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::check;
use crate::cli::Format;
use crate::client::{Deed, Tokens};
use crate::program::Program;
use crate::server::Server;
use crate::{Application, Issuer, trail};

/// Plays the story, prints what it left and says whether that is what it must be.
///
/// # Errors
/// When the story cannot be played.
pub(crate) async fn run<A: Application>(program: &Program) -> Result<ExitCode> {
    let issuer = Issuer::new(program.name)?;
    let server = Server::<A>::start(program, &issuer).await?;
    let mut talk = std::io::stderr();
    writeln!(talk, "database: {}", program.place.in_words())?;
    writeln!(talk, "server:   {}\n", server.url())?;
    writeln!(talk, "another process tells the story over HTTP:")?;

    let earlier = newest(&*server.application).await?;
    let deeds = play(&server.url(), &issuer.tokens()?).await?;
    let events = since(&*server.application, &earlier).await?;
    server.stop().await?;

    print(program.cli.format(), &events)?;
    let faults = check::faults(&deeds, &events);
    if faults.is_empty() {
        let requests = deeds.len();
        writeln!(
            talk,
            "\n{} events of {requests} requests: all that must be there, and nothing else",
            events.len()
        )?;
        return Ok(ExitCode::SUCCESS);
    }
    for fault in faults {
        writeln!(talk, "wrong: {fault}")?;
    }
    Ok(ExitCode::FAILURE)
}

/// Runs this program again as the client. It ends with this future.
async fn play(url: &str, tokens: &Tokens) -> Result<Vec<Deed>> {
    let mut client = Command::new(std::env::current_exe()?)
        .args(["play", url])
        .env_remove("DATABASE_URL")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("the client cannot be started")?;
    if let Some(mut input) = client.stdin.take() {
        input.write_all(&serde_json::to_vec(tokens)?).await?;
    }
    let output = client.wait_with_output().await?;
    if !output.status.success() {
        bail!("the client ended with {}", output.status);
    }
    let lines = output.stdout.split(|byte| *byte == b'\n');
    let deeds = lines
        .filter(|line| !line.is_empty())
        .map(serde_json::from_slice);
    deeds
        .collect::<Result<_, _>>()
        .context("the client's words")
}

/// The newest event that is there, in a database that was used before.
async fn newest(application: &impl Application) -> Result<Option<Event>> {
    Ok(application.log(LogQuery::new().limit(1)).await?.pop())
}

/// The events after it, oldest first. Time is the database's, so no two clocks are compared.
async fn since(application: &impl Application, earlier: &Option<Event>) -> Result<Vec<Event>> {
    let mut query = LogQuery::new().oldest_first().limit(LogQuery::MAX_LIMIT);
    let Some(newest) = earlier else {
        return application.log(query).await;
    };
    query = query.since(newest.occurred_at.to_rfc3339());
    let mut events = application.log(query).await?;
    let seen: HashSet<_> = events
        .iter()
        .take_while(|event| event.occurred_at == newest.occurred_at && event.id <= newest.id)
        .map(|event| event.id)
        .collect();
    events.retain(|event| !seen.contains(&event.id));
    Ok(events)
}

fn print(format: Format, events: &[Event]) -> Result<()> {
    let text = match format {
        Format::Ndjson => trail::ndjson(events)?,
        Format::Table => format!("\n{}\n", trail::table(events)),
    };
    match std::io::stdout().write_all(text.as_bytes()) {
        // Whoever reads has read enough.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        result => Ok(result?),
    }
}
