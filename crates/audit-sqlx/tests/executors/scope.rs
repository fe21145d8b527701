//! `ContextScope::Transaction`, and what MariaDB keeps of a transaction.

use audit_sqlx::{AuditedPool, ContextScope};
use audit_testkit::{Server, TestDatabase, World};
use sqlx::postgres::PgPoolOptions;

use crate::adapter::Executors;
use crate::context::{actors, insert, run, user};

pub(crate) async fn nothing_stays_on_the_session(server: Server) {
    let world = World::<Executors<sqlx::Postgres>>::new(server).await;
    let options = PgPoolOptions::new().max_connections(1);
    let attach = audit_sqlx::attach(options, &world.audit);
    let attach = attach.context_scope(ContextScope::Transaction);
    let pool = AuditedPool::new(attach.connect(world.url()).await.unwrap()).unwrap();
    let events = world
        .prove(async |_| {
            let mut connection = user("alice").scope(pool.acquire()).await.unwrap();
            let work = async {
                let mut transaction = connection.begin().await.unwrap();
                run(&mut *transaction, &insert(1)).await;
                user("bob").scope(run(&mut *transaction, &insert(2))).await;
                let mut inner = transaction.begin().await.unwrap();
                user("carol").scope(run(&mut *inner, &insert(0))).await;
                inner.rollback().await.unwrap();
                user("carol")
                    .scope(run(&mut *transaction, &insert(3)))
                    .await;
                run(&mut *transaction, &insert(4)).await;
                transaction.commit().await.unwrap();
                run(&mut connection, &insert(5)).await;
            };
            user("alice").scope(work).await;
            let left: Option<String> =
                sqlx::query_scalar("SELECT nullif(current_setting('audit.context', true), '')")
                    .fetch_one(&mut connection)
                    .await
                    .unwrap();
            assert_eq!(left, None);
            drop(connection);
            let work = async {
                let mut transaction = pool.begin().await.unwrap();
                run(&mut *transaction, &insert(6)).await;
                transaction.commit().await.unwrap();
            };
            user("dave").scope(work).await;
            user("dave").scope(run(&pool, &insert(7))).await;
        })
        .await;
    let expected = [
        ("1", "alice"),
        ("2", "bob"),
        ("3", "carol"),
        ("4", "alice"),
        ("5", "unknown"),
        ("6", "dave"),
        ("7", "unknown"),
    ];
    assert_eq!(actors(&events), expected);
}

pub(crate) async fn the_id_of_a_transaction_ends_with_it(server: Server) {
    let world = World::<Executors<sqlx::MySql>>::new(server).await;
    let events = world
        .prove(async |adapter| {
            let mut connection = adapter.pool.acquire().await.unwrap();
            let mut transaction = connection.begin().await.unwrap();
            run(&mut *transaction, &insert(1)).await;
            run(&mut *transaction, &insert(2)).await;
            transaction.commit().await.unwrap();
            run(&mut connection, "BEGIN").await;
            run(&mut connection, &insert(3)).await;
            run(&mut connection, "COMMIT").await;
            run(&mut connection, &insert(4)).await;
        })
        .await;
    let ids: Vec<_> = events
        .iter()
        .map(|event| event.transaction_id.as_deref())
        .collect();
    assert!(ids[0].is_some() && ids[0] == ids[1], "{ids:?}");
    assert_eq!(ids[2], None);
    assert_ne!(ids[3], ids[0]);
}

pub(crate) async fn a_pool_that_is_not_attached_is_refused(server: Server) {
    let database = TestDatabase::create(server).await;
    let pool = sqlx::SqlitePool::connect(database.url()).await.unwrap();
    let error = AuditedPool::new(pool).map(drop).unwrap_err();
    assert!(error.to_string().contains("audit_sqlx::attach"), "{error}");
}
