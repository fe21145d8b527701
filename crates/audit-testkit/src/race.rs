//! Processes that do the same at the same moment.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::catalog::Catalog;
use crate::database::{Raw, Server, TestDatabase};

/// What tells a process that it is one of a race.
const RACER: &str = "AUDIT_TEST_RACER";

/// What a process says when it is done with a round.
const DONE: &str = "the round is done";

/// How many processes race.
const PROCESSES: usize = 16;

/// How many rounds they race, where it is set.
const ROUNDS: &str = "AUDIT_MIGRATION_ROUNDS";

/// Races sixteen processes on a database with these tables and nothing else, for so many rounds,
/// each on a new database: all must succeed, and leave what one process alone leaves.
///
/// Each process runs the test that calls this, by the name of the thread that it is called on, and
/// finds itself a racer. It goes on from round to round, so that it is new in the first alone.
pub async fn race_migrations(
    server: Server,
    rounds: usize,
    tables: &str,
    migrate: impl AsyncFn(&str),
) {
    if std::env::var_os(RACER).is_some() {
        for url in std::io::stdin().lines() {
            migrate(&url.unwrap()).await;
            println!("{DONE}");
        }
        return;
    }
    let rounds = std::env::var(ROUNDS).map_or(rounds, |rounds| rounds.parse().unwrap());
    let (database, mut raw) = bare(server, tables).await;
    migrate(database.url()).await;
    let wanted = State::read(&mut raw, server).await;
    let mut race = Race::start();
    for round in 1..=rounds {
        let (database, mut raw) = bare(server, tables).await;
        race.run(database.url());
        let found = State::read(&mut raw, server).await;
        let when = format!("round {round} of {rounds}");
        found.catalog.assert_is(&wanted.catalog, &when);
        assert_eq!(found.rows, wanted.rows, "{when}");
    }
    race.finish();
}

async fn bare(server: Server, tables: &str) -> (TestDatabase, Raw) {
    let database = TestDatabase::create(server).await;
    let mut raw = database.raw().await;
    raw.run(tables).await;
    (database, raw)
}

/// What a migration leaves.
struct State {
    catalog: Catalog,
    /// Those of its own tables that are the same each time.
    rows: Vec<Vec<Option<String>>>,
}

impl State {
    async fn read(raw: &mut Raw, server: Server) -> Self {
        let dialect = server.dialect();
        let table = |name| audit_core::schema::qualified(dialect, name);
        let sql = format!(
            "SELECT name, checksum FROM {} UNION ALL SELECT name, value FROM {} \
             UNION ALL SELECT table_name, fingerprint FROM {} ORDER BY 1, 2",
            table("audit_migrations"),
            table("audit_settings"),
            table("audit_schemas"),
        );
        Self {
            catalog: Catalog::read(raw, dialect).await,
            rows: raw.texts(&sql).await,
        }
    }
}

/// Processes that wait for the database of the next round.
struct Race(Vec<Racer>);

struct Racer {
    process: Child,
    orders: ChildStdin,
    says: BufReader<ChildStdout>,
}

impl Race {
    fn start() -> Self {
        let name = std::thread::current().name().unwrap().to_owned();
        Self((0..PROCESSES).map(|_| Racer::start(&name)).collect())
    }

    /// One round: all are told where before any is waited for.
    fn run(&mut self, url: &str) {
        for racer in &mut self.0 {
            writeln!(racer.orders, "{url}").unwrap();
        }
        self.0.iter_mut().for_each(Racer::wait);
    }

    fn finish(self) {
        for Racer {
            mut process,
            orders,
            mut says,
        } in self.0
        {
            drop(orders);
            let mut said = String::new();
            says.read_to_string(&mut said).unwrap();
            assert!(process.wait().unwrap().success(), "{said}");
        }
    }
}

impl Racer {
    fn start(test: &str) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture"])
            .env(RACER, "")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            orders: process.stdin.take().unwrap(),
            says: BufReader::new(process.stdout.take().unwrap()),
            process,
        }
    }

    /// Waits for the end of its round. One that ran no test would say nothing.
    fn wait(&mut self) {
        let mut said = String::new();
        // The test runner writes the name of the test in front of the first word.
        while !said.ends_with(&format!("{DONE}\n")) {
            let length = self.says.read_line(&mut said).unwrap();
            assert!(length > 0, "a process failed: {said}");
        }
    }
}
