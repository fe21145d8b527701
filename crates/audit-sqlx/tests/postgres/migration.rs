//! Running `migrate`.

use audit_core::Dialect;
use audit_migrations::steps;
use audit_testkit::{Catalog, Raw, Server, TestDatabase};
use sqlx::Connection;

use crate::world::{World, attach, audit};

const TABLES: &str = "
    CREATE TABLE users (id int PRIMARY KEY, name text);
    CREATE TABLE p (id int PRIMARY KEY) PARTITION BY RANGE (id);
    CREATE TABLE leaf PARTITION OF p DEFAULT;";

/// The rows of the catalog that say what is installed, by the transactions that wrote them.
const VERSIONS: &str = "
    SELECT 'f' || oid || ' ' || xmin FROM pg_proc WHERE pronamespace = 'audit'::regnamespace
    UNION ALL SELECT 't' || oid || ' ' || xmin FROM pg_trigger
    UNION ALL SELECT 'c' || oid || ' ' || xmin FROM pg_class
        WHERE relnamespace = 'audit'::regnamespace
    UNION ALL SELECT 's' || oid || ' ' || xmin FROM pg_namespace WHERE nspname = 'audit'
    UNION ALL SELECT 'm' || version || ' ' || xmin FROM audit.audit_migrations
    UNION ALL SELECT 'a' || table_name || ' ' || xmin FROM audit.audit_schemas
    ORDER BY 1";

pub(crate) async fn a_second_run_changes_nothing(server: Server) {
    let mut world = World::new(server, TABLES).await;
    let before = world.raw.texts(VERSIONS).await;
    world.migrate().await;
    assert_eq!(world.raw.texts(VERSIONS).await, before);
    world.remove().await;
}

pub(crate) async fn down_and_up_again_is_as_if_new(server: Server) {
    let mut world = World::new(server, TABLES).await;
    let fresh = catalog(&mut world.raw).await;
    let step = steps(Dialect::Postgres)[0];
    world.raw.run(step.down).await;
    // Nothing of ours stands in the way of the application's writes.
    world
        .run(&["INSERT INTO users VALUES (1, 'a'); UPDATE users SET name = 'b'"])
        .await;
    world.raw.run("DROP TABLE audit.audit_migrations").await;
    world.raw.run(step.down).await;
    let other = TestDatabase::create(server).await;
    let mut raw = other.raw().await;
    let empty = catalog(&mut raw).await;
    raw.run(TABLES).await;
    let bare = catalog(&mut raw).await;
    catalog(&mut world.raw).await.assert_is(&bare, "down");
    world.migrate().await;
    catalog(&mut world.raw).await.assert_is(&fresh, "up again");

    raw.run("DROP TABLE users, p").await;
    files_run_by_hand(&mut raw, &empty).await;
    world.remove().await;
}

async fn catalog(raw: &mut Raw) -> Catalog {
    Catalog::read(raw, Dialect::Postgres).await
}

/// The files by themselves, twice each.
async fn files_run_by_hand(raw: &mut Raw, empty: &Catalog) {
    let step = steps(Dialect::Postgres)[0];
    raw.run(step.up).await;
    let up = catalog(raw).await;
    raw.run(step.up).await;
    catalog(raw).await.assert_is(&up, "up twice");
    for _ in 0..2 {
        raw.run(step.down).await;
        catalog(raw).await.assert_is(empty, "down by hand");
    }
    raw.run(step.up).await;
    catalog(raw).await.assert_is(&up, "up again by hand");
}

pub(crate) async fn the_columns_are_those_of_the_model(server: Server) {
    use audit_core::schema::{ColumnKind, LOG_COLUMNS};
    let mut world = World::new(server, TABLES).await;
    let found = world
        .raw
        .texts(
            "SELECT column_name::text, data_type::text, is_nullable::text \
             FROM information_schema.columns \
             WHERE table_schema = 'audit' AND table_name = 'audit_logs' ORDER BY ordinal_position",
        )
        .await;
    let found: Vec<Vec<String>> = found
        .into_iter()
        .map(|row| row.into_iter().flatten().collect())
        .collect();
    let wanted: Vec<Vec<String>> = LOG_COLUMNS
        .iter()
        .map(|column| {
            let kind = match column.kind {
                ColumnKind::Boolean => "boolean",
                ColumnKind::Integer if column.name == "schema_version" => "smallint",
                ColumnKind::Integer => "bigint",
                ColumnKind::Json => "json",
                ColumnKind::List => "ARRAY",
                ColumnKind::Time => "timestamp with time zone",
                ColumnKind::Uuid => "uuid",
                _ => "text",
            };
            let nullable = if column.nullable { "YES" } else { "NO" };
            [column.name, kind, nullable].map(str::to_owned).into()
        })
        .collect();
    assert_eq!(found, wanted);
    world.remove().await;
}

/// How often sixteen processes start on an empty database, on each version: a hundred times together.
const ROUNDS: usize = 50;

pub(crate) async fn many_at_once_on_an_empty_database_agree(server: Server) {
    audit_testkit::race_migrations(server, ROUNDS, TABLES, async |url| {
        let pool = attach(&audit(), url).await;
        let report = audit_sqlx::migrate(&pool, &audit()).await.unwrap();
        assert!(!report.has_gaps(), "{report:?}");
        pool.close().await;
    })
    .await;
}

pub(crate) async fn a_role_that_may_not_make_schemas_can_migrate_into_one(server: Server) {
    let database = TestDatabase::create(server).await;
    let mut raw = database.raw().await;
    let name = database.url().rsplit('/').next().unwrap().to_owned();
    raw.run(&format!(
        "CREATE ROLE plain_{name} LOGIN; CREATE SCHEMA audit AUTHORIZATION plain_{name};
         GRANT CREATE ON SCHEMA public TO plain_{name}; SET ROLE plain_{name}; {TABLES} RESET ROLE"
    ))
    .await;
    let (_, place) = database.url().split_once('@').unwrap();
    let pool = attach(&audit(), &format!("postgres://plain_{name}@{place}")).await;
    for _ in 0..2 {
        let report = audit_sqlx::migrate(&pool, &audit()).await.unwrap();
        assert!(!report.has_gaps(), "{report:?}");
    }
    pool.close().await;
    raw.run(&format!(
        "DROP OWNED BY plain_{name} CASCADE; DROP ROLE plain_{name}"
    ))
    .await;
}

pub(crate) async fn writers_are_not_hurt_while_it_runs(server: Server) {
    let world = World::new(server, TABLES).await;
    let pool = world.pool.clone();
    let writer = tokio::spawn(async move {
        for id in 0..300 {
            let insert = sqlx::query("INSERT INTO users VALUES ($1, 'a')").bind(id);
            crate::world::alice()
                .scope(insert.execute(&pool))
                .await
                .unwrap();
        }
    });
    let other = audit_core::Audit::builder()
        .table(audit_core::TableRule::new("users").label("User"))
        .build()
        .unwrap();
    let pool = attach(&other, world.database.url()).await;
    for _ in 0..10 {
        audit_sqlx::migrate(&pool, &other).await.unwrap();
        audit_sqlx::migrate(&pool, &audit()).await.unwrap();
    }
    writer.await.unwrap();
    assert_eq!(world.events().await.len(), 300);
    let mut connection = pool.acquire().await.unwrap();
    connection.ping().await.unwrap();
    drop(connection);
    pool.close().await;
    world.remove().await;
}
