//! Runs programs: waits for them, passes signals on, shows the end of what they wrote.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::stop::Stop;

/// How long a program may take to end after a signal.
const GRACE: Duration = Duration::from_secs(20);
/// How often a program is looked at.
pub(crate) const PAUSE: Duration = Duration::from_millis(20);

static SIGNAL: LazyLock<Arc<AtomicUsize>> = LazyLock::new(Arc::default);

/// From here on SIGINT, SIGTERM and SIGHUP end the running program and make [`run`] return
/// [`Stop::Signal`], so that servers are stopped on the way out.
///
/// # Errors
///
/// When the system refuses a handler.
pub fn listen() -> Result<()> {
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        let value = usize::try_from(signal)?;
        signal_hook::flag::register_usize(signal, Arc::clone(&SIGNAL), value)
            .context("no handler could be set for signals")?;
    }
    Ok(())
}

/// Tells whether a signal has arrived.
///
/// # Errors
///
/// [`Stop::Signal`] when one has.
pub fn check_signal() -> Result<(), Stop> {
    match SIGNAL.load(Ordering::SeqCst) {
        0 => Ok(()),
        number => Err(Stop::Signal(number)),
    }
}

/// Runs a program to its end, without standard input, in a process group of its own.
///
/// # Errors
///
/// When it cannot be started; [`Stop::Signal`] when a signal arrived, after the program and all
/// it started have ended.
pub fn run(command: &mut Command) -> Result<ExitStatus> {
    check_signal()?;
    let mut child = command
        .stdin(Stdio::null())
        .process_group(0)
        .spawn()
        .with_context(|| format!("cannot start {}", name(command)))?;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if let Err(stop) = check_signal() {
            end_group(&mut child, &stop)?;
            return Err(stop.into());
        }
        sleep(PAUSE);
    }
}

/// Like [`run`], and takes every exit code but 0 for an error.
///
/// # Errors
///
/// Those of [`run`], and the exit code.
pub fn must(command: &mut Command) -> Result<()> {
    let status = run(command)?;
    if !status.success() {
        bail!("{} ended with {status}", name(command));
    }
    Ok(())
}

/// Like [`must`], with all output added to a file, of which the error shows the end.
///
/// # Errors
///
/// Those of [`must`], and the file's.
pub fn quiet(command: &mut Command, log: &Path) -> Result<()> {
    let file = append(log)?;
    command.stdout(file.try_clone()?).stderr(file);
    let status = run(command)?;
    if !status.success() {
        bail!(
            "{} ended with {status}; its last lines:\n{}",
            name(command),
            tail(log)
        );
    }
    Ok(())
}

/// Runs a short program and returns what it wrote to standard output.
///
/// # Errors
///
/// When it cannot be started or fails; the error holds its standard error.
pub fn output(command: &mut Command) -> Result<String> {
    check_signal()?;
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {}", name(command)))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!(
            "{} ended with {}:\n{}",
            name(command),
            output.status,
            said.trim_end()
        );
    }
    String::from_utf8(output.stdout).with_context(|| format!("{} wrote no UTF-8", name(command)))
}

/// Like [`run`], and returns whether the program ended well and all that it wrote.
///
/// # Errors
///
/// Those of [`run`], and those of a temporary file.
pub fn said(command: &mut Command) -> Result<(bool, String)> {
    let mut file = tempfile::tempfile()?;
    command.stdout(file.try_clone()?).stderr(file.try_clone()?);
    let status = run(command)?;
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok((
        status.success(),
        String::from_utf8_lossy(&bytes).into_owned(),
    ))
}

/// Opens a log file to add to it.
pub(crate) fn append(log: &Path) -> Result<File> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(log)
        .with_context(|| format!("cannot write `{}`", log.display()))
}

/// The last lines of a log file, indented.
pub(crate) fn tail(log: &Path) -> String {
    const LINES: usize = 25;
    let Ok(bytes) = std::fs::read(log) else {
        return format!("    (`{}` cannot be read)", log.display());
    };
    let text = String::from_utf8_lossy(&bytes);
    let skip = text.lines().count().saturating_sub(LINES);
    let lines: Vec<_> = text
        .lines()
        .skip(skip)
        .map(|line| format!("    {line}"))
        .collect();
    lines.join("\n")
}

