//! `audit migrate print`: the audit tables for the tool that runs an application's migrations.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use audit_core::Dialect;
use audit_sqlx::maintenance::{Script, scripts};
use clap::{Args, ValueEnum};

use crate::cli::Settings;
use crate::destination::Destination;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::output::{talk, write};
use crate::tool::Tool;

/// The version of a step for tools that count by the date: before any of an application, so that none
/// takes it for the last one, which a `revert` would take back.
const FIRST_VERSION: i64 = 19_700_101_000_000;

/// What SeaORM runs.
const MIGRATOR: &str = include_str!("../../../templates/audit_migrator.rs");

/// The arguments of `audit migrate print`.
#[derive(Debug, Args)]
pub(crate) struct Print {
    /// The tool [default: by the dependencies in `Cargo.toml`]
    #[arg(long = "for", value_enum, value_name = "TOOL")]
    tool: Option<Tool>,
    /// The database [default: by the URL]
    #[arg(long, value_enum, value_name = "NAME")]
    dialect: Option<Name>,
    /// The folder to write the files into, such as `migrations` [default: standard output]
    #[arg(short, long, value_name = "FOLDER")]
    output: Option<PathBuf>,
    /// Replace files that are there
    #[arg(long, requires = "output")]
    force: bool,
}

/// The name of a database.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Name {
    Mariadb,
    Mysql,
    Postgres,
    Sqlite,
}

/// A file of a tool.
struct File {
    path: PathBuf,
    text: String,
}

impl Print {
    pub(super) fn run(&self, settings: &Settings) -> Result<Exit, Fault> {
        let files = match self.tool.map_or_else(Tool::detect, Ok)? {
            Tool::Diesel => self.files(settings, of_diesel)?,
            Tool::SeaOrm => vec![File {
                path: PathBuf::from("audit_migrator.rs"),
                text: MIGRATOR.to_owned(),
            }],
            Tool::Sqlx => self.files(settings, of_sqlx)?,
        };
        match &self.output {
            None => print(&files)?,
            Some(folder) => {
                for file in files {
                    self.keep(folder, &file)?;
                }
            }
        }
        Ok(Exit::Success)
    }

    fn files(&self, settings: &Settings, of: fn(&Script) -> [File; 2]) -> Result<Vec<File>, Fault> {
        let dialect = match self.dialect {
            Some(Name::Mariadb | Name::Mysql) => Dialect::MySql,
            Some(Name::Postgres) => Dialect::Postgres,
            Some(Name::Sqlite) => Dialect::Sqlite,
            None => settings.database()?.dialect(),
        };
        Ok(scripts(dialect).iter().flat_map(of).collect())
    }

    /// Writes a file, unless it is there as it is.
    fn keep(&self, folder: &Path, file: &File) -> Result<(), Fault> {
        let path = folder.join(&file.path);
        if fs::read_to_string(&path).is_ok_and(|there| there == file.text) {
            talk(&format!("`{}` is there already", path.display()));
            return Ok(());
        }
        if let Some(parent) = path.parent() {
            let made = fs::create_dir_all(parent);
            made.map_err(|source| Fault::File {
                path: path.clone(),
                source,
            })?;
        }
        let destination = Destination::public(&path, self.force)?;
        let written = (&destination).write_all(file.text.as_bytes());
        written.map_err(|error| destination.fault(error))?;
        destination.keep()?;
        talk(&format!("wrote `{}`", path.display()));
        Ok(())
    }
}

fn of_sqlx(script: &Script) -> [File; 2] {
    let name = versioned(script);
    let file = |way: &str, text| File {
        path: PathBuf::from(format!("{name}.{way}.sql")),
        text,
    };
    [file("up", up(script)), file("down", down(script))]
}

fn of_diesel(script: &Script) -> [File; 2] {
    let folder = PathBuf::from(versioned(script));
    let file = |name, text| File {
        path: folder.join(name),
        text,
    };
    [file("up.sql", up(script)), file("down.sql", down(script))]
}

fn versioned(script: &Script) -> String {
    format!("{}_{}", FIRST_VERSION + script.version, script.name)
}

fn up(script: &Script) -> String {
    format!(
        "-- Made by `audit migrate print`. The triggers depend on the rules and on the application's\n\
         -- tables: `audit triggers install` makes them, and so does `migrate` of the adapter.\n\n{}",
        script.up
    )
}

fn down(script: &Script) -> String {
    format!(
        "-- Made by `audit migrate print`. This takes every event with it.\n\n{}",
        script.down
    )
}

/// Prints files one after the other; where there are several, each under its name.
fn print(files: &[File]) -> Result<(), Fault> {
    let mut text = String::new();
    for file in files {
        if files.len() > 1 {
            text.push_str(&format!("-- {}\n", file.path.display()));
        }
        text.push_str(&file.text);
        if files.len() > 1 {
            text.push('\n');
        }
    }
    write(text.as_bytes())
}
