//! Months that leave the log.

use audit_core::{Dialect, Event, Outcome, Severity};
use audit_store::partitions::{Change, Changed, PartitionRefusal, Partitions, PartitionsError};
use audit_store::retention::{NewHold, Policy, Retention, Selection};
use audit_store::{place, release};
use audit_testkit::Server;

use super::partitions::{Error, change, convert, in_march, names, split_at, try_change, try_plan};
use super::world::{Db, World};

/// What a hold keeps does not leave with its month; what it does not keep does.
pub(crate) async fn a_month_that_is_held_stays<DB: Db>(server: Server) {
    let world = in_march::<DB>(server).await;
    let hold = NewHold::new("case 7", "a court");
    let mut transaction = audit_sqlx::begin(&world.pool).await.unwrap();
    let placed = place(&hold, &mut audit_sqlx::writer(&mut *transaction)).await;
    placed.unwrap();
    transaction.commit().await.unwrap();

    let march = || "audit_logs_2026_03".to_owned();
    let before = world.events().await.len();
    for removal in [
        Change::Detach { partition: march() },
        Change::Drop { partition: march() },
    ] {
        // Whoever only looks is told as well.
        for refused in [
            try_change(&world, &removal).await.map(|_| ()),
            try_plan(&world, &removal).await,
        ] {
            match refused {
                Err(PartitionsError::Held { hold, .. }) => assert_eq!(hold, "case 7"),
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(world.events().await.len(), before);
    for empty in ["audit_logs_2026_02", "audit_logs_2026_04"] {
        let partition = empty.to_owned();
        let dropped = change(&world, &Change::Drop { partition }).await;
        assert_eq!(dropped.events, Some(0));
    }

    let mut transaction = audit_sqlx::begin(&world.pool).await.unwrap();
    let released = release("case 7", "over", &mut audit_sqlx::writer(&mut *transaction)).await;
    released.unwrap();
    transaction.commit().await.unwrap();
    let partition = march();
    let dropped = change(&world, &Change::Drop { partition }).await;
    assert!(dropped.events > Some(0));
}

/// What a policy keeps, or none is for, does not leave with its month, unless nobody asks the policies.
pub(crate) async fn a_month_that_a_policy_keeps_stays<DB: Db>(server: Server) {
    let world = in_march::<DB>(server).await;
    let policy = |name: &str, keep: &str, severity: Severity| {
        Policy::new(name, keep).select(Selection::new().severity(severity))
    };
    let [low, high, critical] = [
        policy("low", "30d", Severity::Low),
        policy("high", "1mo", Severity::High),
        policy("critical", "9y", Severity::Critical),
    ];
    let all = || Policy::new("all", "30d");
    let march = || "audit_logs_2026_03".to_owned();
    let before = world.events().await.len();
    for (policies, keeper) in [
        (vec![all(), critical.clone()], Some("critical")),
        (vec![low, high.clone(), critical.clone()], Some("critical")),
        (
            vec![Policy::new("ten years", "10y"), all()],
            Some("ten years"),
        ),
        (vec![high], None),
    ] {
        for removal in [
            Change::Detach { partition: march() },
            Change::Drop { partition: march() },
        ] {
            match change_keeping(&world, policies.clone(), &removal).await {
                Err(PartitionsError::Kept { policy, partition }) => {
                    assert_eq!((policy.as_deref(), partition), (keeper, march()));
                }
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(world.events().await.len(), before);
    // Nothing is in the months beside it to be kept.
    for empty in ["audit_logs_2026_02", "audit_logs_2026_04"] {
        let partition = empty.to_owned();
        let removal = Change::Drop { partition };
        let dropped = change_keeping(&world, vec![critical.clone()], &removal).await;
        assert_eq!(dropped.unwrap().events, Some(0));
    }
    let partition = march();
    let dropped = change_keeping(&world, vec![all()], &Change::Drop { partition }).await;
    assert_eq!(dropped.unwrap().events, Some(before as u64));
    // What tells of the removals is no reason to keep their month.
    assert_eq!(world.events().await.len(), 3);
}

async fn change_keeping<DB: Db>(
    world: &World<DB>,
    policies: Vec<Policy>,
    change: &Change,
) -> Result<Changed, Error> {
    let mut connection = world.pool.acquire().await.unwrap();
    let partitions = Partitions::of(audit_sqlx::writer(&mut *connection));
    let mut partitions = partitions.keeping(Retention::new(policies).unwrap());
    partitions.apply(change).await
}

pub(crate) async fn months_leave_with_an_event<DB: Db>(server: Server) {
    let mut world = in_march::<DB>(server).await;
    let of_march = world.events().await.len();
    world
        .run_as("ann", &["INSERT INTO users (id) VALUES (1)"])
        .await;

    for name in ["audit_logs_recent", "audit_logs_future"] {
        let partition = name.to_owned();
        let refused = try_change(&world, &Change::Drop { partition }).await;
        let Err(PartitionsError::Refused(PartitionRefusal::InUse { .. })) = refused else {
            panic!("{refused:?}");
        };
    }
    let partition = "audit_logs_2026_03".to_owned();
    let detached = change(
        &world,
        &Change::Detach {
            partition: partition.clone(),
        },
    )
    .await;
    assert_eq!(detached.events, Some(u64::try_from(of_march).unwrap()));
    let table = audit_core::schema::qualified(server.dialect(), &partition);
    let kept = world.raw.texts(&count(server, &table)).await;
    assert_eq!(kept, [[Some(of_march.to_string())]]);
    // The table that it is now is of the log, and is not audited.
    let audit = audit_core::Audit::builder().build().unwrap();
    let report = audit_sqlx::migrate(&world.pool, &audit).await.unwrap();
    assert!(!report.has_gaps(), "{report:?}");
    world.raw.run(&format!("DELETE FROM {table}")).await;

    let partition = "audit_logs_2026_04".to_owned();
    let dropped = change(&world, &Change::Drop { partition }).await;
    assert_eq!(dropped.events, Some(0));
    let parts = names(&world).await;
    assert_eq!(
        parts[..2],
        ["audit_logs_2026_02", "audit_logs_recent"],
        "{parts:?}"
    );
    let mut events = world.events().await;
    assert_eq!(events.len(), 3, "{events:?}");
    let action = |word| format!("audit.partition.{word}");
    told(
        &events.remove(2),
        &action("drop"),
        "audit_logs_2026_04",
        0,
        "2026-05-01",
    );
    told(
        &events.remove(1),
        &action("detach"),
        "audit_logs_2026_03",
        of_march,
        "2026-04-01",
    );
    assert_eq!(events[0].actor_id.as_deref(), Some("ann"));
}

fn count(server: Server, table: &str) -> String {
    match server.dialect() {
        Dialect::MySql => format!("SELECT CAST(COUNT(*) AS CHAR) FROM {table}"),
        _ => format!("SELECT count(*)::text FROM {table}"),
    }
}

/// That an event tells of a partition that left.
fn told(event: &Event, action: &str, partition: &str, events: usize, end: &str) {
    assert_eq!(event.action.as_deref(), Some(action));
    assert_eq!(event.outcome, Outcome::Success);
    assert_eq!(event.actor_id.as_deref(), Some("olga"));
    assert_eq!(event.record_id.as_deref(), Some(partition));
    let metadata = event.metadata.as_ref().unwrap().as_str();
    let metadata: serde_json::Value = serde_json::from_str(metadata).unwrap();
    assert_eq!(metadata["events"], events);
    // The month after, because on MariaDB a partition begins where the one before it ends.
    let ends_at = metadata["ends_at"].as_str().unwrap();
    assert!(ends_at.starts_with(end), "{metadata}");
}

/// By an account that may do all but change the table.
pub(crate) async fn a_removal_that_fails_is_told_as_one<DB: Db>(server: Server) {
    let mut world = World::<DB>::new(server).await;
    convert(&mut world).await;
    let end = "2026-03-01 00:00:00".to_owned();
    split_at(&mut world, &[("audit_logs_2026_02", end)]).await;
    let (rest, database) = world.url().rsplit_once('/').unwrap();
    let account = database.replace("audit_test", "parts");
    let (_, place) = rest.rsplit_once('@').unwrap();
    let (make, url, drop) = match server.dialect() {
        Dialect::MySql => (
            format!(
                "CREATE USER {account}@'%' IDENTIFIED BY 'pw'; \
                 GRANT SELECT, INSERT ON {database}.audit_logs TO {account}@'%'; \
                 GRANT SELECT ON {database}.audit_holds TO {account}@'%'"
            ),
            format!("mysql://{account}:pw@{place}/{database}"),
            format!("DROP USER {account}@'%'"),
        ),
        _ => (
            format!(
                "CREATE ROLE {account} LOGIN; \
                 GRANT SELECT, DELETE ON ALL TABLES IN SCHEMA audit TO {account}"
            ),
            format!("postgres://{account}@{place}/{database}"),
            format!("DROP OWNED BY {account}; DROP ROLE {account}"),
        ),
    };
    world.raw.run(&make).await;
    let pool = sqlx::pool::PoolOptions::<DB>::new()
        .connect(&url)
        .await
        .unwrap();
    let mut connection = pool.acquire().await.unwrap();
    let mut partitions = Partitions::of(audit_sqlx::writer(&mut *connection));
    let partition = "audit_logs_2026_02".to_owned();
    let refused = partitions.apply(&Change::Drop { partition }).await;
    let Err(PartitionsError::Database(_)) = refused else {
        panic!("{refused:?}");
    };
    let outcomes: Vec<Outcome> = world.events().await.iter().map(|e| e.outcome).collect();
    match server.dialect() {
        Dialect::MySql => assert_eq!(outcomes, [Outcome::Success, Outcome::Failure]),
        _ => assert_eq!(outcomes, []),
    }
    assert_eq!(names(&world).await[0], "audit_logs_2026_02");
    connection.close().await.unwrap();
    pool.close().await;
    world.raw.run(&drop).await;
}
