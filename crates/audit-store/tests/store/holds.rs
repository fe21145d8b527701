//! Holds and purges that meet, and those who may do neither.

use audit_core::retention::{NewHold, Policy, Retention, Selection};
use audit_core::{Dialect, Event, Severity};
use audit_sqlx::LogError;
use audit_store::{Batch, HoldError, Purge, PurgeError, Purged, StoreError, place, release};
use audit_testkit::Server;
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::pool::PoolOptions;

use super::retention::{aged, freed, held, olga, purged, told};
use super::world::{Db, World};

/// Events that any policy of a day lets go, and one that it does not.
async fn old<DB: Db>(server: Server, count: usize) -> (World<DB>, Purge) {
    let mut world = World::<DB>::new(server).await;
    let mut made = aged(count);
    for (place, made) in made.iter_mut().enumerate() {
        made.at.0 -= 2 * TimeDelta::days(1).num_microseconds().unwrap();
        made.at.1 = u16::try_from(place).unwrap();
    }
    world.put(&made).await;
    let insert = "INSERT INTO users (id, name) VALUES (1, 'new')";
    world.run_as("ann", &[insert]).await;
    let purge = world.trail().purge(&everything()).await.unwrap();
    (world, purge)
}

fn everything() -> Retention {
    Retention::new([Policy::new("all", "1d")]).unwrap()
}

/// How a transaction that waits for a lock gives up soon.
fn impatient(server: Server) -> &'static str {
    match server.dialect() {
        Dialect::MySql => "SET SESSION innodb_lock_wait_timeout = 1",
        Dialect::Postgres => "SET LOCAL lock_timeout = '100ms'",
        _ => "PRAGMA busy_timeout = 100",
    }
}

/// Whoever comes first, the other waits, and then sees what the first one did.
pub(crate) async fn a_hold_never_loses_the_race_with_a_batch<DB: Db>(server: Server) {
    let (world, purge) = old::<DB>(server, 60).await;
    let before = world.events().await;
    let mut batches = purge.batches(20);
    let batch = batches.next(&mut world.trail()).await.unwrap().unwrap();

    // The batch was looked for before the hold was placed, and is removed after.
    held(&world, &hold("first")).await;
    let mut transaction = audit_sqlx::begin(&world.pool).await.unwrap();
    assert_eq!(applied::<DB>(&batch, &mut transaction).await.unwrap(), 0);
    transaction.commit().await.unwrap();
    freed(&world, "first").await;

    // While a hold is being placed, no batch is removed.
    let mut placing = audit_sqlx::begin(&world.pool).await.unwrap();
    let placed = place(&hold("second"), &mut audit_sqlx::writer(&mut *placing)).await;
    placed.unwrap();
    assert_waits(&world, &batch).await;
    placing.rollback().await.unwrap();

    // While a batch is being removed, no hold is placed, and no other batch removed.
    let mut removing = audit_sqlx::begin(&world.pool).await.unwrap();
    assert_eq!(applied::<DB>(&batch, &mut removing).await.unwrap(), 20);
    assert_waits(&world, &batch).await;
    assert_hold_waits(&world).await;

    // Nobody commits: nothing was removed, and nothing tells that it was.
    removing.rollback().await.unwrap();
    let left = world.events().await;
    let left: Vec<&Event> = left.iter().filter(|event| !is_of_hold(event)).collect();
    assert_eq!(left, before.iter().collect::<Vec<_>>());
}

fn hold(name: &str) -> NewHold {
    NewHold::new(name, "a case")
}

/// How many events a batch removed.
async fn applied<DB: Db>(
    batch: &Batch,
    connection: &mut DB::Connection,
) -> Result<u64, PurgeError<LogError>> {
    let purged = batch.apply(&mut audit_sqlx::writer(connection)).await;
    purged.map(|purged| purged.events)
}

/// A batch waits until whoever is at it has ended.
async fn assert_waits<DB: Db>(world: &World<DB>, batch: &Batch) {
    let mut waiting = world.open(impatient(world.server)).await;
    let waited = applied::<DB>(batch, &mut waiting).await.unwrap_err();
    assert!(matches!(waited, PurgeError::Exclusion(_)), "{waited}");
    waiting.rollback().await.unwrap();
}

