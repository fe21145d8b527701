//! What the options of SeaORM say, and connections that are not ours.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use audit_core::{Audit, Operation};
use audit_seaorm::{
    AuditedConnection, CheckError, ContextScope, LogError, MigrateError, NotAttached,
    UnsupportedConnection, cause,
};
use audit_testkit::alice;
use sea_orm::prelude::*;
use sea_orm::{
    ConnectOptions, Database, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    IsolationLevel, MockDatabase, RuntimeErr, TransactionError, TransactionTrait,
};

use crate::executors::{actors, add, user};
use crate::shop::{Plain, Shop, customer, line};
use crate::transactions::level;

fn pool_options(db: &DatabaseConnection) -> (u32, u32, Option<Duration>, Duration) {
    macro_rules! of {
        ($pool:expr) => {{
            let options = $pool.options();
            (
                options.get_max_connections(),
                options.get_min_connections(),
                options.get_max_lifetime(),
                options.get_acquire_timeout(),
            )
        }};
    }
    match db.get_database_backend() {
        DbBackend::MySql => of!(db.get_mysql_connection_pool()),
        DbBackend::Postgres => of!(db.get_postgres_connection_pool()),
        _ => of!(db.get_sqlite_connection_pool()),
    }
}

pub(crate) async fn the_options_are_kept<A>(shop: Shop<A>)
where
    A: Plain,
{
    let called = Arc::new(AtomicUsize::new(0));
    let calls = Arc::clone(&called);
    let lifetime = Duration::from_secs(77);
    let mut options = ConnectOptions::new(shop.world.url());
    options
        .max_connections(3)
        .min_connections(2)
        .acquire_timeout(Duration::from_secs(5))
        .set_application_name("shop")
        .set_schema_search_path("public,pg_temp")
        .statement_timeout(Duration::from_secs(33))
        .map_sqlx_mysql_pool_opts(move |pool| pool.max_lifetime(lifetime))
        .map_sqlx_postgres_pool_opts(move |pool| pool.max_lifetime(lifetime))
        .map_sqlx_sqlite_pool_opts(move |pool| pool.max_lifetime(lifetime))
        .map_sqlx_mysql_opts(|options| options.timezone(Some("+03:00".to_owned())))
        .map_sqlx_postgres_opts(|options| options.options([("lock_timeout", "44s")]))
        .map_sqlx_sqlite_opts(|options| options.pragma("cache_size", "321"))
        .after_connect(move |db| {
            let calls = Arc::clone(&calls);
            Box::pin(async move {
                db.ping().await?;
                calls.fetch_add(1, Ordering::SeqCst);
                Ok(())
            })
        });
    let attach = audit_seaorm::attach(options, &shop.world.audit);
    let db = attach.connect().await.unwrap();
    assert_eq!(
        pool_options(&db),
        (3, 2, Some(lifetime), Duration::from_secs(5))
    );
    assert_eq!(called.load(Ordering::SeqCst), 1);
    let settings: &[(&str, &str)] = match db.get_database_backend() {
        DbBackend::Postgres => &[
            ("SHOW application_name", "shop"),
            ("SHOW search_path", "public, pg_temp"),
            ("SHOW statement_timeout", "33s"),
            ("SHOW lock_timeout", "44s"),
        ],
        DbBackend::MySql => &[("SELECT @@time_zone", "+03:00")],
        _ => &[(
            "SELECT CAST(cache_size AS TEXT) FROM pragma_cache_size",
            "321",
        )],
    };
    for (sql, expected) in settings {
        let row = shop.row(&db, sql).await;
        assert_eq!(row.try_get_by_index::<String>(0).unwrap(), *expected);
    }
    let words = shop.prove(async |_| line(1, "desk").insert(&db).await.map(|_| ()));
    assert_eq!(words.await, ["INSERT line"]);
}

pub(crate) async fn hooks_of_the_application_run_beside_ours<A>(shop: Shop<A>)
where
    A: Plain,
{
    let counts: [Arc<AtomicUsize>; 3] = Default::default();
    macro_rules! hooks {
        ($attach:expr, $($database:ident)+) => {
            $attach$(.$database({
                let [opened, taken, given] = counts.clone();
                move |pool| pool
                    .after_connect(move |_, _| {
                        opened.fetch_add(1, Ordering::SeqCst);
                        Box::pin(std::future::ready(Ok(())))
                    })
                    .before_acquire(move |_, _| {
                        taken.fetch_add(1, Ordering::SeqCst);
                        Box::pin(std::future::ready(Ok(true)))
                    })
                    .after_release(move |_, _| {
                        given.fetch_add(1, Ordering::SeqCst);
                        Box::pin(std::future::ready(Ok(true)))
                    })
            }))+
        };
    }
    let mut options = ConnectOptions::new(shop.world.url());
    options.max_connections(1);
    let replaced = replaced_hooks(&mut options);
    let attach = audit_seaorm::attach(options, &shop.world.audit);
    let db = hooks!(attach, mysql postgres sqlite)
        .connect()
        .await
        .unwrap();
    // SeaORM asks SQLite for its version on a connection that nobody gets.
    let asked = replaced.load(Ordering::SeqCst);
    let is_sqlite = db.get_database_backend() == DbBackend::Sqlite;
    assert_eq!(asked, usize::from(is_sqlite));
    let words = shop.prove(async |_| {
        line(1, "desk").insert(&db).await?;
        line(2, "lamp").insert(&db).await?;
        Ok(())
    });
    assert_eq!(words.await, ["INSERT line", "INSERT line"]);
    let [opened, taken, given] = counts.map(|count| count.load(Ordering::SeqCst));
    assert_eq!(opened, 1);
    assert!(taken >= 2 && given >= 1, "{taken} {given}");
    assert_eq!(replaced.load(Ordering::SeqCst), asked);
}

