//! The audit tables: one model in every dialect, made and unmade by the migration.

use audit_core::query::LogQuery;
use audit_core::schema::{ColumnKind, LOG_COLUMNS};
use audit_core::{Dialect, LogIndex};

use crate::adapter::Adapter;
use crate::database::Server;
use crate::explain::Explain;
use crate::world::World;

const ANN: &str = "INSERT INTO users (id, name) VALUES (1, 'Ann')";

/// Column, type and whether it may be NULL, as the database's own catalog tells.
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
             ORDER BY ordinal_position"
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

/// Everything of ours in the catalog, as text.
async fn dump<A: Adapter>(world: &World<A>) -> Vec<Vec<Option<String>>> {
    let sql = match world.dialect() {
        Dialect::Postgres => {
            "SELECT * FROM ( \
             SELECT c.relname::text AS name, a.attname::text || ' ' || format_type(a.atttypid, a.atttypmod) \
               || ' ' || a.attnotnull || coalesce(pg_get_expr(d.adbin, d.adrelid), '') AS what \
             FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 \
             LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum \
             WHERE c.relnamespace = 'audit'::regnamespace \
             UNION ALL SELECT indexname::text, indexdef FROM pg_indexes WHERE schemaname = 'audit' \
             UNION ALL SELECT proname::text, pg_get_functiondef(oid) FROM pg_proc \
               WHERE pronamespace = 'audit'::regnamespace \
             UNION ALL SELECT tgname::text, pg_get_triggerdef(oid) FROM pg_trigger \
               WHERE NOT tgisinternal \
             ) AS parts ORDER BY 1, 2"
        }
        Dialect::MySql => {
            "SELECT * FROM ( \
             SELECT CONVERT(table_name USING utf8mb4) AS name, CONVERT(CONCAT_WS(' ', column_name, \
               column_type, is_nullable, column_key, collation_name) USING utf8mb4) AS what \
             FROM information_schema.columns WHERE table_schema = DATABASE() \
               AND table_name LIKE 'audit%' \
             UNION ALL SELECT CONVERT(index_name USING utf8mb4), CONVERT(CONCAT_WS(' ', table_name, \
               seq_in_index, column_name, sub_part) USING utf8mb4) \
             FROM information_schema.statistics WHERE table_schema = DATABASE() \
               AND table_name LIKE 'audit%' \
             UNION ALL SELECT CONVERT(trigger_name USING utf8mb4), \
               CONVERT(action_statement USING utf8mb4) \
             FROM information_schema.triggers WHERE trigger_schema = DATABASE() \
             ) AS parts ORDER BY 1, 2"
        }
        _ => "SELECT name, sql FROM sqlite_schema WHERE tbl_name LIKE 'audit%' ORDER BY 1, 2",
    };
    world.texts(sql).await
}

/// Takes every step back, and the list of the steps with them.
async fn down<A: Adapter>(world: &World<A>) {
    for step in audit_migrations::steps(world.dialect()).iter().rev() {
        world.raw(step.down).await;
    }
    let list = match world.dialect() {
        Dialect::Postgres => "DROP SCHEMA IF EXISTS audit CASCADE",
        _ => "DROP TABLE audit_migrations",
    };
    world.raw(list).await;
}

/// Taking every step back and running them again gives what a fresh database has.
pub async fn down_and_up_again_is_as_fresh<A: Adapter>(server: Server) {
    let world = World::<A>::new(server).await;
    let fresh = dump(&world).await;
    assert!(fresh.len() > 2);
    world.prove_statements(&[ANN]).await;
    down(&world).await;
    world.migrate().await;
    assert_eq!(dump(&world).await, fresh);
    assert_eq!(
        world
            .prove_statements(&["UPDATE users SET age = 5"])
            .await
            .len(),
        1
    );
}

/// The files of the migration, run by hand, are what `migrate` would have made.
pub async fn the_files_can_be_run_by_hand<A: Adapter>(server: Server) {
    let world = World::<A>::new(server).await;
    let fresh = dump(&world).await;
    down(&world).await;
    for _ in 0..2 {
        for step in audit_migrations::steps(world.dialect()) {
            world.raw(step.up).await;
        }
    }
    world.migrate().await;
    assert_eq!(dump(&world).await, fresh);
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
