//! How a private MariaDB server is set up and started.

use std::fs;
use std::io::Read;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use super::{Engine, Launch, Place, ready};
use crate::process;

/// MariaDB of any version.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mariadb;

/// Every statement is logged; nothing has to survive. Without option files the character set
/// would be latin1: this is the one Debian's files set.
const SETTINGS: [&str; 12] = [
    "--bind-address=127.0.0.1",
    "--character-set-server=utf8mb4",
    "--collation-server=utf8mb4_general_ci",
    "--default-time-zone=+00:00",
    "--general-log=1",
    "--innodb-fast-shutdown=2",
    "--innodb-flush-log-at-trx-commit=2",
    "--innodb-log-file-size=32M",
    "--log-output=FILE",
    "--max-connections=200",
    "--performance-schema=0",
    "--skip-log-bin",
];

impl Engine for Mariadb {
    fn install(&self, launch: &Launch<'_>) -> Result<()> {
        let setup = launch.folder.join("setup.sql");
        fs::write(&setup, setup_sql(&launch.password))?;
        launch.account.own(&setup)?;
        let mut install = Command::new(&launch.programs.installer);
        launch.account.apply(&mut install, launch.folder);
        install
            .args(["--no-defaults", "--auth-root-authentication-method=normal"])
            .args([
                "--skip-test-db",
                "--skip-name-resolve",
                "--innodb-log-file-size=32M",
            ])
            .arg(format!("--datadir={}", launch.data.display()))
            .arg(format!("--tmpdir={}", launch.folder.display()));
        process::quiet(&mut install, &launch.folder.join("install.log"))
    }

    fn command(&self, launch: &Launch<'_>, port: u16) -> Command {
        let mut command = Command::new(&launch.programs.server);
        launch.account.apply(&mut command, launch.folder);
        let file = |name: &str| launch.folder.join(name).display().to_string();
        command
            .arg("--no-defaults")
            .arg(format!("--datadir={}", launch.data.display()))
            .arg(format!("--port={port}"))
            .arg(format!("--socket={}", file("socket")))
            .arg(format!("--pid-file={}", file("pid")))
            .arg(format!("--tmpdir={}", launch.folder.display()))
            .arg(format!("--init-file={}", file("setup.sql")))
            .arg(format!("--general-log-file={}", file("statements.log")))
            .args(SETTINGS);
        // On a disk something is measured: a log of a million events stays in memory, as it does with the
        // servers that read through the cache of the system.
        let pool = match launch.place {
            Place::Disk => "--innodb-buffer-pool-size=2G",
            Place::Memory => "--innodb-buffer-pool-size=128M",
        };
        command.arg(pool);
        command
    }

    /// Its process file, written when it listens, and the first packet of its protocol.
    fn is_ready(&self, launch: &Launch<'_>, port: u16, pid: u32) -> bool {
        fs::read_to_string(launch.folder.join("pid"))
            .is_ok_and(|text| text.trim().parse() == Ok(pid))
            && greets(port)
    }

    fn url(&self, launch: &Launch<'_>, port: u16) -> String {
        format!("mysql://root:{}@127.0.0.1:{port}/", launch.password)
    }

    fn statements(&self, launch: &Launch<'_>) -> PathBuf {
        launch.folder.join("statements.log")
    }
}

/// Leaves one administrator, with a password, and no anonymous user, which would go before the
/// users that tests make.
fn setup_sql(password: &str) -> String {
    format!(
        "DELETE FROM mysql.global_priv WHERE User = '' OR (User = 'root' AND Host <> 'localhost');\n\
         FLUSH PRIVILEGES;\nALTER USER root@localhost IDENTIFIED BY '{password}';\n"
    )
}

/// Whether a server sends version 10 of the handshake.
///
/// # Source
///
/// <https://mariadb.com/kb/en/connection/#initial-handshake-packet>: a header of four bytes, then
/// the version.
fn greets(port: u16) -> bool {
    let mut start = [0; 5];
    ready::connect(port).is_some_and(|mut stream| {
        stream.read_exact(&mut start).is_ok() && matches!(start, [_, _, _, _, 10])
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::net::TcpListener;

    fn greeted_with(bytes: &'static [u8]) -> bool {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a client");
            stream.write_all(bytes).expect("written");
        });
        let greets = greets(port);
        server.join().expect("no panic");
        greets
    }

    #[test]
    fn the_first_packet_is_looked_at() {
        assert!(greeted_with(b"\x5b\0\0\0\x0a10.11.19-MariaDB"));
        // An error packet, such as "too many connections".
        assert!(!greeted_with(b"\x17\0\0\0\xff\x10\x04Too many connections"));
        assert!(!greeted_with(b"\x5b\0\0"));
    }
}
