//! The audit migration as a migrator of SeaORM.

use audit_core::{Audit, Redaction, TableRule};
use audit_seaorm::AuditMigrator;
use audit_testkit::{Server, alice};
use sea_orm::prelude::*;
use sea_orm::{DatabaseConnection, DbBackend, DbErr, Schema};
use sea_orm_migration::async_trait::async_trait;
use sea_orm_migration::schema::pk_auto;
use sea_orm_migration::sea_orm::sea_query::Table;
use sea_orm_migration::{
    MigrationName, MigrationTrait, MigratorTrait, MigratorTraitSelf, SchemaManager,
};

use crate::entities::line as lines;
use crate::shop::{Plain, Shop, customer, line};

async fn attached<A>(shop: &Shop<A>, audit: &Audit) -> DatabaseConnection
where
    A: Plain,
{
    let attach = audit_seaorm::attach(shop.world.url(), audit);
    attach.connect().await.unwrap()
}

async fn count<A>(shop: &Shop<A>) -> usize
where
    A: Plain,
{
    audit_seaorm::log(shop).list().await.unwrap().len()
}

/// How often sixteen processes start on an empty database: what is beneath is raced longer by
/// itself.
const ROUNDS: usize = 5;

/// Processes that run the migrator at the same moment on a database without it.
pub(crate) async fn processes_that_run_it_at_once_agree(server: Server) {
    let table = "CREATE TABLE t (id INTEGER PRIMARY KEY)";
    audit_testkit::race_migrations(server, ROUNDS, table, async |url| {
        let audit = Audit::builder().service("conformance").build().unwrap();
        let db = audit_seaorm::attach(url, &audit).connect().await.unwrap();
        let migrator = AuditMigrator::new(&audit);
        migrator.up(&db, None).await.unwrap();
        assert!(!audit_seaorm::check(&db).await.unwrap().has_gaps());
        let names = |found: Vec<sea_orm_migration::Migration>| -> Vec<String> {
            found.iter().map(|one| one.name().to_owned()).collect()
        };
        let applied = migrator.get_applied_migrations(&db).await.unwrap();
        assert_eq!(names(applied), ["0001_audit_logs"]);
        let pending = migrator.get_pending_migrations(&db).await.unwrap();
        assert_eq!(names(pending), ["triggers"]);
        let id = std::process::id();
        db.execute_unprepared(&format!("INSERT INTO t VALUES ({id})"))
            .await
            .unwrap();
        let log = audit_seaorm::log(&db).table("t").record(id.to_string());
        assert_eq!(log.list().await.unwrap().len(), 1);
        db.close().await.unwrap();
    })
    .await;
}

pub(crate) async fn the_migrator_runs_again_after_a_change_of_rules<A>(shop: Shop<A>)
where
    A: Plain,
{
    let audit = Audit::builder().service("conformance").build().unwrap();
    let db = attached(&shop, &audit).await;
    let migrator = AuditMigrator::new(&audit);
    for _ in 0..2 {
        migrator.up(&db, None).await.unwrap();
        assert!(!audit_seaorm::check(&db).await.unwrap().has_gaps());
    }
    let words = shop.prove(async |_| customer("a@x").insert(&db).await.map(|_| ()));
    assert_eq!(words.await, ["INSERT customer"]);

    let table = TableRule::new("customer").redact("email", Redaction::Drop);
    let rules = Audit::builder().service("conformance").table(table);
    let audit = rules.build().unwrap();
    let db = attached(&shop, &audit).await;
    AuditMigrator::new(&audit).up(&db, None).await.unwrap();
    assert!(!audit_seaorm::check(&db).await.unwrap().has_gaps());
    alice().scope(customer("b@x").insert(&db)).await.unwrap();
    let log = audit_seaorm::log(&db).table("customer").limit(1);
    let event = log.list().await.unwrap().remove(0);
    assert_eq!(event.redacted_fields, Some(vec!["email".to_owned()]));
    assert!(!event.after_data.unwrap().as_str().contains("b@x"));
}

pub(crate) async fn the_migrator_captures_a_new_table<A>(shop: Shop<A>)
where
    A: Plain,
{
    shop.execute_unprepared("DROP TABLE line").await.unwrap();
    let migrator = AuditMigrator::new(&shop.world.audit);
    migrator.up(&*shop, None).await.unwrap();
    let schema = Schema::new(shop.get_database_backend());
    shop.execute(&schema.create_table_from_entity(lines::Entity))
        .await
        .unwrap();
    migrator.up(&*shop, None).await.unwrap();
    let words = shop.prove(async |db| line(1, "desk").insert(db).await.map(|_| ()));
    assert_eq!(words.await, ["INSERT line"]);
}