/// Sets hooks in the ways of SeaORM and sqlx, which nobody can read back: they are known not to run.
fn replaced_hooks(options: &mut ConnectOptions) -> Arc<AtomicUsize> {
    let count = Arc::new(AtomicUsize::new(0));
    macro_rules! hooks {
        ($($before_acquire:ident $pool_opts:ident)+) => {$(
            let [taken, opened] = [0; 2].map(|_| Arc::clone(&count));
            options.$before_acquire(move |_, _| {
                taken.fetch_add(1, Ordering::SeqCst);
                Box::pin(std::future::ready(Ok(true)))
            });
            options.$pool_opts(move |pool| {
                let opened = Arc::clone(&opened);
                pool.after_connect(move |_, _| {
                    opened.fetch_add(1, Ordering::SeqCst);
                    Box::pin(std::future::ready(Ok(())))
                })
            });
        )+};
    }
    hooks!(
        map_sqlx_mysql_before_acquire map_sqlx_mysql_pool_opts
        map_sqlx_postgres_before_acquire map_sqlx_postgres_pool_opts
        map_sqlx_sqlite_before_acquire map_sqlx_sqlite_pool_opts
    );
    count
}

pub(crate) async fn a_lazy_connection_is_opened_when_it_is_used<A>(shop: Shop<A>)
where
    A: Plain,
{
    let mut options = ConnectOptions::new(shop.world.url());
    options.connect_lazy(true);
    let attach = audit_seaorm::attach(options, &shop.world.audit);
    let db = attach.connect().await.unwrap();
    let words = shop.prove(async |_| line(1, "desk").insert(&db).await.map(|_| ()));
    assert_eq!(words.await, ["INSERT line"]);

    // Nobody is there. Of SQLite SeaORM asks the version at once, lazy or not.
    let nowhere = match db.get_database_backend() {
        DbBackend::MySql => "mysql://nobody@127.0.0.1:1/none",
        DbBackend::Postgres => "postgres://nobody@127.0.0.1:1/none",
        _ => "sqlite:/nowhere/none.db",
    };
    let mut options = ConnectOptions::new(nowhere);
    options.connect_lazy(true).set_application_name("x");
    let attach = audit_seaorm::attach(options, &shop.world.audit);
    let is_sqlite = shop.get_database_backend() == DbBackend::Sqlite;
    assert_eq!(attach.connect().await.is_err(), is_sqlite);
}

fn configuration(error: &DbErr) -> &(dyn std::error::Error + Send + Sync + 'static) {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(error)) => match &**error {
            sqlx::Error::Configuration(why) => &**why,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

/// Disconnected: what `DatabaseConnection` is by default.
fn none() -> DatabaseConnection {
    DatabaseConnection::default()
}

fn mock(db: &DatabaseConnection) -> DatabaseConnection {
    MockDatabase::new(db.get_database_backend()).into_connection()
}

fn never(_: &DatabaseTransaction) -> Pin<Box<dyn Future<Output = Result<(), DbErr>> + Send + '_>> {
    panic!("there is no transaction to run it in")
}

