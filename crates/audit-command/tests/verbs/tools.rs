//! `audit migrate print`: each tool runs what is printed for it, beside the application's own
//! migrations, and what comes of it is what `audit migrate up` makes.

use std::fs;
use std::path::Path;

use audit_testkit::{Raw, Server, TestDatabase};
use diesel::backend::Backend;
use diesel::migration::{Migration, MigrationSource as _};
use diesel::prelude::*;
use diesel_async::{
    AsyncConnection as _, AsyncMigrationHarness, AsyncMysqlConnection, AsyncPgConnection,
};
use diesel_migrations::{FileBasedMigrations, MigrationHarness};
use sqlx::migrate::Migrator;

use super::migrate::Application;
use crate::Db;

#[path = "../../templates/audit_migrator.rs"]
#[expect(unreachable_pub, reason = "it is for the crate of an application")]
mod audit_migrator;

const OWN: &str = "CREATE TABLE shops (id INTEGER PRIMARY KEY);\n";

/// The step of ours, as tools name it.
const STEP: &str = "19700101000001_audit_logs";

/// A tool that runs files.
#[derive(Debug, Clone, Copy)]
enum Tool {
    Diesel,
    Sqlx,
}

impl Tool {
    /// Makes the application's own migration, and a manifest that depends on the tool.
    fn begin(self, application: &Application) {
        let migrations = application.path().join("migrations");
        let (manifest, own) = match self {
            Self::Diesel => ("diesel = '2'", "2024-01-01-000000_shops/up.sql"),
            Self::Sqlx => (
                "audit-sqlx = '0.1'\nsqlx = '0.9'\ndiesel = '2'",
                "20240101000000_shops.sql",
            ),
        };
        let own = migrations.join(own);
        fs::create_dir_all(own.parent().unwrap()).unwrap();
        fs::write(&own, OWN).unwrap();
        let manifest = format!("[dependencies]\n{manifest}\n");
        fs::write(application.path().join("Cargo.toml"), manifest).unwrap();
    }

    /// Runs what is pending in the folder, or takes our step back.
    async fn work(self, application: &mut Application, folder: &Path, work: Work) {
        match self {
            Self::Diesel => by_diesel(&application.database, folder, work).await,
            Self::Sqlx => by_sqlx(&mut application.raw, folder, work).await,
        }
    }
}

/// What a tool does.
#[derive(Debug, Clone, Copy)]
enum Work {
    Revert,
    Run,
}

/// The application's own migration has no way down for sqlx, so that only ours is taken back.
async fn by_sqlx(raw: &mut Raw, folder: &Path, work: Work) {
    let migrator = Migrator::new(folder).await.unwrap();
    let done = match (raw, work) {
        (Raw::MySql(connection), Work::Run) => migrator.run(&mut **connection).await,
        (Raw::MySql(connection), Work::Revert) => migrator.undo(&mut **connection, 0).await,
        (Raw::Postgres(connection), Work::Run) => migrator.run(&mut **connection).await,
        (Raw::Postgres(connection), Work::Revert) => migrator.undo(&mut **connection, 0).await,
        (Raw::Sqlite(connection), Work::Run) => migrator.run(&mut **connection).await,
        (Raw::Sqlite(connection), Work::Revert) => migrator.undo(&mut **connection, 0).await,
    };
    done.unwrap();
}

async fn by_diesel(database: &TestDatabase, folder: &Path, work: Work) {
    let url = database.url();
    match database.server() {
        Server::MariaDb => {
            let connection = AsyncMysqlConnection::establish(url).await.unwrap();
            work_by_diesel(&mut AsyncMigrationHarness::new(connection), folder, work);
        }
        Server::Sqlite => {
            let file = url.trim_start_matches("sqlite://").split('?').next();
            let mut connection = SqliteConnection::establish(file.unwrap()).unwrap();
            work_by_diesel(&mut connection, folder, work);
        }
        _ => {
            let connection = AsyncPgConnection::establish(url).await.unwrap();
            work_by_diesel(&mut AsyncMigrationHarness::new(connection), folder, work);
        }
    }
}

fn work_by_diesel<DB: Backend>(harness: &mut impl MigrationHarness<DB>, folder: &Path, work: Work) {
    let source = FileBasedMigrations::from_path(folder).unwrap();
    match work {
        Work::Run => {
            harness.run_pending_migrations(source).unwrap();
        }
        Work::Revert => {
            let migrations: Vec<Box<dyn Migration<DB>>> = source.migrations().unwrap();
            let mut migrations = migrations.iter();
            let ours = migrations.find(|one| one.name().to_string() == STEP);
            harness.revert_migration(&**ours.unwrap()).unwrap();
        }
    }
}

async fn runs_what_is_printed(tool: Tool, server: Server) {
    let mut application = Application::with_rules(server).await;
    let folder = application.path().join("migrations");
    tool.begin(&application);
    tool.work(&mut application, &folder, Work::Run).await;
    let before = application.catalog().await;

    // What the application depends on tells the tool, and the URL the database.
    for _ in 0..2 {
        let (code, _, said) = application.ask("migrate print -o migrations");
        assert_eq!(code, 0, "{said}");
    }
    tool.work(&mut application, &folder, Work::Run).await;
    // The triggers and indexes depend on the rules: they are for `up`, which runs no step again.
    let (_, parts) = application.words("migrate status", &["part", "name", "state"]);
    assert_eq!(parts[0], "step 0001_audit_logs done");
    let (code, done) = application.words("migrate up", &["part", "name", "done"]);
    assert_eq!(code, 0);
    assert!(
        !done.iter().any(|line| line.starts_with("step")),
        "{done:?}"
    );
    assert_eq!(application.ask("migrate status").0, 0);

    // It is what `up` makes, after which the tool does no harm.
    let mut other = Application::with_rules(server).await;
    assert_eq!(other.ask("migrate up").0, 0);
    tool.work(&mut other, &folder, Work::Run).await;
    assert_eq!(other.ask("migrate up").0, 0);
    let wanted = other.catalog().await;
    application
        .catalog()
        .await
        .assert_is(&wanted, "where a tool ran what was printed");

    for application in [&mut application, &mut other] {
        tool.work(application, &folder, Work::Revert).await;
        application
            .catalog()
            .await
            .assert_is(&before, "after the tool took it back");
    }
}

pub(crate) async fn sqlx_runs_what_is_printed<DB: Db>(server: Server) {
    runs_what_is_printed(Tool::Sqlx, server).await;
}

pub(crate) async fn diesel_runs_what_is_printed<DB: Db>(server: Server) {
    runs_what_is_printed(Tool::Diesel, server).await;
}

pub(crate) async fn sea_orm_runs_what_is_printed<DB: Db>(server: Server) {
    let application = Application::with_rules(server).await;
    fs::write(
        application.path().join("Cargo.toml"),
        "[dependencies]\nsea-orm = '2'\n",
    )
    .unwrap();
    let (code, printed, said) = application.ask("migrate print");
    assert_eq!(code, 0, "{said}");
    assert_eq!(printed, include_str!("../../templates/audit_migrator.rs"));
    // It is compiled into this test.
    let file: toml::Table = toml::from_str(super::migrate::RULES).unwrap();
    let rules: audit_core::AuditBuilder = file["audit"].clone().try_into().unwrap();
    let audit = rules.build().unwrap();
    let attach = audit_seaorm::attach(application.database.url(), &audit);
    let connection = attach.connect().await.unwrap();
    audit_migrator::migrate_audit(&connection, &audit)
        .await
        .unwrap();
    connection.close().await.unwrap();
    assert_eq!(application.ask("migrate status").0, 0);
}
