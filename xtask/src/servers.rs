//! Private database servers: started from local programs, stopped and removed by us.

mod mariadb;
mod postgres;
mod ready;
mod state;

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;
use std::{fs, thread};

use anyhow::{Context, Result, anyhow, bail};
use rustix::process::Signal;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

pub use self::state::State;
pub(crate) use self::state::{environment, stale};
use crate::account::Account;
use crate::database::Database;
use crate::process;
use crate::provision::{self, Programs};

/// How often a server is started anew because another program took its port.
const ATTEMPTS: usize = 8;

/// Where servers keep their data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// On the disk, as a server that is measured does.
    Disk,
    /// In memory where there is enough, for tests: each makes a database, and what that costs is
    /// files.
    Memory,
}

/// Where a server is and how it is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// Which database it is.
    pub database: Database,
    /// Its version, such as `15.18`.
    pub version: String,
    /// Its URL, with the administrator's name and password.
    pub url: String,
    /// The file to which it writes every statement.
    pub log: PathBuf,
    /// Its port on 127.0.0.1.
    pub port: u16,
    /// Its process.
    pub pid: u32,
    /// Its logs, and its data where they are not in memory.
    pub folder: PathBuf,
    /// Its data, the folder that its command line names.
    pub data: PathBuf,
}

impl Server {
    /// What a program needs to know, as environment variables.
    #[must_use]
    pub fn environment(&self) -> [(String, String); 2] {
        let name = self.database.variable();
        [
            (format!("AUDIT_TEST_{name}_URL"), self.url.clone()),
            (
                format!("AUDIT_TEST_{name}_LOG"),
                self.log.display().to_string(),
            ),
        ]
    }
}

/// A server that ends with this value.
#[derive(Debug)]
struct Running {
    server: Server,
    child: Child,
    folders: [Folder; 2],
}

/// A folder of a server's, removed with this value unless it was handed over.
#[derive(Debug)]
struct Folder(Option<PathBuf>);

/// Servers that are stopped, and whose folders are removed, when this value goes.
#[derive(Debug, Default)]
pub struct Fleet {
    running: Vec<Running>,
}

impl Fleet {
    /// Starts a server for each database that has one, and returns when all accept connections.
    ///
    /// # Errors
    ///
    /// Those of [`provision::programs`]; when a server does not start, with the end of its log;
    /// [`crate::stop::Stop::Signal`]. Servers that did start are stopped.
    pub fn start(databases: &[Database], place: Place) -> Result<Self> {
        let programs = provision::programs(databases)?;
        if programs.is_empty() {
            return Ok(Self::default());
        }
        let account = Account::find()?;
        let results: Vec<Result<Running>> = thread::scope(|scope| {
            let start = |programs| scope.spawn(move || launch(programs, account, place));
            let handles: Vec<_> = programs.iter().map(start).collect();
            let join = |handle: thread::ScopedJoinHandle<'_, Result<Running>>| {
                handle
                    .join()
                    .unwrap_or_else(|_| Err(anyhow!("the start of a server panicked")))
            };
            handles.into_iter().map(join).collect()
        });
        let mut fleet = Self::default();
        let mut failure = None;
        for result in results {
            match result {
                Ok(running) => fleet.running.push(running),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        // With an error the fleet is dropped here, which stops the servers that did start.
        failure.map_or(Ok(fleet), Err)
    }

    /// The servers.
    pub fn servers(&self) -> impl Iterator<Item = &Server> {
        self.running.iter().map(|running| &running.server)
    }

    /// The server of a database; none for SQLite or when it was not started.
    #[must_use]
    pub fn server(&self, database: Database) -> Option<&Server> {
        self.servers().find(|server| server.database == database)
    }

    /// Lets the servers go on without us, and returns where they are.
    #[must_use]
    pub fn release(mut self) -> Vec<Server> {
        let release = |mut running: Running| {
            for folder in &mut running.folders {
                folder.0 = None;
            }
            running.server
        };
        self.running.drain(..).map(release).collect()
    }

    /// Stops the servers and removes their folders.
    ///
    /// # Errors
    ///
    /// When a server does not stop or a folder cannot be removed; the others are seen to first.
    pub fn stop(mut self) -> Result<()> {
        self.end()
    }

    fn end(&mut self) -> Result<()> {
        let mut result = Ok(());
        // Signals go out first, so that the servers stop at the same time.
        for running in &self.running {
            let _ = signal(&running.server);
        }
        for mut running in self.running.drain(..) {
            let ended = process::end(&mut running.child, signal_of(running.server.database));
            result = result.and(ended);
            for folder in &mut running.folders {
                result = result.and(folder.remove());
            }
        }
        result
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            eprintln!("a server was not stopped: {error:#}");
        }
    }
}