/// Every call says that there is no pool, before a statement is sent.
async fn refuses_everything(db: &DatabaseConnection, audit: &Audit) {
    let error = AuditedConnection::new(db.clone()).unwrap_err();
    assert!(cause::<UnsupportedConnection>(&error).is_some());
    let is_unsupported = |error: &sqlx::Error| match error {
        sqlx::Error::Configuration(why) => why.is::<UnsupportedConnection>(),
        _ => false,
    };
    let error = audit_seaorm::begin(db).await.unwrap_err();
    assert!(cause::<UnsupportedConnection>(&error).is_some());
    match audit_seaorm::transaction(db, never).await.unwrap_err() {
        TransactionError::Connection(error) => {
            assert!(cause::<UnsupportedConnection>(&error).is_some());
        }
        TransactionError::Transaction(error) => panic!("{error:?}"),
    }
    match audit_seaorm::check(db).await.unwrap_err() {
        CheckError::Database(error) => assert!(is_unsupported(&error)),
        other => panic!("{other:?}"),
    }
    match audit_seaorm::migrate(db, audit).await.unwrap_err() {
        MigrateError::Database(error) => assert!(is_unsupported(&error)),
        other => panic!("{other:?}"),
    }
    match audit_seaorm::log(db).list().await.unwrap_err() {
        LogError::Database(error) => assert!(is_unsupported(&error)),
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn a_connection_that_is_not_attached_is_refused<A>(shop: Shop<A>)
where
    A: Plain,
{
    let plain = Database::connect(shop.world.url()).await.unwrap();
    let error = audit_seaorm::begin(&plain).await.unwrap_err();
    let why = cause::<NotAttached>(&error).unwrap();
    assert!(why.to_string().contains("`audit_seaorm::attach`"), "{why}");
    assert!(cause::<UnsupportedConnection>(&error).is_none());
    let error = AuditedConnection::new(plain.clone()).unwrap_err();
    assert!(cause::<NotAttached>(&error).is_some(), "{error}");
    let check = audit_seaorm::check(&plain).await;
    assert!(matches!(
        check,
        Err(CheckError::Database(sqlx::Error::Configuration(_)))
    ));
    let migrated = audit_seaorm::migrate(&plain, &shop.world.audit).await;
    match (plain.get_database_backend(), migrated) {
        (DbBackend::Sqlite, Err(MigrateError::Database(sqlx::Error::Configuration(_)))) => {}
        (DbBackend::MySql | DbBackend::Postgres, Ok(_)) => {}
        (_, other) => panic!("{other:?}"),
    }

    for poolless in [none(), mock(&shop)] {
        refuses_everything(&poolless, &shop.world.audit).await;
    }
    let strange = audit_seaorm::attach("mssql://localhost/x", &shop.world.audit);
    let error = strange.connect().await.unwrap_err();
    assert!(cause::<UnsupportedConnection>(&error).is_some());

    let scoped = audit_seaorm::attach(shop.world.url(), &shop.world.audit)
        .context_scope(ContextScope::Transaction)
        .connect()
        .await;
    match (shop.get_database_backend(), scoped) {
        (DbBackend::Postgres, Ok(db)) => {
            nothing_stays_on_the_session(&shop, &db).await;
            let events = shop.events(async |_| {
                let transaction = audit_seaorm::begin(&db).await?;
                line(1, "desk").insert(&transaction).await?;
                transaction.commit().await
            });
            assert_eq!(events.await.len(), 1);
            assert!(!audit_seaorm::check(&db).await.unwrap().has_gaps());
        }
        (_, Err(error)) => {
            let why = configuration(&error).to_string();
            assert!(why.contains("ContextScope::Connection"), "{why}");
        }
        (_, Ok(_)) => panic!("there is no such scope"),
    }
}

/// The context of each statement in a transaction ends with it.
async fn nothing_stays_on_the_session<A: Plain>(shop: &Shop<A>, db: &DatabaseConnection) {
    let db = AuditedConnection::new(db.clone()).unwrap();
    let prove = shop.world.prove(async |_| {
        let work = async {
            let serializable = Some(IsolationLevel::Serializable);
            let outer = db.begin_with_config(serializable, None).await.unwrap();
            assert_eq!(level(&outer).await, "serializable");
            add(&outer, 10).await;
            user("bob").scope(add(&outer, 11)).await;
            let inner = outer.begin().await.unwrap();
            user("carol").scope(add(&inner, 12)).await;
            inner.rollback().await.unwrap();
            user("carol").scope(add(&outer, 13)).await;
            add(&outer, 14).await;
            outer.commit().await.unwrap();
            add(&db, 15).await;
        };
        user("dave").scope(work).await;
    });
    let expected = [
        (10, "dave"),
        (11, "bob"),
        (13, "carol"),
        (14, "dave"),
        (15, "unknown"),
    ];
    assert_eq!(actors(&prove.await), expected);
}

pub(crate) async fn the_log_is_narrowed<A>(shop: Shop<A>)
where
    A: Plain,
{
    let work = async {
        customer("a@x").insert(&*shop).await?;
        line(1, "desk").insert(&*shop).await?;
        line(2, "lamp").insert(&*shop).await
    };
    alice().scope(work).await.unwrap();
    let log = audit_seaorm::log(&shop)
        .table("line")
        .operation(Operation::Insert)
        .oldest_first()
        .limit(1);
    let events = log.list().await.unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].record_id.as_deref(), Some(r#"["acme","1"]"#));
}

pub(crate) async fn work_without_triggers_can_alter_a_table<A>(shop: Shop<A>)
where
    A: Plain,
{
    let drop = "ALTER TABLE purchase DROP COLUMN what";
    let altered = audit_seaorm::unaudited::<_, _, DbErr>(&shop, |plain| {
        Box::pin(async move { plain.execute_unprepared(drop).await.map(|_| ()) })
    });
    altered.await.unwrap();
    shop.world.migrate().await;
    let words = shop.prove(async |db| {
        let one = customer("a@x").insert(db).await?;
        let insert = format!("INSERT INTO purchase (customer_id) VALUES ({})", one.id);
        db.execute_unprepared(&insert).await.map(|_| ())
    });
    assert_eq!(words.await, ["INSERT customer", "INSERT purchase"]);
}
