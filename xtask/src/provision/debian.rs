//! Installs Debian packages when we are root, without starting a service.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::on_path;
use crate::account::is_root;
use crate::process;
use crate::stop::Stop;

/// The server of MariaDB without its service, and `my_print_defaults`, which its installer calls.
pub(super) const MARIADB: [&str; 2] = ["mariadb-server-core", "mariadb-client-core"];
/// The client library of MariaDB, which the adapter for Diesel links, and what finds it.
pub(super) const MARIADB_CLIENT: [&str; 2] = ["libmariadb-dev", "pkg-config"];
/// The client of npm's registry.
pub(super) const NPM: &str = "npm";
/// PostgreSQL 15.
pub(super) const POSTGRES15: &str = "postgresql-15";

/// Whether a package can be installed here. `apt-get update` may first have to run.
pub(super) fn offers(package: &str) -> bool {
    if on_path("apt-get").is_none() {
        return false;
    }
    let known = || process::output(Command::new("apt-cache").args(["show", package])).is_ok();
    known() || (is_root() && update().is_ok() && known())
}

/// Installs the packages.
pub(super) fn install(packages: &[&str]) -> Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    if !is_root() || on_path("apt-get").is_none() {
        return Err(missing(packages).into());
    }
    println!("installing {}", packages.join(" "));
    update()?;
    let _unchanged = NoCluster::set()?;
    let install = ["install", "--yes", "--no-install-recommends"];
    apt_get(&[&install, packages].concat()).with_context(|| {
        format!(
            "Debian packages `{}` were not installed",
            packages.join("`, `")
        )
    })
}

fn missing(packages: &[&str]) -> Stop {
    let list = packages.join(" ");
    Stop::Missing {
        what: format!("not on this machine: {list} (only root installs packages)"),
        line: format!("sudo apt-get update && sudo apt-get install --no-install-recommends {list}"),
    }
}

fn update() -> Result<()> {
    apt_get(&["update"]).context("`apt-get update` failed")
}

/// Runs `apt-get` without questions; its pages of output are shown only when it fails.
fn apt_get(words: &[&str]) -> Result<()> {
    let log = tempfile::NamedTempFile::new().context("no temporary file")?;
    let mut command = Command::new("apt-get");
    command
        .env("DEBIAN_FRONTEND", "noninteractive")
        .args(["-o", "DPkg::Lock::Timeout=600"]);
    process::quiet(command.args(words), log.path())
}

/// While it lives, installing a PostgreSQL server creates and starts no cluster.
///
/// # Source
///
/// `create_main_cluster` and `include_dir` of pg_createcluster(1).
struct NoCluster;

impl NoCluster {
    const PARENT: &str = "/etc/postgresql-common";
    const FOLDER: &str = "/etc/postgresql-common/createcluster.d";
    const FILE: &str = "/etc/postgresql-common/createcluster.d/audit-xtask.conf";

    fn set() -> Result<Self> {
        let guard = Self;
        fs::create_dir_all(Self::FOLDER)
            .and_then(|()| fs::write(Self::FILE, "create_main_cluster = false\n"))
            .with_context(|| format!("cannot write `{}`", Self::FILE))?;
        Ok(guard)
    }
}

impl Drop for NoCluster {
    fn drop(&mut self) {
        // The folders stay when a package or someone else has put something into them.
        let _ = fs::remove_file(Self::FILE);
        for folder in [Self::FOLDER, Self::PARENT] {
            let _ = fs::remove_dir(Path::new(folder));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_to_type_names_every_package() {
        let stop = missing(&MARIADB);
        let text = stop.to_string();
        assert!(text.ends_with(
            "sudo apt-get update && sudo apt-get install --no-install-recommends \
             mariadb-server-core mariadb-client-core"
        ));
        assert_eq!(stop.exit_code(), 3);
    }
}