impl Folder {
    fn remove(&mut self) -> Result<()> {
        self.0.take().map_or(Ok(()), |path| remove(&path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = self.remove() {
            eprintln!("{error:#}");
        }
    }
}

/// A server on its way up.
#[derive(Debug)]
struct Launch<'a> {
    programs: &'a Programs,
    account: Account,
    folder: &'a Path,
    data: PathBuf,
    place: Place,
    log: PathBuf,
    password: String,
}

/// What the two engines do in their own way.
trait Engine {
    /// Makes the data folder.
    fn install(&self, launch: &Launch<'_>) -> Result<()>;
    /// The command that starts the server in the foreground.
    fn command(&self, launch: &Launch<'_>, port: u16) -> Command;
    /// Whether the server of this process says that it accepts connections.
    fn is_ready(&self, launch: &Launch<'_>, port: u16, pid: u32) -> bool;
    /// The address for the administrator.
    fn url(&self, launch: &Launch<'_>, port: u16) -> String;
    /// The file with every statement.
    fn statements(&self, launch: &Launch<'_>) -> PathBuf;
}

fn engine(database: Database) -> &'static dyn Engine {
    match database {
        Database::Mariadb => &mariadb::Mariadb,
        Database::Sqlite | Database::Postgres(_) => &postgres::Postgres,
    }
}

fn launch(programs: &Programs, account: Account, place: Place) -> Result<Running> {
    let database = programs.database;
    let engine = engine(database);
    let path = account.folder(&database.to_string())?.keep();
    let folder = Folder(Some(path.clone()));
    let memory = match place {
        Place::Disk => None,
        Place::Memory => account.memory(&database.to_string()),
    };
    let data = memory.map_or_else(|| path.join("data"), TempDir::keep);
    let folders = [folder, Folder(Some(data.clone()))];
    let programs = within_reach(programs, account, &path)?;
    let launch = Launch {
        programs: &programs,
        account,
        data,
        place,
        log: path.join("server.log"),
        folder: &path,
        password: uuid::Uuid::new_v4().simple().to_string(),
    };
    engine
        .install(&launch)
        .with_context(|| format!("{database} could not be set up"))?;
    let (child, port) = start(engine, &launch)?;
    let server = Server {
        database,
        version: programs.version.clone(),
        url: engine.url(&launch, port),
        log: engine.statements(&launch),
        port,
        pid: child.id(),
        folder: path.clone(),
        data: launch.data,
    };
    Ok(Running {
        server,
        child,
        folders,
    })
}

/// Copies programs into the server's folder when its user cannot reach them where they are.
fn within_reach(programs: &Programs, account: Account, folder: &Path) -> Result<Programs> {
    let mut programs = programs.clone();
    let Some(bundle) = programs
        .bundle
        .clone()
        .filter(|bundle| !account.reaches(bundle))
    else {
        return Ok(programs);
    };
    let copy = folder.join("programs");
    process::must(
        Command::new("cp")
            .args(["--archive", "--"])
            .arg(&bundle)
            .arg(&copy),
    )?;
    for program in [&mut programs.server, &mut programs.installer] {
        *program = copy.join(program.strip_prefix(&bundle)?);
    }
    Ok(programs)
}

fn start(engine: &dyn Engine, launch: &Launch<'_>) -> Result<(Child, u16)> {
    let database = launch.programs.database;
    for _ in 0..ATTEMPTS {
        let port = ready::free_port()?;
        let log = process::append(&launch.log)?;
        let mut command = engine.command(launch, port);
        command.stdout(log.try_clone()?).stderr(log);
        let mut child = ready::spawn(&mut command)?;
        let pid = child.id();
        match ready::wait(&mut child, || engine.is_ready(launch, port, pid)) {
            Ok(ready::Outcome::Ready) => return Ok((child, port)),
            Ok(ready::Outcome::Ended) if ready::port_was_taken(&launch.log) => {
                fs::write(&launch.log, "")?;
            }
            Ok(outcome) => {
                let _ = process::end(&mut child, Signal::KILL);
                bail!(
                    "{database} {outcome}; the end of its log:\n{}",
                    process::tail(&launch.log)
                );
            }
            Err(error) => {
                let _ = process::end(&mut child, Signal::KILL);
                return Err(error);
            }
        }
    }
    bail!("{database} found its port taken {ATTEMPTS} times; try again")
}

/// What asks a server to stop at once: nothing on its disk is of use afterwards.
fn signal_of(database: Database) -> Signal {
    match database {
        Database::Mariadb => Signal::TERM,
        Database::Sqlite | Database::Postgres(_) => Signal::QUIT,
    }
}

fn signal(server: &Server) -> Result<()> {
    Ok(rustix::process::kill_process(
        process::pid(server.pid)?,
        signal_of(server.database),
    )?)
}

/// Removes a folder in which the last processes of a server may still be writing.
fn remove(path: &Path) -> Result<()> {
    const TRIES: u32 = 50;
    let mut result = fs::remove_dir_all(path);
    for _ in 0..TRIES {
        match &result {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(_) => thread::sleep(Duration::from_millis(100)),
            Ok(()) => return Ok(()),
        }
        result = fs::remove_dir_all(path);
    }
    result.with_context(|| format!("cannot remove `{}`", path.display()))
}
