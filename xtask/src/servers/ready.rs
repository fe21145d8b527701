//! Starts a server process and waits until it says it is ready.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::process;

/// How long a server may take to accept connections.
const LIMIT: Duration = Duration::from_secs(90);
/// How long a connection to our own machine may take.
const CONNECT: Duration = Duration::from_secs(1);

/// How the wait for a server ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It accepts connections.
    Ready,
    /// Its process is gone.
    Ended,
    /// The time is over.
    Late,
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready => formatter.write_str("is ready"),
            Self::Ended => formatter.write_str("ended instead of starting"),
            Self::Late => write!(formatter, "was not ready after {} s", LIMIT.as_secs()),
        }
    }
}

/// A port of 127.0.0.1 that nobody listens on at this moment.
pub(super) fn free_port() -> Result<u16> {
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port on 127.0.0.1")?;
    Ok(listener.local_addr()?.port())
}

/// Starts a server in a process group of its own, so that Ctrl-C in a terminal reaches only us.
pub(super) fn spawn(command: &mut Command) -> Result<Child> {
    command
        .stdin(Stdio::null())
        .process_group(0)
        .spawn()
        .with_context(|| format!("cannot start `{}`", command.get_program().display()))
}

/// Waits for a server.
pub(super) fn wait(child: &mut Child, is_ready: impl Fn() -> bool) -> Result<Outcome> {
    let deadline = Instant::now() + LIMIT;
    loop {
        process::check_signal()?;
        let ended: Option<ExitStatus> = child.try_wait()?;
        if ended.is_some() {
            return Ok(Outcome::Ended);
        }
        if is_ready() {
            return Ok(Outcome::Ready);
        }
        if Instant::now() >= deadline {
            return Ok(Outcome::Late);
        }
        sleep(process::PAUSE);
    }
}

/// A connection to a port of 127.0.0.1.
pub(super) fn connect(port: u16) -> Option<TcpStream> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let stream = TcpStream::connect_timeout(&address, CONNECT).ok()?;
    stream.set_read_timeout(Some(CONNECT)).ok()?;
    Some(stream)
}

/// Whether a server's log says that its port belongs to another program. `strerror(EADDRINUSE)` is
/// the same text in both engines, as both run with the C locale.
pub(super) fn port_was_taken(log: &Path) -> bool {
    let bytes = std::fs::read(log).unwrap_or_default();
    String::from_utf8_lossy(&bytes).contains("Address already in use")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_free_port_can_be_taken_and_then_connects() {
        let port = free_port().expect("a port");
        assert!(connect(port).is_none());
        let _listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("free");
        assert!(connect(port).is_some());
    }

    #[test]
    fn a_process_that_ends_is_not_waited_for() {
        let mut child = spawn(&mut Command::new("true")).expect("starts");
        assert_eq!(
            wait(&mut child, || false).expect("no signal"),
            Outcome::Ended
        );
    }

    #[test]
    fn readiness_is_noticed() {
        let mut child = spawn(Command::new("sleep").arg("600")).expect("starts");
        let outcome = wait(&mut child, || true);
        process::end(&mut child, rustix::process::Signal::TERM).expect("ends");
        assert_eq!(outcome.expect("no signal"), Outcome::Ready);
    }
}
