//! Servers that outlive a command, and the file that remembers them.

use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};
use std::{env, fs};

use anyhow::{Context, Result};
use rustix::process::{Signal, kill_process};
use serde::{Deserialize, Serialize};

use super::{Server, remove, signal};
use crate::process;
use crate::workspace;

/// How long a server may take to stop.
const LIMIT: Duration = Duration::from_secs(20);

/// The servers of `db up`.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Where they are.
    pub servers: Vec<Server>,
}

impl State {
    /// The file it is kept in.
    #[must_use]
    pub fn file() -> PathBuf {
        workspace::target().join("xtask-db.json")
    }

    /// Reads the file; without one there are no servers.
    ///
    /// # Errors
    ///
    /// When it cannot be read or is not ours.
    pub fn load() -> Result<Self> {
        let file = Self::file();
        match fs::read(&file) {
            Ok(bytes) => serde_json::from_slice(&bytes).with_context(|| {
                format!(
                    "`{}` is broken: stop its servers by hand and remove it",
                    file.display()
                )
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error).with_context(|| format!("`{}`", file.display())),
        }
    }

    /// Writes the file, which only we can read as it holds passwords, or removes it when there are
    /// no servers.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn save(&self) -> Result<()> {
        let file = Self::file();
        if self.servers.is_empty() {
            return match fs::remove_file(&file) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
                _ => Ok(()),
            };
        }
        let folder = workspace::target();
        fs::create_dir_all(&folder)?;
        let mut scratch = tempfile::NamedTempFile::new_in(&folder)?;
        serde_json::to_writer_pretty(&mut scratch, self)?;
        scratch
            .persist(&file)
            .with_context(|| format!("cannot write `{}`", file.display()))?;
        Ok(())
    }
}

impl Server {
    /// Whether its process is still the server: its command line names the data folder.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        fs::read(format!("/proc/{}/cmdline", self.pid)).is_ok_and(|line| names(&line, &self.data))
    }

    /// Stops it, if it is still there, and removes its folders.
    ///
    /// # Errors
    ///
    /// When the system refuses the signal or the removal.
    pub fn stop(&self) -> Result<()> {
        if self.is_alive() {
            signal(self).with_context(|| format!("cannot stop process {}", self.pid))?;
            if !self.is_gone_within(LIMIT) {
                kill_process(process::pid(self.pid)?, Signal::KILL)?;
                self.is_gone_within(LIMIT);
            }
        }
        remove(&self.data).and(remove(&self.folder))
    }

    fn is_gone_within(&self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        while self.is_alive() {
            if Instant::now() >= deadline {
                return false;
            }
            sleep(process::PAUSE);
        }
        true
    }
}

/// Whether a command line of `/proc` has the folder as a word, or as the value of an option.
fn names(line: &[u8], folder: &Path) -> bool {
    let folder = folder.as_os_str().as_encoded_bytes();
    line.split(|byte| *byte == 0).any(|word| {
        word == folder
            || word
                .strip_suffix(folder)
                .is_some_and(|option| option.ends_with(b"="))
    })
}

/// The environment of programs that use these databases: what each server says, and the names.
pub(crate) fn environment<'a>(
    databases: &str,
    servers: impl Iterator<Item = &'a Server>,
) -> Vec<(String, String)> {
    let mut variables = vec![(String::from("AUDIT_TEST_DATABASES"), databases.to_owned())];
    variables.extend(servers.flat_map(Server::environment));
    variables
}

/// The variables of an earlier run that a new one must not see.
pub(crate) fn stale() -> impl Iterator<Item = std::ffi::OsString> {
    env::vars_os()
        .map(|(name, _)| name)
        .filter(|name| name.as_encoded_bytes().starts_with(b"AUDIT_TEST_"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::Database;

    #[test]
    fn a_command_line_names_its_folder_exactly() {
        let folder = Path::new("/run/audit-a/data");
        assert!(names(
            b"postgres\0-D\0/run/audit-a/data\0-p\x005432\0",
            folder
        ));
        assert!(names(
            b"mariadbd\0--datadir=/run/audit-a/data\0--port=1\0",
            folder
        ));
        for other in [
            &b"postgres\0-D\0/run/audit-a/data2\0"[..],
            b"postgres\0-D\0/other/run/audit-a/data\0",
            b"vi\0/run/audit-a/data/pg_hba.conf\0",
            b"",
        ] {
            assert!(!names(other, folder), "{}", String::from_utf8_lossy(other));
        }
    }

    fn server(pid: u32, folder: &Path) -> Server {
        Server {
            database: Database::Postgres(15),
            version: "15.18".into(),
            url: "postgres://postgres@127.0.0.1:1/postgres".into(),
            log: folder.join("server.log"),
            port: 1,
            pid,
            folder: folder.to_owned(),
            data: folder.join("data"),
        }
    }

    #[test]
    fn a_process_that_is_not_the_server_is_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut other = std::process::Command::new("sleep")
            .arg("600")
            .spawn()
            .expect("starts");
        let server = server(other.id(), folder.path());
        let stopped = server.stop();
        let still_there = other.try_wait().expect("can be asked").is_none();
        process::end(&mut other, Signal::TERM).expect("ends");
        stopped.expect("nothing to stop");
        assert!(still_there);
        assert!(!folder.path().exists());
    }

    #[test]
    fn state_is_read_as_written() {
        let state = State {
            servers: vec![server(7, Path::new("/run/x"))],
        };
        let text = serde_json::to_string(&state).expect("written");
        assert!(text.contains("\"postgres15\""), "{text}");
        assert_eq!(serde_json::from_str::<State>(&text).expect("read"), state);
    }

    #[test]
    fn variables_carry_address_and_log() {
        let server = server(7, Path::new("/run/x"));
        let variables = environment("sqlite,postgres15", std::iter::once(&server));
        let lines: Vec<_> = variables
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        assert_eq!(
            lines,
            [
                "AUDIT_TEST_DATABASES=sqlite,postgres15",
                "AUDIT_TEST_POSTGRES15_URL=postgres://postgres@127.0.0.1:1/postgres",
                "AUDIT_TEST_POSTGRES15_LOG=/run/x/server.log",
            ]
        );
    }
}
