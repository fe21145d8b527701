//! The process that plays the story: an HTTP client that knows the server by its URL alone.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use ureq::http::{Request, Response};
use ureq::{Agent, Body};

use crate::steps::{Keep, STEPS, Step, Who};

/// No answer takes longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// The tokens of everybody who has one.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Tokens {
    pub(crate) alice: String,
    pub(crate) bob: String,
    pub(crate) expired: String,
    pub(crate) forged: String,
}

impl Tokens {
    fn of(&self, who: Who) -> Option<&str> {
        match who {
            Who::Alice => Some(&self.alice),
            Who::Bob => Some(&self.bob),
            Who::Expired => Some(&self.expired),
            Who::Forger => Some(&self.forged),
            Who::Nobody => None,
        }
    }
}

/// What the client says of one step, as a line of JSON on standard output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Deed {
    pub(crate) status: u16,
    pub(crate) request_id: String,
}

/// Plays the story against a server, as the demo of an example: what was done is said on standard
/// output.
///
/// # Errors
/// As [`tell`].
pub(crate) fn play(name: &str, url: &str) -> Result<ExitCode> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let tokens = serde_json::from_str(&text).context("standard input must hold the tokens")?;
    let mut out = std::io::stdout().lock();
    for deed in tell(name, url, &tokens)? {
        writeln!(out, "{}", serde_json::to_string(&deed)?)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Sends the requests of the story and compares the answers; says each on standard error.
///
/// # Errors
/// When the server cannot be reached or an answer is not the one that the story has.
pub(crate) fn tell(name: &str, url: &str, tokens: &Tokens) -> Result<Vec<Deed>> {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(PATIENCE))
        // A server may close the connection of a request that it refused before its body came.
        .max_idle_connections(0)
        .build();
    let agent = config.new_agent();
    let mut talk = std::io::stderr().lock();
    let mut deeds = Vec::with_capacity(STEPS.len());
    let mut kept = HashMap::new();
    for step in STEPS {
        let mut response = send(&agent, (name, url), step, tokens, &kept)?;
        let status = response.status().as_u16();
        let body = response.body_mut().read_to_string()?;
        writeln!(talk, "  {status}  {}", step.title)?;
        if status != step.status {
            let wanted = step.status;
            bail!("the answer is {status} and must be {wanted}: {body}");
        }
        let id = response.headers().get("x-request-id");
        let id = id.context("the answer has no request id")?;
        let request_id = id.to_str()?.to_owned();
        for (place, wanted) in step.answer {
            let (found, wanted) = (at(&body, place)?, filled(wanted, &kept));
            if found != wanted {
                bail!("`{place}` of the answer is `{found}` and must be `{wanted}`: {body}");
            }
        }
        match step.keep {
            Some((name, Keep::Answer(place))) => kept.insert(name, at(&body, place)?),
            Some((name, Keep::RequestId)) => kept.insert(name, request_id.clone()),
            None => None,
        };
        deeds.push(Deed { status, request_id });
    }
    Ok(deeds)
}

/// A text with what was kept of earlier answers.
fn filled(text: &str, kept: &HashMap<&str, String>) -> String {
    let mut text = text.to_owned();
    for (name, value) in kept {
        text = text.replace(&format!("{{{name}}}"), value);
    }
    text
}

/// What an answer has at a place (RFC 6901): a text as it is, else its JSON.
fn at(body: &str, place: &str) -> Result<String> {
    let answer: Value = serde_json::from_str(body)?;
    let found = answer.pointer(place);
    Ok(
        match found.with_context(|| format!("the answer has no `{place}`: {body}"))? {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        },
    )
}

fn send(
    agent: &Agent,
    (name, url): (&str, &str),
    step: &Step,
    tokens: &Tokens,
    kept: &HashMap<&str, String>,
) -> Result<Response<Body>> {
    let path = filled(step.path, kept);
    let mut request = Request::builder()
        .method(step.method)
        .uri(format!("{url}{path}"))
        .header("user-agent", format!("{name}-demo"));
    if let Some(token) = tokens.of(step.who) {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let answer = if step.body.is_empty() {
        agent.run(request.body(())?)
    } else {
        let request = request.header("content-type", "application/json");
        agent.run(request.body(step.body)?)
    };
    answer.with_context(|| format!("no answer from {url}"))
}
