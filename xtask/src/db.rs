//! `cargo xtask db`: servers for work by hand.

use anyhow::Result;

use crate::database::{Database, Selection, names};
use crate::servers::{self, Fleet, Place, Server, State};

/// What to do with the servers.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Db {
    /// Start the servers that do not run yet
    Up(Selection),
    /// Stop servers and remove their data; all of them when none is named
    Down(Selection),
    /// Print the variables that tests read, one NAME=VALUE a line
    Url(Selection),
    /// Tell which servers run
    Status(Selection),
}

impl Db {
    /// Does it.
    ///
    /// # Errors
    ///
    /// When a server does not start or stop, or the file that remembers them fails.
    pub fn run(&self) -> Result<()> {
        match self {
            Self::Up(selection) => up(selection),
            Self::Down(selection) => down(selection),
            Self::Url(selection) => url(selection),
            Self::Status(selection) => status(selection),
        }
    }
}

fn up(selection: &Selection) -> Result<()> {
    let mut state = State::load()?;
    forget_dead(&mut state)?;
    let has = |database: Database| state.servers.iter().any(|s| s.database == database);
    let wanted: Vec<_> = selection
        .databases()
        .into_iter()
        .filter(|d| !has(*d))
        .collect();
    let started = Fleet::start(&wanted, Place::Memory)?;
    state.servers.extend(started.servers().cloned());
    state.servers.sort_by_key(|server| server.database);
    // Only once they are written down may they go on without us.
    state.save()?;
    let _ = started.release();
    status(selection)
}

fn down(selection: &Selection) -> Result<()> {
    let mut state = State::load()?;
    let (stopping, staying) = std::mem::take(&mut state.servers)
        .into_iter()
        .partition::<Vec<_>, _>(|server| is_meant(server, selection));
    state.servers = staying;
    let mut result = Ok(());
    for server in stopping {
        match server.stop() {
            Ok(()) => println!("{} stopped", server.database),
            Err(error) => {
                result = Err(error);
                state.servers.push(server);
            }
        }
    }
    state.save()?;
    result
}

fn url(selection: &Selection) -> Result<()> {
    let state = State::load()?;
    let servers = || {
        state
            .servers
            .iter()
            .filter(|s| is_meant(s, selection) && s.is_alive())
    };
    let mut databases = vec![Database::Sqlite];
    databases.extend(servers().map(|server| server.database));
    for (name, value) in servers::environment(&names(&databases), servers()) {
        println!("{name}={value}");
    }
    Ok(())
}

fn status(selection: &Selection) -> Result<()> {
    let state = State::load()?;
    let mut count = 0;
    for server in state
        .servers
        .iter()
        .filter(|server| is_meant(server, selection))
    {
        count += 1;
        let life = if server.is_alive() { "runs" } else { "is gone" };
        println!(
            "{} {} {life}: process {}, port {}, {}",
            server.database,
            server.version,
            server.pid,
            server.port,
            server.folder.display()
        );
    }
    if count == 0 {
        println!("no server runs; `cargo xtask db up` starts them");
    }
    Ok(())
}

fn is_meant(server: &Server, selection: &Selection) -> bool {
    selection.is_default() || selection.databases().contains(&server.database)
}

/// Removes what is left of servers that ended by themselves.
fn forget_dead(state: &mut State) -> Result<()> {
    let (alive, dead): (Vec<_>, Vec<_>) = std::mem::take(&mut state.servers)
        .into_iter()
        .partition(Server::is_alive);
    state.servers = alive;
    for server in dead {
        server.stop()?;
    }
    Ok(())
}
