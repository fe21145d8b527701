//! Transactions of SeaORM, opened by the adapter.

use std::time::Duration;

use audit_seaorm::{AuditedConnection, AuditedTransaction, CaptureError};
use audit_testkit::{alice, in_words};
use sea_orm::prelude::*;
use sea_orm::{
    AccessMode, ConnectionTrait, DbBackend, DbErr, IsolationLevel, SqliteTransactionMode,
    Statement, TransactionError, TransactionOptions, TransactionSession, TransactionTrait,
};

use crate::adapter::{Audited, SeaOrm};
use crate::entities::customer;
use crate::executors::{try_add, user};
use crate::shop::{Plain, Sea, Shop, customer};

pub(crate) async fn a_nested_transaction_takes_back_its_part<A>(shop: Shop<A>)
where
    A: Plain,
{
    let events = shop
        .events(async |db| {
            let outer = audit_seaorm::begin(db).await?;
            customer("kept@x").insert(&outer).await?;
            let inner = outer.begin().await?;
            customer("lost@x").insert(&inner).await?;
            inner.rollback().await?;
            let inner = outer.begin().await?;
            customer("kept too@x").insert(&inner).await?;
            inner.commit().await?;
            outer.commit().await
        })
        .await;
    assert_eq!(events.len(), 2, "{}", in_words(&events));
    assert!(events[0].transaction_id.is_some());
    assert_eq!(events[0].transaction_id, events[1].transaction_id);
}

pub(crate) async fn a_closure_that_fails_leaves_nothing<A>(shop: Shop<A>)
where
    A: Plain,
{
    let words = shop
        .prove(async |db| {
            let failed = audit_seaorm::transaction(db, |transaction| {
                Box::pin(async move {
                    customer("a@x").insert(transaction).await?;
                    Err::<(), _>(DbErr::Custom("changed my mind".to_owned()))
                })
            });
            match failed.await {
                Err(TransactionError::Transaction(DbErr::Custom(why))) => {
                    assert_eq!(why, "changed my mind");
                }
                other => panic!("{other:?}"),
            }
            let borrowed = "b@x".to_owned();
            let failed = audit_seaorm::transaction_async(db, async |transaction| {
                customer(&borrowed).insert(transaction).await?;
                Err::<(), _>(DbErr::Custom(borrowed.clone()))
            });
            assert!(matches!(
                failed.await,
                Err(TransactionError::Transaction(DbErr::Custom(_)))
            ));
            Ok(())
        })
        .await;
    assert_eq!(words, [""; 0]);
}

pub(crate) async fn a_closure_that_succeeds_is_recorded_as_one_transaction<A>(shop: Shop<A>)
where
    A: Plain,
{
    let events = shop
        .events(async |db| {
            let done = audit_seaorm::transaction::<_, _, DbErr>(db, |transaction| {
                Box::pin(async move {
                    customer("a@x").insert(transaction).await?;
                    // A closure in a closure: SeaORM's own.
                    transaction
                        .transaction(|inner| {
                            Box::pin(async move { customer("b@x").insert(inner).await })
                        })
                        .await
                        .map_err(|error: TransactionError<DbErr>| match error {
                            TransactionError::Connection(error)
                            | TransactionError::Transaction(error) => error,
                        })
                })
            });
            assert_eq!(done.await.unwrap().email, "b@x");
            Ok(())
        })
        .await;
    assert_eq!(events.len(), 2, "{}", in_words(&events));
    assert!(events[0].transaction_id.is_some());
    assert_eq!(events[0].transaction_id, events[1].transaction_id);
}

/// The isolation level of a transaction, as its server says it.
pub(crate) async fn level(transaction: &impl ConnectionTrait) -> String {
    let sql = match transaction.get_database_backend() {
        DbBackend::Postgres => "SHOW transaction_isolation",
        DbBackend::MySql => {
            "SELECT lower(trx_isolation_level) FROM information_schema.innodb_trx \
             WHERE trx_mysql_thread_id = CONNECTION_ID()"
        }
        // The only level of SQLite.
        _ => "SELECT 'serializable'",
    };
    let statement = Statement::from_string(transaction.get_database_backend(), sql);
    let row = transaction.query_one_raw(statement).await.unwrap().unwrap();
    row.try_get_by_index(0).unwrap()
}

pub(crate) async fn a_configured_transaction_is_recorded<A>(shop: Shop<A>)
where
    A: Plain,
{
    let options = TransactionOptions {
        isolation_level: Some(IsolationLevel::Serializable),
        access_mode: Some(AccessMode::ReadWrite),
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
    };
    let events = shop
        .events(async |db| {
            let first = audit_seaorm::begin_with_options(db, options).await?;
            customer("a@x").insert(&first).await?;
            assert_eq!(level(&first).await, "serializable");
            first.commit().await?;
            let (isolation, access) = (options.isolation_level, options.access_mode);
            let second = audit_seaorm::begin_with_config(db, isolation, access).await?;
            customer("b@x").insert(&second).await?;
            assert_eq!(level(&second).await, "serializable");
            second.commit().await?;
            let third = audit_seaorm::transaction_with_config(
                db,
                |transaction| {
                    Box::pin(async move {
                        assert_eq!(level(transaction).await, "serializable");
                        customer("c@x").insert(transaction).await
                    })
                },
                isolation,
                access,
            );
            third.await.map_err(|error| match error {
                TransactionError::Connection(error) | TransactionError::Transaction(error) => error,
            })?;
            Ok(())
        })
        .await;
    assert_eq!(events.len(), 3, "{}", in_words(&events));
    let mut ids: Vec<_> = events
        .iter()
        .map(|event| event.transaction_id.clone().unwrap())
        .collect();
    ids.dedup();
    assert_eq!(ids.len(), 3, "{}", in_words(&events));
}

