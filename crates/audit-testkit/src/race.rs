//! Processes that do the same at the same moment.

use std::io::Read as _;
use std::process::{Child, Command, Stdio};

/// What tells a process that it is one of a race: the database it is on.
const URL: &str = "AUDIT_TEST_RACE_URL";

/// The URL of the database to race on, where this process is one of a [`race`]: given at the moment
/// at which all start.
#[must_use]
pub fn racer() -> Option<String> {
    let url = std::env::var(URL).ok()?;
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    Some(url)
}

/// Runs the test that calls this in so many processes, each of which finds itself a [`racer`]; all
/// must pass. It is called on the thread of the test, which has its name.
pub fn race(processes: usize, url: &str) {
    let name = std::thread::current().name().unwrap().to_owned();
    let mut racers: Vec<Child> = (0..processes).map(|_| start(&name, url)).collect();
    // They wait for the end of their input.
    let starts: Vec<_> = racers.iter_mut().map(|racer| racer.stdin.take()).collect();
    drop(starts);
    for racer in racers {
        let output = racer.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        // One that ran nothing would succeed as well.
        assert!(
            output.status.success() && said.contains("1 passed"),
            "{said}{errors}"
        );
    }
}

fn start(name: &str, url: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(URL, url)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}