pub(crate) async fn the_migrator_keeps_track_beside_that_of_the_application<A>(shop: Shop<A>)
where
    A: Plain,
{
    let migrator = AuditMigrator::new(&shop.world.audit);
    let names = |found: Vec<sea_orm_migration::Migration>| -> Vec<String> {
        found.iter().map(|one| one.name().to_owned()).collect()
    };
    let pending = migrator.get_pending_migrations(&*shop).await.unwrap();
    assert_eq!(names(pending), ["0001_audit_logs", "triggers"]);
    migrator.up(&*shop, None).await.unwrap();
    let applied = migrator.get_applied_migrations(&*shop).await.unwrap();
    assert_eq!(names(applied), ["0001_audit_logs"]);
    let pending = migrator.get_pending_migrations(&*shop).await.unwrap();
    assert_eq!(names(pending), ["triggers"]);
    let row = shop.row(&*shop, "SELECT count(*) FROM audit_seaql_migrations");
    assert_eq!(row.await.try_get_by_index::<i64>(0).unwrap(), 2);
    let own = shop
        .execute_unprepared("SELECT * FROM seaql_migrations")
        .await;
    assert!(own.is_err(), "the application's table is its own");
    // What SeaORM notes of a run is no event.
    assert_eq!(count(&shop).await, 0);
}

pub(crate) async fn the_migrator_takes_nothing_back<A>(shop: Shop<A>)
where
    A: Plain,
{
    let migrator = AuditMigrator::new(&shop.world.audit);
    migrator.up(&*shop, None).await.unwrap();
    let words = shop.prove(async |db| line(1, "desk").insert(db).await.map(|_| ()));
    assert_eq!(words.await, ["INSERT line"]);
    for refused in [
        migrator.down(&*shop, None).await,
        migrator.refresh(&*shop).await,
        migrator.reset(&*shop).await,
    ] {
        match refused {
            Err(DbErr::Migration(why)) => assert!(why.contains("by hand"), "{why}"),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(count(&shop).await, 1);

    let transaction = audit_seaorm::begin(&shop).await.unwrap();
    match migrator.up(&transaction, None).await {
        Err(DbErr::Migration(why)) => assert!(why.contains("DatabaseConnection"), "{why}"),
        other => panic!("{other:?}"),
    }
    transaction.rollback().await.unwrap();
    let words = shop.prove(async |db| line(2, "lamp").insert(db).await.map(|_| ()));
    assert_eq!(words.await, ["INSERT line"]);
}

/// The application's own migrator.
struct Own;

#[async_trait]
impl MigratorTrait for Own {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(Parcels)]
    }
}

struct Parcels;

impl MigrationName for Parcels {
    fn name(&self) -> &str {
        "m1_parcels"
    }
}

#[async_trait]
impl MigrationTrait for Parcels {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create().table("parcel").col(pk_auto("id")).take();
        manager.create_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .drop_table(Table::drop().table("parcel").take())
            .await
    }
}

async fn insert(db: &DatabaseConnection) -> Result<(), DbErr> {
    let sql = "INSERT INTO parcel (id) VALUES (1)";
    db.execute_unprepared(sql).await.map(|_| ())
}

/// What the migration tool does for each of its words, first with one migrator and then with the
/// other.
pub(crate) async fn a_tool_runs_the_migrator_after_that_of_the_application<A>(shop: Shop<A>)
where
    A: Plain,
{
    let (own, audit) = (Own, AuditMigrator::new(&shop.world.audit));
    let db: &DatabaseConnection = &shop;
    own.status(db).await.unwrap();
    audit.status(db).await.unwrap();
    own.up(db, Some(1)).await.unwrap();
    // Step by step: first the tables, then the triggers, which are always the next.
    for _ in 0..3 {
        audit.up(db, Some(1)).await.unwrap();
    }
    assert_eq!(shop.prove(insert).await, ["INSERT parcel"]);

    own.down(db, Some(1)).await.unwrap();
    own.up(db, None).await.unwrap();
    own.refresh(db).await.unwrap();
    audit.up(db, None).await.unwrap();
    assert_eq!(shop.prove(insert).await, ["INSERT parcel"]);
}

/// A fresh start of the application's drops every table that it finds, whoever made it; that of the
/// audit migration drops none.
pub(crate) async fn a_tool_starts_afresh<A>(shop: Shop<A>)
where
    A: Plain,
{
    let (own, audit) = (Own, AuditMigrator::new(&shop.world.audit));
    let db: &DatabaseConnection = &shop;
    own.up(db, None).await.unwrap();
    audit.up(db, None).await.unwrap();
    assert_eq!(shop.prove(insert).await, ["INSERT parcel"]);
    let refused = audit.fresh(db).await;
    assert!(refused.is_err_and(|error| error.to_string().contains("by hand")));
    assert_eq!(count(&shop).await, 1);
    own.fresh(db).await.unwrap();
    audit.up(db, None).await.unwrap();
    let kept = match db.get_database_backend() {
        DbBackend::Postgres => 1,
        _ => 0,
    };
    assert_eq!(count(&shop).await, kept);
    alice().scope(insert(db)).await.unwrap();
    assert_eq!(count(&shop).await, kept + 1);
    assert!(!audit_seaorm::check(db).await.unwrap().has_gaps());
}