/// So does who places a hold.
async fn assert_hold_waits<DB: Db>(world: &World<DB>) {
    let mut waiting = world.open(impatient(world.server)).await;
    let placed = place(&hold("third"), &mut audit_sqlx::writer(&mut *waiting)).await;
    let waited = placed.unwrap_err();
    assert!(matches!(waited, HoldError::Exclusion(_)), "{waited}");
    waiting.rollback().await.unwrap();
}

/// The holds that count are the newest, whatever the transaction has seen.
pub(crate) async fn a_transaction_that_sees_the_past_keeps_what_is_held<DB: Db>(server: Server) {
    let (world, purge) = old::<DB>(server, 30).await;
    let mut batches = purge.batches(10);
    let batch = batches.next(&mut world.trail()).await.unwrap().unwrap();
    let mut transaction = world
        .open(match server.dialect() {
            Dialect::MySql => "SELECT COUNT(*) FROM audit_logs, audit_holds",
            Dialect::Postgres => "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
            // Who reads there keeps others from writing, or cannot write any more.
            _ => "SELECT 1",
        })
        .await;
    held(&world, &hold("all")).await;
    match applied::<DB>(&batch, &mut transaction).await {
        Ok(events) => assert_eq!((events, server.dialect() == Dialect::Postgres), (0, false)),
        Err(refused) => {
            let told = refused.to_string();
            assert!(told.contains("begin one at `read committed`"), "{told}");
            assert_eq!(server.dialect(), Dialect::Postgres);
        }
    }
}

fn is_of_hold(event: &Event) -> bool {
    event.table_name.as_deref() == Some("audit_holds")
}

/// A hold on some of the events of a batch, placed after they were looked for.
pub(crate) async fn what_is_held_meanwhile_stays<DB: Db>(server: Server) {
    let (world, purge) = old::<DB>(server, 60).await;
    let before = world.events().await;
    let mut trail = world.trail();
    let batch = purge.batches(60).next(&mut trail).await.unwrap().unwrap();
    let low = Selection::new().severity(Severity::Low);
    held(&world, &NewHold::new("low", "a case").select(low)).await;
    let mut transaction = audit_sqlx::begin(&world.pool).await.unwrap();
    let mut writer = audit_sqlx::writer(&mut *transaction);
    let purged = olga().scope(batch.apply(&mut writer)).await.unwrap();
    transaction.commit().await.unwrap();

    let is_kept = |event: &&Event| {
        event.severity == Some(Severity::Low) || event.actor_id.as_deref() == Some("ann")
    };
    let (kept, gone): (Vec<&Event>, Vec<&Event>) = before.iter().partition(is_kept);
    assert!(kept.len() > 5 && gone.len() > 5, "{}", kept.len());
    assert_eq!(purged.events, gone.len() as u64);
    assert_eq!(purged.first, gone.first().map(|event| event.occurred_at));
    assert_eq!(purged.last, gone.last().map(|event| event.occurred_at));
    let mut left = world.events().await;
    let is_own = |event: &mut Event| {
        let action = event.action.as_deref();
        action.is_some_and(|action| action.starts_with("audit."))
    };
    let own: Vec<Event> = left.extract_if(.., is_own).collect();
    assert_eq!(left.iter().collect::<Vec<_>>(), kept);
    let mut purges = own
        .iter()
        .filter(|event| event.action.as_deref() == Some("audit.purge"));
    let told = purges
        .next_back()
        .and_then(|event| event.metadata.as_ref())
        .unwrap();
    assert_eq!(told.to_object()["events"], gone.len());
}

/// What is not applied is passed over, so that no batch stands in the way of those behind it.
pub(crate) async fn a_batch_is_given_once<DB: Db>(server: Server) {
    let (world, purge) = old::<DB>(server, 50).await;
    let (mut trail, mut batches) = (world.trail(), purge.batches(20));
    let mut given = 0;
    while let Some(batch) = batches.next(&mut trail).await.unwrap() {
        assert_eq!(batch.policy(), "all");
        given += 1;
        assert!(given <= 3, "a batch is given again");
    }
    assert_eq!(given, 3);
    assert!(batches.next(&mut trail).await.unwrap().is_none());
}

