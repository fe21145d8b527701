//! Schemas, rows and statements drawn from a seed; every batch is replayed, and what it does to
//! the application is what it does without audit.

mod kind;
mod schema;
mod statement;
mod tally;

use audit_core::Event;

use crate::adapter::{Adapter, End, Failure};
use crate::database::{Raw, Server, TestDatabase};
use crate::draw::Draw;
use crate::oracle;
use crate::world::{World, alice};

use self::schema::Schema;
use self::statement::Statement;
use self::tally::{REFUSED, Tally};

/// So many seeds from the first make every kind of thing on every database.
pub const ALL_KINDS: u64 = 6;

/// Which seeds are drawn: those of the adapter, or `first..last`, both included, in the environment
/// variable `AUDIT_SEEDS`, for a longer run by hand.
fn seeds<A: Adapter>() -> std::ops::RangeInclusive<u64> {
    let Ok(text) = std::env::var("AUDIT_SEEDS") else {
        return A::SEEDS;
    };
    let (first, last) = text.split_once("..").unwrap_or((&text, &text));
    let seed = |text: &str| text.parse().expect("AUDIT_SEEDS is `first..last`");
    seed(first)..=seed(last)
}

const LAST_BATCH: usize = 18;

/// Some hundreds of drawn statements for each of several drawn schemas.
pub async fn drawn_statements_replay<A: Adapter>(server: Server) {
    let mut tally = Tally::default();
    let seeds = seeds::<A>();
    for seed in seeds.clone() {
        let mut draw = Draw::new(seed);
        let schema = Schema::draw(server.dialect(), seed, &mut draw);
        let world = migrated::<A>(server, &schema).await;
        let mut twin = Twin::new(server, &schema).await;
        for batch in 0..=LAST_BATCH {
            let drawn = match batch {
                0 => Batch::of(schema.first_rows(&mut draw)),
                LAST_BATCH => Batch::of(schema.last_rows()),
                _ => Batch::draw(&schema, &mut draw),
            };
            let about = format!("seed {seed}, batch {batch}");
            let (affected, events) = drawn.play(&world, &mut twin, &mut tally, &about).await;
            drawn.count(&schema, &affected, &events, &mut tally);
            twin.is_same(&world, &format!("{about}: {}", drawn.in_words()))
                .await;
        }
    }
    println!("{}, seeds {seeds:?}: {tally}", server.name());
    if (1..=ALL_KINDS).all(|seed| seeds.contains(&seed)) {
        tally.has_all(server.dialect());
    }
}

/// The tables of a seed, and statements on them, as texts: for what compares two ways to capture.
#[must_use]
pub fn drawn(server: Server, seed: u64, statements: usize) -> (String, Vec<String>) {
    let mut draw = Draw::new(seed);
    let schema = Schema::draw(server.dialect(), seed, &mut draw);
    let mut drawn = schema.first_rows(&mut draw);
    drawn.extend((0..statements).map(|_| schema.statement(&mut draw)));
    let texts = drawn.into_iter().map(|statement| statement.sql);
    (schema.ddl(), texts.collect())
}

async fn migrated<A: Adapter>(server: Server, schema: &Schema) -> World<A> {
    let world = World::unmigrated(server, &schema.ddl(), 4, |audit| audit).await;
    let gaps = world.migrate_with_gaps().await;
    // There no REPLACE is drawn.
    let hides = |gap: &String| gap.starts_with("a REPLACE on");
    let hidden = server == Server::Sqlite && schema.has_triggers;
    assert!(
        gaps.iter().all(hides) && gaps.is_empty() != hidden,
        "{gaps:?}"
    );
    world
}

/// The same tables without audit: results and rows must be the same.
struct Twin {
    raw: Raw,
    _database: TestDatabase,
}

impl Twin {
    async fn new(server: Server, schema: &Schema) -> Self {
        let database = TestDatabase::create(server).await;
        let mut raw = database.raw().await;
        raw.run(&schema.ddl()).await;
        Self {
            raw,
            _database: database,
        }
    }

    /// Runs statements in a transaction, up to the first that fails.
    async fn transaction(&mut self, statements: &[&str], end: End) -> bool {
        self.raw.run("BEGIN").await;
        for sql in statements {
            if self.raw.affected(sql).await.is_err() {
                self.raw.run("ROLLBACK").await;
                return false;
            }
        }
        let end = match end {
            End::Commit => "COMMIT",
            End::Rollback => "ROLLBACK",
        };
        let ended = self.raw.try_run(end).await.is_ok();
        if !ended {
            self.raw.run("ROLLBACK").await;
        }
        ended
    }

    async fn is_same<A: Adapter>(&mut self, world: &World<A>, about: &str) {
        let audited = world.snapshot().await;
        let bare = oracle::snapshot(&mut self.raw, world.dialect()).await;
        for (table, rows) in bare {
            assert!(
                audited.get(&table) == Some(&rows),
                "{about}: {table} is not as without audit:\n{:?}\n{rows:?}",
                audited.get(&table)
            );
        }
    }
}