pub(crate) async fn a_transaction_that_is_dropped_leaves_nothing<A>(shop: Shop<A>)
where
    A: Plain,
{
    let words = shop
        .prove(async |db| {
            let dropped = audit_seaorm::begin(db).await?;
            customer("lost@x").insert(&dropped).await?;
            drop(dropped);
            // On the only connection of the pool.
            customer("kept@x").insert(db).await?;
            Ok(())
        })
        .await;
    assert_eq!(words, ["INSERT customer"]);
}

/// The messages that the server got on the connection of a transaction.
async fn messages<A>(shop: &Shop<A>, transaction: impl ConnectionTrait + TransactionSession) -> i64
where
    A: Plain,
{
    let sql = "SHOW SESSION STATUS LIKE 'Questions'";
    let row = shop.row(&transaction, sql).await;
    transaction.rollback().await.unwrap();
    // Released in the background, with a statement of its own.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let questions: String = row.try_get_by_index(1).unwrap();
    questions.parse().unwrap()
}

pub(crate) async fn begin_takes_no_message_more_than_sea_orm<A>(shop: Shop<A>)
where
    A: Plain,
{
    let first = messages(&shop, shop.begin().await.unwrap()).await;
    let theirs = messages(&shop, shop.begin().await.unwrap()).await;
    let ours = messages(&shop, audit_seaorm::begin(&shop).await.unwrap()).await;
    assert_eq!(ours - theirs, theirs - first);
    let audited = AuditedConnection::new(shop.clone()).unwrap();
    let audited = messages(&shop, audited.begin().await.unwrap()).await;
    // The id is a statement of its own, in the message that opens the transaction.
    assert_eq!(audited - ours, theirs - first + 1);
}

/// What the server got since the transaction began, this question aside.
async fn questions<A: Sea>(shop: &Shop<A>, transaction: &AuditedTransaction) -> i64 {
    let sql = "SHOW SESSION STATUS LIKE 'Questions'";
    let row = shop.row(transaction, sql).await;
    let questions: String = row.try_get_by_index(1).unwrap();
    questions.parse().unwrap()
}

pub(crate) async fn a_context_that_stays_is_put_on_once(shop: Shop<Audited<sqlx::MySql>>) {
    let work = async {
        let transaction = shop.world.adapter.connection.begin().await?;
        let first = questions(&shop, &transaction).await;
        let asked = questions(&shop, &transaction).await - first;
        for number in 0..3 {
            try_add(&transaction, number).await?;
        }
        let three = questions(&shop, &transaction).await;
        assert_eq!(three - first, 3 + 2 * asked);
        for number in 3..6 {
            let other = user(&format!("user {number}"));
            other.scope(try_add(&transaction, number)).await?;
        }
        // Each has a context of its own, and so has this question.
        let six = questions(&shop, &transaction).await;
        assert_eq!(six - three, 3 + 3 + 1 + asked);
        transaction.rollback().await
    };
    alice().scope(work).await.unwrap();
}

pub(crate) async fn a_refused_event_is_a_capture_error<A>(shop: Shop<A>)
where
    A: Plain,
{
    shop.world
        .raw(shop.world.by(
            "DROP TABLE audit.audit_logs CASCADE",
            "DROP TABLE audit_logs",
            "DROP TABLE audit_logs",
        ))
        .await;
    let refused = alice().scope(customer("a@x").insert(&*shop)).await;
    let error = refused.unwrap_err();
    assert!(
        matches!(CaptureError::of(&error), Some(CaptureError::LogMissing(_))),
        "{error:?}"
    );
    assert_eq!(customer::Entity::find().count(&*shop).await.unwrap(), 0);

    let own = shop
        .execute_unprepared("INSERT INTO nothing VALUES (1)")
        .await;
    assert!(CaptureError::of(&own.unwrap_err()).is_none());
}

pub(crate) async fn a_refused_statement_is_recorded_by_a_lane(shop: Shop<SeaOrm<sqlx::Sqlite>>) {
    let sink = audit_sqlx::event_sink(shop.get_sqlite_connection_pool()).unwrap();
    let lane = audit_lane::Lane::builder(sink, audit_lane::Overflow::DropNewest);
    let lane = lane.start().unwrap();
    let work = async {
        let transaction = audit_seaorm::begin(&shop).await?;
        for _ in 0..2 {
            let twice = "INSERT INTO tag (id, name) VALUES (7, 'twice')";
            transaction.execute_unprepared(twice).await?;
        }
        transaction.commit().await
    };
    let event = audit_core::Event::custom("tag.add");
    let failed = alice().scope(audit_seaorm::record_failure(&lane, event, work));
    assert!(matches!(failed.await, Err(DbErr::Exec(_))));
    assert_eq!(lane.shutdown(Duration::from_secs(60)).await.lost, 0);
    let log = audit_seaorm::log(&shop).action("tag.add");
    let [event] = log.list().await.unwrap().try_into().unwrap();
    assert_eq!(event.outcome, audit_core::Outcome::Failure);
    assert_eq!(event.error_code.as_deref(), Some("1555"));
    assert_eq!(event.actor_id.as_deref(), Some("alice"));
}