/// Each event goes once, and is told of once.
pub(crate) async fn purges_at_once_remove_each_event_once<DB: Db>(server: Server) {
    let (world, purge) = old::<DB>(server, 200).await;
    let world = &world;
    let purge = &purge;
    let all = || purged(world, purge, 7);
    let (one, two, three) = tokio::join!(all(), all(), all());
    let done: Vec<Purged> = [one, two, three].concat();
    assert_eq!(done.iter().map(|purged| purged.events).sum::<u64>(), 200);
    let (own, left) = told(world).await;
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].actor_id.as_deref(), Some("ann"));
    // A batch that another purge removed leaves no event.
    let removed = done.iter().filter(|purged| purged.events > 0).count();
    assert_eq!(own.len(), removed);
    let count = |event: &Event| event.metadata.as_ref().unwrap().to_object()["events"].as_u64();
    assert_eq!(own.iter().filter_map(count).sum::<u64>(), 200);
    assert!(purged(world, purge, 7).await.is_empty());
}

/// What is to be told of a hold, and what cannot be placed.
pub(crate) async fn a_hold_is_an_event_and_stays_in_its_table<DB: Db>(server: Server) {
    let (mut world, purge) = old::<DB>(server, 30).await;
    let selection = Selection::new().table(["app.*", "x"]).since(Utc::now());
    let hold = NewHold::new("case 7", "O'Neil \\ \"so\"").select(selection.clone());
    held(&world, &hold).await;
    let stored = world.trail().holds().await.unwrap();
    assert_eq!(stored.len(), 1);
    assert_eq!(stored[0].selection, selection);
    assert_eq!(stored[0].reason, "O'Neil \\ \"so\"");
    assert_eq!(stored[0].placed_by.as_deref(), Some("olga"));
    assert!(stored[0].is_active());
    freed(&world, "case 7").await;
    let stored = world.trail().holds().await.unwrap();
    assert_eq!(stored[0].released_by.as_deref(), Some("olga"));
    assert!(stored[0].released_at.unwrap() >= stored[0].placed_at);

    let own = told(&world).await.0;
    let actions: Vec<_> = own
        .iter()
        .map(|event| event.action.as_deref().unwrap())
        .collect();
    assert_eq!(actions, ["audit.hold.place", "audit.hold.release"]);
    assert!(
        own.iter()
            .all(|event| event.record_id.as_deref() == Some("case 7"))
    );
    assert_eq!(own[1].reason.as_deref(), Some("it is over"));
    let metadata = own[0].metadata.as_ref().unwrap().to_object();
    assert_eq!(
        metadata["selection"],
        serde_json::to_value(&selection).unwrap()
    );

    // One that another version wrote keeps everything.
    let table = audit_core::schema::qualified(server.dialect(), "audit_holds");
    let odd = format!("UPDATE {table} SET selection = '{{\"moon\": [\"full\"]}}' WHERE name <> ''");
    world.raw.run(&odd).await;
    let mut batches = purge.batches(10);
    let unread = batches.next(&mut world.trail()).await.unwrap_err();
    assert!(matches!(unread, StoreError::Hold(_)), "{unread}");
    assert!(unread.to_string().contains("`case 7`"), "{unread}");
}

pub(crate) async fn what_cannot_be_placed_or_released_is_told<DB: Db>(server: Server) {
    let world = World::<DB>::new(server).await;
    held(&world, &hold("case 7")).await;
    freed(&world, "case 7").await;
    let mut transaction = audit_sqlx::begin(&world.pool).await.unwrap();
    let mut writer = audit_sqlx::writer(&mut *transaction);
    let again = place(&hold("case 7"), &mut writer).await.unwrap_err();
    assert!(matches!(again, HoldError::Exists { .. }), "{again}");
    let nobody = release("case 7", "again", &mut writer).await.unwrap_err();
    assert!(matches!(nobody, HoldError::Unknown { .. }), "{nobody}");
    for (name, reason, selection) in [
        ("", "why", Selection::new()),
        ("a", " ", Selection::new()),
        (&*"a".repeat(191), "why", Selection::new()),
        ("a", "why", Selection::new().table("a?")),
        (
            "a",
            "why",
            Selection::new()
                .since(Utc::now())
                .until(DateTime::UNIX_EPOCH),
        ),
    ] {
        let hold = NewHold::new(name, reason).select(selection);
        let wrong = place(&hold, &mut writer).await.unwrap_err();
        assert!(matches!(wrong, HoldError::Invalid { .. }), "{wrong}");
    }
    transaction.rollback().await.unwrap();
}