/// What is proved together: a transaction, and statements by themselves.
struct Batch {
    transaction: Option<(Vec<Statement>, End)>,
    has_savepoint: bool,
    statements: Vec<Statement>,
}

impl Batch {
    /// Statements by themselves.
    fn of(statements: Vec<Statement>) -> Self {
        Self {
            transaction: None,
            has_savepoint: false,
            statements,
        }
    }

    fn draw(schema: &Schema, draw: &mut Draw) -> Self {
        let mut drawn = |count| (0..count).map(|_| schema.statement(draw)).collect();
        let (inside, statements) = (drawn(3), drawn(5));
        let end = [None, Some(End::Commit), Some(End::Rollback)][draw.below(3)];
        Self {
            transaction: end.map(|end| (inside, end)),
            has_savepoint: draw.once_in(2),
            statements,
        }
    }

    async fn play<A: Adapter>(
        &self,
        world: &World<A>,
        twin: &mut Twin,
        tally: &mut Tally,
        about: &str,
    ) -> (Vec<u64>, Vec<Event>) {
        let mut affected = vec![0; self.statements.len()];
        let events = world
            .try_prove(async |adapter| {
                if let Some((statements, end)) = &self.transaction {
                    self.play_transaction(adapter, twin, tally, statements, *end)
                        .await;
                }
                for (index, statement) in self.statements.iter().enumerate() {
                    let context = alice().with_request_id(index.to_string());
                    let done = context.scope(adapter.execute(&statement.sql)).await;
                    if done.as_ref().is_err_and(Failure::is_refusal) {
                        tally.add(REFUSED, 1);
                        continue;
                    }
                    let bare = twin.raw.affected(&statement.sql).await;
                    match (done, bare) {
                        (Ok(rows), Ok(bare)) => {
                            assert_eq!(rows, bare, "{about}: {}", statement.sql);
                            tally.add(statement.kind, 1);
                            affected[index] = rows;
                        }
                        (Err(failure), Err(_)) => {
                            assert_eq!(failure.capture, None, "{about}: {}", failure.message);
                            tally.add("error", 1);
                        }
                        (done, bare) => {
                            panic!("{about}: {}: {done:?}, bare {bare:?}", statement.sql)
                        }
                    }
                }
            })
            .await
            .unwrap_or_else(|how| panic!("{about}: {how}\n{}", self.in_words()));
        (affected, events)
    }

    async fn play_transaction<A: Adapter>(
        &self,
        adapter: &A,
        twin: &mut Twin,
        tally: &mut Tally,
        statements: &[Statement],
        end: End,
    ) {
        let mut texts: Vec<&str> = statements.iter().map(|one| one.sql.as_str()).collect();
        if self.has_savepoint {
            texts.insert(1, "SAVEPOINT inside");
            texts.insert(3, "ROLLBACK TO SAVEPOINT inside");
        }
        let done = alice().scope(adapter.transaction(&texts, end)).await;
        if done.as_ref().is_err_and(Failure::is_refusal) {
            tally.add(REFUSED, 1);
            return;
        }
        let bare = twin.transaction(&texts, end).await;
        assert_eq!(done.is_ok(), bare, "{texts:?}: {done:?}");
        tally.add(
            match (bare, end) {
                (false, _) => "error in a transaction",
                (true, End::Commit) => "transaction",
                (true, End::Rollback) => "rollback",
            },
            1,
        );
        if bare && self.has_savepoint {
            tally.add("rolled-back savepoint", 1);
        }
    }

    /// Counts what the statements that ran by themselves did beyond what they named.
    fn count(&self, schema: &Schema, affected: &[u64], events: &[Event], tally: &mut Tally) {
        tally.add("event", events.len());
        for (index, (statement, affected)) in self.statements.iter().zip(affected).enumerate() {
            let index = index.to_string();
            let of_statement = events
                .iter()
                .filter(|event| event.request_id.as_ref() == Some(&index));
            tally.add_events(schema, statement, *affected, of_statement);
        }
    }

    fn in_words(&self) -> String {
        let inside = self.transaction.iter().flat_map(|(inside, _)| inside);
        let lines = inside.chain(&self.statements);
        let lines: Vec<&str> = lines.map(|statement| statement.sql.as_str()).collect();
        format!(
            "{}\nwith {:?}",
            lines.join("\n"),
            self.transaction.as_ref().map(|(_, end)| end)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use audit_core::Dialect;

    #[test]
    fn the_same_seed_draws_the_same() {
        for dialect in [Dialect::Postgres, Dialect::MySql, Dialect::Sqlite] {
            let texts = |seed| {
                let mut draw = Draw::new(seed);
                let schema = Schema::draw(dialect, seed, &mut draw);
                let statements = (0..200).map(|_| schema.statement(&mut draw).sql);
                (schema.ddl(), statements.collect::<Vec<_>>())
            };
            assert_eq!(texts(7), texts(7));
            assert_ne!(texts(7), texts(8));
        }
    }
}