/// Ends a child: the signal, then SIGKILL when it takes too long.
pub(crate) fn end(child: &mut Child, signal: Signal) -> Result<()> {
    if child.try_wait()?.is_some() {
        return Ok(());
    }
    kill_process(pid(child.id())?, signal).context("a server cannot be signalled")?;
    if !ends_within(child, GRACE)? {
        child.kill()?;
        child.wait()?;
    }
    Ok(())
}

/// The number of a process as signals want it.
pub(crate) fn pid(number: u32) -> Result<Pid> {
    i32::try_from(number)
        .ok()
        .and_then(Pid::from_raw)
        .with_context(|| format!("`{number}` is no process number"))
}

fn end_group(child: &mut Child, stop: &Stop) -> Result<()> {
    let group = pid(child.id())?;
    let signal = match stop {
        Stop::Signal(2) => Signal::INT,
        _ => Signal::TERM,
    };
    // The group may be gone by now, which is what is wanted.
    let _ = kill_process_group(group, signal);
    ends_within(child, GRACE)?;
    // What is left of the group has had its time, or has lost the program it worked for.
    let _ = kill_process_group(group, Signal::KILL);
    child.wait()?;
    Ok(())
}

fn ends_within(child: &mut Child, limit: Duration) -> Result<bool> {
    let deadline = Instant::now() + limit;
    while child.try_wait()?.is_none() {
        if Instant::now() >= deadline {
            return Ok(false);
        }
        sleep(PAUSE);
    }
    Ok(true)
}

fn name(command: &Command) -> String {
    let words = command.get_args().take(3).map(|arg| arg.to_string_lossy());
    let words: Vec<_> = std::iter::once(command.get_program().to_string_lossy())
        .chain(words)
        .collect();
    format!("`{}`", words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader};

    #[test]
    fn a_failing_program_is_an_error_with_its_words() {
        let error = output(Command::new("sh").args(["-c", "echo why >&2; exit 4"]))
            .expect_err("exit code 4 is an error");
        let text = format!("{error:#}");
        assert!(text.contains("why") && text.contains('4'), "{text}");
    }

    #[test]
    fn all_that_a_program_says_is_returned() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo one; echo two >&2; exit 4"]);
        let said = said(&mut command).expect("it runs");
        assert_eq!(said, (false, "one\ntwo\n".to_owned()));
    }

    #[test]
    fn a_quiet_program_shows_its_last_lines() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = folder.path().join("log");
        let mut command = Command::new("sh");
        command.args(["-c", "for i in $(seq 1 60); do echo line-$i; done; exit 1"]);
        let text = format!("{:#}", quiet(&mut command, &log).expect_err("fails"));
        assert!(
            text.contains("line-60") && !text.contains("line-30\n"),
            "{text}"
        );
    }

    /// The installer of MariaDB is such a program: a script that starts a server.
    #[test]
    fn a_program_leaves_no_one_behind() {
        let mut child = Command::new("sh")
            .args([
                "-c",
                "sh -c 'trap \"\" TERM; echo $$; while :; do sleep 1; done' & wait",
            ])
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .expect("sh starts");
        let mut line = String::new();
        let mut output = BufReader::new(child.stdout.take().expect("is a pipe"));
        output.read_line(&mut line).expect("a number");
        end_group(&mut child, &Stop::Signal(15)).expect("it ends");
        // All ends of the pipe are closed once nobody is left.
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || sender.send(output.read_line(&mut String::new()).is_ok()));
        let closed = receiver.recv_timeout(Duration::from_secs(10));
        let left = pid(line.trim().parse().expect("a number")).expect("a process");
        let _ = kill_process(left, Signal::KILL);
        assert_eq!(closed, Ok(true));
    }

    #[test]
    fn a_child_is_ended() {
        let mut child = Command::new("sleep")
            .arg("600")
            .spawn()
            .expect("sleep starts");
        end(&mut child, Signal::TERM).expect("it ends");
        assert!(child.try_wait().expect("can be asked").is_some());
    }
}