/// Whoever may read the log alone is told what to do. With the rights that `docs/retention.md` names it can
/// be done.
pub(crate) async fn who_may_not_remove_is_told<DB: Db>(server: Server) {
    let (mut world, purge) = old::<DB>(server, 30).await;
    let mut batches = purge.batches(10);
    let batch = batches.next(&mut world.trail()).await.unwrap().unwrap();
    let url = world.reader(server).await;
    let audit = audit_core::Audit::builder().build().unwrap();
    let pool = audit_sqlx::attach(PoolOptions::<DB>::new(), &audit);
    let pool = pool.connect(&url).await.unwrap();
    let mut transaction = audit_sqlx::begin(&pool).await.unwrap();
    let refused = applied::<DB>(&batch, &mut transaction).await.unwrap_err();
    assert_tells_what_to_do(&refused);
    transaction.rollback().await.unwrap();
    let mut transaction = audit_sqlx::begin(&pool).await.unwrap();
    let placed = place(&hold("a"), &mut audit_sqlx::writer(&mut *transaction)).await;
    assert_tells_what_to_do(&placed.unwrap_err());
    transaction.rollback().await.unwrap();
    assert_eq!(world.events().await.len(), 31);
    // Rights of SQLite are those of a file.
    if server != Server::Sqlite {
        world.let_purge(server).await;
        let mut transaction = audit_sqlx::begin(&pool).await.unwrap();
        assert_eq!(applied::<DB>(&batch, &mut transaction).await.unwrap(), 10);
        transaction.commit().await.unwrap();
        assert_eq!(world.events().await.len(), 31 - 10 + 1);
    }
    pool.close().await;
    world.forget_reader(server).await;
}

fn assert_tells_what_to_do(error: &impl std::error::Error) {
    let told = error.to_string();
    assert!(told.contains("see that the account may"), "{told}");
}

impl<DB: Db> World<DB> {
    fn reader_name(&self) -> String {
        let name = self.url().rsplit('/').next().unwrap();
        format!("reader_{}", name.trim_start_matches("audit_test_"))
    }

    /// The URL of somebody who may read everything and write nothing.
    async fn reader(&mut self, server: Server) -> String {
        let (url, name) = (self.url().to_owned(), self.reader_name());
        let rights = match server.dialect() {
            Dialect::Postgres => format!(
                "CREATE ROLE {name} LOGIN; GRANT USAGE ON SCHEMA audit TO {name}; \
                 GRANT SELECT ON ALL TABLES IN SCHEMA audit TO {name}"
            ),
            Dialect::MySql => format!(
                "CREATE USER {name}@'%' IDENTIFIED BY 'pw'; GRANT SELECT ON {}.* TO {name}@'%'",
                url.rsplit('/').next().unwrap()
            ),
            _ => return url.replace("mode=rwc", "mode=ro"),
        };
        self.raw.run(&rights).await;
        let (scheme, rest) = url.split_once("://").unwrap();
        let (_, place) = rest.split_once('@').unwrap();
        format!("{scheme}://{name}:pw@{place}")
    }

    /// The rights that `docs/retention.md` names.
    async fn let_purge(&mut self, server: Server) {
        let name = self.reader_name();
        let rights = match server.dialect() {
            Dialect::Postgres => format!(
                "GRANT SELECT, UPDATE, DELETE ON audit.audit_logs TO {name}; \
                 GRANT SELECT, UPDATE ON audit.audit_holds TO {name}"
            ),
            _ => format!(
                "GRANT SELECT, INSERT, UPDATE, DELETE ON audit_logs TO {name}@'%'; \
                 GRANT SELECT, INSERT, UPDATE ON audit_holds TO {name}@'%'"
            ),
        };
        self.raw.run(&rights).await;
    }

    async fn forget_reader(&mut self, server: Server) {
        let name = self.reader_name();
        match server.dialect() {
            Dialect::MySql => self.raw.run(&format!("DROP USER {name}@'%'")).await,
            Dialect::Postgres => {
                let drop = format!("DROP OWNED BY {name}; DROP ROLE {name}");
                self.raw.run(&drop).await;
            }
            _ => {}
        }
    }
}
