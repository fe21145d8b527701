//! Finds the programs of the database servers, and fetches those that are missing.

mod debian;
mod integrity;
mod npm;

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::database::Database;
use crate::process;
use crate::workspace;

/// The programs of one server.
#[derive(Debug, Clone)]
pub struct Programs {
    /// What they are for.
    pub database: Database,
    /// The server: `postgres` or `mariadbd`.
    pub server: PathBuf,
    /// What makes its data folder: `initdb` or `mariadb-install-db`.
    pub installer: PathBuf,
    /// The folder that must be copied for the programs to run elsewhere; none for those of the
    /// system.
    pub bundle: Option<PathBuf>,
    /// The server's version, such as `15.18`.
    pub version: String,
}

/// Finds or fetches the programs of each database that has a server.
///
/// # Errors
///
/// [`crate::stop::Stop::Missing`] with the line to type when a program is missing that only root
/// can install; else when a download fails or is not what it should be.
pub fn programs(databases: &[Database]) -> Result<Vec<Programs>> {
    debian::install(&missing_packages(databases))?;
    databases
        .iter()
        .filter_map(|database| match database {
            Database::Sqlite => None,
            Database::Postgres(major) => Some(postgres(*major)),
            Database::Mariadb => Some(mariadb()),
        })
        .collect()
}

/// The Debian packages that are not here: servers, and `npm` when something must be fetched by it.
fn missing_packages(databases: &[Database]) -> Vec<&'static str> {
    let mut packages = Vec::new();
    for database in databases {
        match database {
            Database::Sqlite => {}
            Database::Postgres(major) if local_postgres(*major).is_some() => {}
            Database::Postgres(15) if debian::offers(debian::POSTGRES15) => {
                packages.push(debian::POSTGRES15);
            }
            Database::Postgres(major) => {
                if !npm::is_cached(*major) && on_path("npm").is_none() {
                    packages.push(debian::NPM);
                }
            }
            Database::Mariadb => {
                if local_mariadb().is_none() {
                    packages.extend(debian::MARIADB);
                }
                if !workspace::has_mariadb_client() {
                    packages.extend(debian::MARIADB_CLIENT);
                }
            }
        }
    }
    packages.dedup();
    packages
}

fn postgres(major: u8) -> Result<Programs> {
    let (folder, bundle) = match local_postgres(major) {
        Some(folder) => (folder, None),
        None => {
            let bundle = npm::fetch(major)?;
            (bundle.join("bin"), Some(bundle))
        }
    };
    let server = folder.join("postgres");
    Ok(Programs {
        database: Database::Postgres(major),
        version: version(&server)?,
        installer: folder.join("initdb"),
        server,
        bundle,
    })
}

fn mariadb() -> Result<Programs> {
    let (server, installer) = local_mariadb().with_context(|| {
        format!(
            "no MariaDB server found after `{}` were installed",
            debian::MARIADB.join("`, `")
        )
    })?;
    let version = version(&server)?;
    Ok(Programs {
        database: Database::Mariadb,
        server,
        installer,
        bundle: None,
        version,
    })
}

/// Where Debian's packages of PostgreSQL, and those of its project, put a version.
fn local_postgres(major: u8) -> Option<PathBuf> {
    let folder = Path::new("/usr/lib/postgresql")
        .join(major.to_string())
        .join("bin");
    (folder.join("postgres").is_file() && folder.join("initdb").is_file()).then_some(folder)
}

/// The server and its installer, which is a script that needs `my_print_defaults`.
fn local_mariadb() -> Option<(PathBuf, PathBuf)> {
    on_path("my_print_defaults")?;
    Some((on_path("mariadbd")?, on_path("mariadb-install-db")?))
}

/// A program in `PATH` or in the folders of the system's own.
fn on_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let system = [
        "/usr/sbin",
        "/usr/bin",
        "/usr/libexec",
        "/usr/local/sbin",
        "/usr/local/bin",
    ];
    env::split_paths(&path)
        .chain(system.into_iter().map(PathBuf::from))
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

fn version(server: &Path) -> Result<String> {
    let text = process::output(Command::new(server).arg("--version"))?;
    version_in(&text).with_context(|| format!("no version in `{}`", text.trim()))
}

/// The first word that starts with a digit, up to what is no digit or dot.
fn version_in(text: &str) -> Option<String> {
    let word = text
        .split_whitespace()
        .find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    word?
        .split(|c: char| !c.is_ascii_digit() && c != '.')
        .next()
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        for (text, wanted) in [
            (
                "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n",
                Some("15.18"),
            ),
            ("postgres (PostgreSQL) 18.4\n", Some("18.4")),
            (
                "/usr/sbin/mariadbd  Ver 10.11.19-MariaDB-0+deb12u1 for debian-linux-gnu",
                Some("10.11.19"),
            ),
            ("mariadbd from nowhere", None),
        ] {
            assert_eq!(version_in(text).as_deref(), wanted, "{text}");
        }
    }

    #[test]
    fn sqlite_needs_nothing() {
        assert!(missing_packages(&[Database::Sqlite]).is_empty());
        assert!(
            programs(&[Database::Sqlite])
                .expect("nothing to find")
                .is_empty()
        );
    }

    #[test]
    fn a_program_is_found_in_the_path() {
        assert!(on_path("sh").is_some_and(|file| file.is_absolute()));
        assert!(on_path("no-program-has-this-name").is_none());
    }
}
