//! The audit tables: one model in every dialect, made and unmade by the migration.

use audit_core::query::LogQuery;
use audit_core::schema::{ColumnKind, LOG_COLUMNS};
use audit_core::{Dialect, LogIndex};

use crate::adapter::Adapter;
use crate::database::Server;
use crate::explain::Explain;
use crate::world::World;

const ANN: &str = "INSERT INTO users (id, name) VALUES (1, 'Ann')";

/// Column, type and whether it may be NULL, as the database's own catalog tells; not what is made of
/// another column for an index.
fn columns_query(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Postgres => {
            "SELECT attname::text, format_type(atttypid, atttypmod), (NOT attnotnull)::text \
             FROM pg_attribute WHERE attrelid = 'audit.audit_logs'::regclass AND attnum > 0 \
             ORDER BY attnum"
        }
        Dialect::MySql => {
            "SELECT CONVERT(column_name USING utf8mb4), CONVERT(column_type USING utf8mb4), \
               IF(is_nullable = 'YES', 'true', 'false') FROM information_schema.columns \
             WHERE table_schema = DATABASE() AND table_name = 'audit_logs' \
             AND generation_expression IS NULL ORDER BY ordinal_position"
        }
        _ => {
            "SELECT name, type, CASE \"notnull\" WHEN 0 THEN 'true' ELSE 'false' END \
             FROM pragma_table_info('audit_logs') ORDER BY cid"
        }
    }
}

/// The types in which a dialect may keep a kind.
fn types(dialect: Dialect, kind: ColumnKind) -> &'static [&'static str] {
    match (dialect, kind) {
        (Dialect::Postgres, ColumnKind::Boolean) => &["boolean"],
        (Dialect::Postgres, ColumnKind::Integer) => &["smallint", "bigint"],
        (Dialect::Postgres, ColumnKind::Json) => &["json"],
        (Dialect::Postgres, ColumnKind::List) => &["text[]"],
        (Dialect::Postgres, ColumnKind::Time) => &["timestamp with time zone"],
        (Dialect::Postgres, ColumnKind::Uuid) => &["uuid"],
        (Dialect::Postgres, _) => &["text"],
        (Dialect::MySql, ColumnKind::Boolean) => &["tinyint(1)"],
        (Dialect::MySql, ColumnKind::Integer) => &["smallint(6)", "bigint(20)"],
        (Dialect::MySql, ColumnKind::Time) => &["datetime(6)"],
        (Dialect::MySql, ColumnKind::Uuid) => &["binary(16)"],
        (Dialect::MySql, _) => &["text", "mediumtext", "longtext", "varchar"],
        (_, ColumnKind::Boolean | ColumnKind::Integer) => &["INTEGER"],
        (_, ColumnKind::Uuid) => &["BLOB"],
        _ => &["TEXT"],
    }
}

/// Every column of the dictionary is in the table, in order, with its kind.
pub async fn the_log_has_the_columns_of_the_dictionary<A: Adapter>(server: Server) {
    let world = World::<A>::new(server).await;
    let rows = world.texts(columns_query(world.dialect())).await;
    let found: Vec<[String; 3]> = rows
        .into_iter()
        .map(|row| {
            row.into_iter()
                .map(Option::unwrap)
                .collect::<Vec<_>>()
                .try_into()
                .unwrap()
        })
        .collect();
    assert_eq!(found.len(), LOG_COLUMNS.len());
    for ([name, kind, nullable], column) in found.iter().zip(LOG_COLUMNS) {
        assert_eq!(name, column.name);
        assert_eq!(
            nullable,
            if column.nullable { "true" } else { "false" },
            "{name}"
        );
        let allowed = types(world.dialect(), column.kind);
        let base = kind.split_once('(').map_or(kind.as_str(), |(base, _)| base);
        assert!(
            allowed.contains(&kind.as_str()) || allowed.contains(&base),
            "{name} is {kind}"
        );
    }
}

