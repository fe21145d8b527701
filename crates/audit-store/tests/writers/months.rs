//! The log in partitions, through the writers of every library.

use audit_core::Dialect;
use audit_sqlx::AuditDatabase;
use audit_store::partitions::{Change, Changed, LogPartitions, Partitions};
use audit_testkit::{Server, TestDatabase};
use sqlx::Pool;
use sqlx::pool::PoolOptions;

use crate::{audit, by};

const OLD: &str = "audit_logs_2020_01";

/// A migrated database whose log is empty, with a table that is audited.
pub(crate) async fn database<DB: AuditDatabase>(server: Server) -> (TestDatabase, Pool<DB>) {
    let database = TestDatabase::create(server).await;
    let table = "CREATE TABLE users (id INTEGER NOT NULL PRIMARY KEY)";
    database.raw().await.run(table).await;
    let options = PoolOptions::<DB>::new();
    let pool = audit_sqlx::attach(options, &audit())
        .connect(database.url())
        .await
        .unwrap();
    audit_sqlx::migrate(&pool, &audit()).await.unwrap();
    (database, pool)
}

async fn look<DB: AuditDatabase>(pool: &Pool<DB>) -> LogPartitions {
    let mut connection = pool.acquire().await.unwrap();
    let mut partitions = Partitions::of(audit_sqlx::writer(&mut *connection));
    partitions.look().await.unwrap()
}

/// The log is converted, gets months ahead, and loses one that is over, each by a library; the event of
/// that must say by whom.
pub(crate) async fn come_and_go<DB: AuditDatabase>(
    (database, pool): &(TestDatabase, Pool<DB>),
    mut change: impl AsyncFnMut(&Change) -> Changed,
) {
    let mut raw = database.raw().await;
    change(&Change::Convert { months_ahead: 1 }).await;
    let converted = look(pool).await;
    let made = change(&Change::Create { months_ahead: 7 }).await;
    assert!(!made.steps.is_empty());
    let months = look(pool).await.partitions;
    // How many a conversion makes depends on the day.
    assert!(months.len() >= converted.partitions.len() + 5, "{months:?}");

    let past_ends = months.first().unwrap().ends_at.unwrap().format("%Y-%m-%d");
    let (split, aged) = match database.server().dialect() {
        Dialect::MySql => (
            format!(
                "ALTER TABLE audit_logs REORGANIZE PARTITION audit_logs_past INTO (\
                 PARTITION {OLD} VALUES LESS THAN ('2020-02-01'), \
                 PARTITION audit_logs_past VALUES LESS THAN ('{past_ends}'))"
            ),
            "UPDATE audit_logs SET occurred_at = '2020-01-31 09:00:00'",
        ),
        _ => (
            format!(
                "DROP TABLE audit.audit_logs_past; \
                 CREATE TABLE audit.{OLD} PARTITION OF audit.audit_logs \
                 FOR VALUES FROM (MINVALUE) TO ('2020-02-01 00:00:00+00'); \
                 CREATE TABLE audit.audit_logs_past PARTITION OF audit.audit_logs \
                 FOR VALUES FROM ('2020-02-01 00:00:00+00') TO ('{past_ends} 00:00:00+00')"
            ),
            "UPDATE audit.audit_logs SET occurred_at = '2020-01-31 09:00:00+00'",
        ),
    };
    raw.run(&split).await;
    raw.run("INSERT INTO users VALUES (1), (2)").await;
    raw.run(aged).await;
    let partition = OLD.to_owned();
    let drop = Change::Drop { partition };
    let dropped = by("operator", "removal").scope(change(&drop)).await;
    assert_eq!(dropped.events, Some(2));
    let left = audit_sqlx::log(pool).list().await.unwrap();
    let told = left.iter().map(|event| {
        let texts = [
            &event.action,
            &event.actor_id,
            &event.record_id,
            &event.service,
        ];
        texts.map(|text| text.as_deref().unwrap_or_default())
    });
    assert_eq!(
        told.collect::<Vec<_>>(),
        [["audit.partition.drop", "operator", OLD, "shop"]]
    );
    assert!(
        look(pool)
            .await
            .partitions
            .iter()
            .all(|month| month.name != OLD)
    );
}
