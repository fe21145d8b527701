//! How a private PostgreSQL server is set up and started.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use super::{Engine, Launch, Place, ready};
use crate::process;

/// PostgreSQL of any version.
#[derive(Debug, Clone, Copy)]
pub(super) struct Postgres;

/// Who may connect. The superuser needs its password, as it can run programs; roles made by tests
/// need none.
const ACCESS: &str = "host all postgres 127.0.0.1/32 password\nhost all all 127.0.0.1/32 trust\n\
    host replication all 127.0.0.1/32 password\n";

/// Every statement is logged; nothing has to survive.
const SETTINGS: [&str; 12] = [
    "autovacuum_naptime=10s",
    "fsync=off",
    "full_page_writes=off",
    "listen_addresses=127.0.0.1",
    "log_destination=stderr",
    "log_parameter_max_length=0",
    "log_statement=all",
    "log_timezone=UTC",
    "max_connections=200",
    "synchronous_commit=off",
    "timezone=UTC",
    "unix_socket_directories=",
];

impl Engine for Postgres {
    fn install(&self, launch: &Launch<'_>) -> Result<()> {
        let password = launch.folder.join("password");
        fs::write(&password, &launch.password)?;
        launch.account.own(&password)?;
        let mut initdb = Command::new(&launch.programs.installer);
        launch.account.apply(&mut initdb, launch.folder);
        initdb
            .args([
                "--username=postgres",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
            ])
            .args(["--auth=password", "--no-instructions", "--pwfile"])
            .arg(&password)
            .arg("--pgdata")
            .arg(&launch.data);
        process::quiet(&mut initdb, &launch.folder.join("install.log"))?;
        fs::write(launch.data.join("pg_hba.conf"), ACCESS).context("`pg_hba.conf`")
    }

    fn command(&self, launch: &Launch<'_>, port: u16) -> Command {
        let mut command = Command::new(&launch.programs.server);
        launch.account.apply(&mut command, launch.folder);
        command
            .arg("-D")
            .arg(&launch.data)
            .arg("-p")
            .arg(port.to_string());
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        if launch.place == Place::Memory {
            command.args(["-c", "max_wal_size=256MB"]);
        }
        command
    }

    /// The server's own word, the one `pg_ctl --wait` reads, and that its port answers.
    fn is_ready(&self, launch: &Launch<'_>, port: u16, pid: u32) -> bool {
        fs::read_to_string(launch.data.join("postmaster.pid"))
            .is_ok_and(|text| says_ready(&text, pid))
            && ready::connect(port).is_some()
    }

    fn url(&self, launch: &Launch<'_>, port: u16) -> String {
        format!(
            "postgres://postgres:{}@127.0.0.1:{port}/postgres",
            launch.password
        )
    }

    fn statements(&self, launch: &Launch<'_>) -> PathBuf {
        launch.log.clone()
    }
}

/// Reads `postmaster.pid`.
///
/// # Source
///
/// Line 1 is the process, line 8 its state: `LOCK_FILE_LINE_PM_STATUS` in PostgreSQL's
/// `src/include/utils/pidfile.h`.
fn says_ready(text: &str, pid: u32) -> bool {
    let mut lines = text.lines();
    lines.next().and_then(|line| line.trim().parse().ok()) == Some(pid)
        && lines.nth(6).is_some_and(|state| state.trim() == "ready")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_ready_counts() {
        let file =
            |state: &str| format!("4711\n/d\n1700000000\n5432\n\n127.0.0.1\n  1 2\n{state}\n");
        assert!(says_ready(&file("ready   "), 4711));
        assert!(!says_ready(&file("starting"), 4711));
        assert!(!says_ready(&file("ready   "), 4712));
        assert!(!says_ready("4711\n", 4711));
        assert!(!says_ready("", 4711));
    }
}