/// Takes every step back, and the list of the steps with them.
async fn down<A: Adapter>(world: &World<A>) {
    for step in audit_migrations::steps(world.dialect()).iter().rev() {
        world.raw(step.down).await;
    }
    let list = match world.dialect() {
        // Refused where anything else is left in it.
        Dialect::Postgres => "DROP TABLE audit.audit_migrations; DROP SCHEMA audit",
        _ => "DROP TABLE audit_migrations",
    };
    world.raw(list).await;
}

/// Taking every step back leaves the database of before, and running them again gives what a fresh
/// one has.
pub async fn down_and_up_again_is_as_fresh<A: Adapter>(server: Server) {
    let world = World::<A>::unmigrated(server, "", 4, |audit| audit).await;
    let bare = world.catalog().await;
    world.migrate().await;
    let fresh = world.catalog().await;
    assert_ne!(fresh, bare);
    world.prove_statements(&[ANN]).await;
    down(&world).await;
    let insert = "INSERT INTO users (id, name) VALUES (2, 'Ben')";
    world.adapter.execute(insert).await.unwrap();
    world.catalog().await.assert_is(&bare, "down");
    world.migrate().await;
    world.catalog().await.assert_is(&fresh, "up again");
    assert_eq!(
        world
            .prove_statements(&["UPDATE users SET age = 5 WHERE id = 1"])
            .await
            .len(),
        1
    );
}

/// The files of the migration, run by hand, are what `migrate` would have made.
pub async fn the_files_can_be_run_by_hand<A: Adapter>(server: Server) {
    let world = World::<A>::new(server).await;
    let fresh = world.catalog().await;
    down(&world).await;
    for _ in 0..2 {
        for step in audit_migrations::steps(world.dialect()) {
            world.raw(step.up).await;
        }
    }
    world.migrate().await;
    world.catalog().await.assert_is(&fresh, "run by hand");
    assert_eq!(world.prove_statements(&[ANN]).await.len(), 1);
}

/// Indexes beside that of records are made when they are asked for, once.
pub async fn indexes_are_made_when_asked_for<A: Adapter>(server: Server) {
    let world = World::<A>::with(server, "", |audit| {
        LogIndex::ALL
            .iter()
            .fold(audit, |audit, index| audit.index(*index))
    })
    .await;
    world.migrate().await;
    let sql = match world.dialect() {
        Dialect::Postgres => "SELECT indexname::text FROM pg_indexes WHERE schemaname = 'audit'",
        Dialect::MySql => {
            "SELECT DISTINCT CONVERT(index_name USING utf8mb4) FROM information_schema.statistics \
             WHERE table_schema = DATABASE() AND table_name = 'audit_logs'"
        }
        _ => "SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'audit_logs'",
    };
    let rows = world.texts(sql).await;
    let found: Vec<&str> = rows.iter().map(|row| row[0].as_deref().unwrap()).collect();
    for index in LogIndex::ALL {
        assert!(
            found.contains(&format!("audit_logs_{index}").as_str()),
            "{found:?}"
        );
    }
    let plain = World::<A>::new(server).await;
    assert_eq!(
        plain.texts(sql).await.len(),
        rows.len() - LogIndex::ALL.len()
    );
    assert_eq!(world.prove_statements(&[ANN]).await.len(), 1);
}

/// Reading what happened to one record looks at its own events, also among those of many others.
pub async fn the_history_of_a_record_is_found_by_indexes<A: Adapter>(server: Server) {
    let world = World::<A>::new(server).await;
    let rows: Vec<String> = (1..=3000).map(|id| format!("({id}, 'x')")).collect();
    let insert = format!("INSERT INTO users (id, name) VALUES {}", rows.join(", "));
    world.adapter.execute(&insert).await.unwrap();
    let dialect = world.dialect();
    let explain = Explain::of(dialect);
    world.raw(explain.analyze).await;
    let query = LogQuery::new().table("users").record("42");
    let now = "2026-01-31T09:00:00Z".parse().unwrap();
    let query = query.to_sql(dialect, now).unwrap();
    let plan = explain.plan(&world.texts(&explain.statement(&query)).await);
    for index in ["audit_logs_record", "audit_logs_previous"] {
        assert!(plan.iter().any(|step| step.contains(index)), "{plan:#?}");
    }
}
