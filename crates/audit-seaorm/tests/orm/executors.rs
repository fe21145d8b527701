//! Each statement has the context of the task that runs it, also in a transaction that is held.

use audit_core::{Actor, ActorKind, AuditContext, Event, context};
use audit_seaorm::{AuditedConnection, AuditedTransaction, Interrupted};
use audit_testkit::in_words;
use sea_orm::prelude::*;
use sea_orm::{
    AccessMode, ConnectOptions, ConnectionTrait, DbBackend, DbErr, ExecResult, IsolationLevel,
    QueryOrder, RuntimeErr, Set, SqliteTransactionMode, Statement, StreamTrait, TransactionError,
    TransactionOptions, TransactionTrait,
};

use crate::entities::{customer, line as lines, purchase, tag};
use crate::shop::{Sea, Shop, line};
use crate::transactions::level;

pub(crate) fn user(name: &str) -> AuditContext {
    AuditContext::new().with_actor(Actor::user(name))
}

/// Adds a line, by any of SeaORM's connections.
pub(crate) async fn add(connection: &impl ConnectionTrait, number: i32) {
    line(number, "desk").insert(connection).await.unwrap();
}

/// The same as a text without binds, which the caller may see fail.
pub(crate) async fn try_add(
    connection: &impl ConnectionTrait,
    number: i32,
) -> Result<ExecResult, DbErr> {
    let text = format!("INSERT INTO line VALUES ('acme', {number}, 'desk')");
    connection.execute_unprepared(&text).await
}

async fn run(connection: &impl ConnectionTrait, text: &str) {
    connection.execute_unprepared(text).await.unwrap();
}

/// Runs a statement that the database refuses.
async fn fail(connection: &impl ConnectionTrait) {
    let refused = connection.execute_unprepared("INSERT INTO nowhere VALUES (1)");
    refused.await.unwrap_err();
}

/// Who did each event, by the number of the line.
pub(crate) fn actors(events: &[Event]) -> Vec<(i32, &str)> {
    let one = |event: &'_ Event| -> i32 {
        let key: [String; 2] = serde_json::from_str(event.record_id.as_deref().unwrap()).unwrap();
        key[1].parse().unwrap()
    };
    let is_known = |event: &Event| event.actor_kind != ActorKind::Unknown;
    assert!(
        events
            .iter()
            .all(|event| event.actor_id.is_some() == is_known(event)),
        "{}",
        in_words(events)
    );
    events
        .iter()
        .map(|event| (one(event), event.actor_id.as_deref().unwrap_or("unknown")))
        .collect()
}

pub(crate) fn is_interrupted(error: &DbErr) -> bool {
    let (DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error))) =
        error
    else {
        return false;
    };
    let sqlx::Error::Io(error) = &**error else {
        return false;
    };
    error
        .get_ref()
        .is_some_and(|error| error.is::<Interrupted>())
}

pub(crate) async fn each_statement_has_the_context_of_its_task<A>(shop: Shop<A>)
where
    A: Sea<Connection = AuditedConnection>,
{
    let prove = shop.world.prove(async |adapter| {
        let db = adapter.connection();
        add(db, 1).await;
        let work = async {
            let outer = db.begin().await.unwrap();
            add(&outer, 2).await;
            user("bob").scope(add(&outer, 3)).await;
            let inner = outer.begin().await.unwrap();
            add(&inner, 4).await;
            user("bob").scope(add(&inner, 5)).await;
            inner.commit().await.unwrap();
            add(&outer, 6).await;
            let mut first = line(2, "desk").reset_all();
            first.item = Set("lamp".to_owned());
            let renamed = context::with_reason("ticket 7", first.update(&outer));
            renamed.await.unwrap();
            context::set_actor(Actor::user("carol"));
            add(&outer, 7).await;
            outer.commit().await.unwrap();
        };
        user("alice").scope(work).await;
        let transaction = user("alice").scope(db.begin()).await.unwrap();
        let other = async move {
            add(&transaction, 8).await;
            transaction
        };
        let transaction = tokio::spawn(user("dave").scope(other)).await.unwrap();
        user("erin").scope(add(&transaction, 9)).await;
        transaction.commit().await.unwrap();
        // The call is outside of the scope; what counts is who waits for the answer.
        let call = line(10, "desk").insert(db);
        user("erin").scope(call).await.unwrap();
    });
    let events = prove.await;
    let expected = [
        (1, "unknown"),
        (2, "alice"),
        (3, "bob"),
        (4, "alice"),
        (5, "bob"),
        (6, "alice"),
        (2, "alice"),
        (7, "carol"),
        (8, "dave"),
        (9, "erin"),
        (10, "erin"),
    ];
    assert_eq!(actors(&events), expected);
    let reasons = events.iter().filter_map(|event| event.reason.as_deref());
    assert_eq!(reasons.collect::<Vec<_>>(), ["ticket 7"]);
    let ids = |range: std::ops::Range<usize>| {
        let mut ids: Vec<_> = events[range]
            .iter()
            .map(|event| event.transaction_id.clone().unwrap())
            .collect();
        ids.dedup();
        ids
    };
    assert_eq!(ids(1..8).len(), 1, "{}", in_words(&events));
    assert_eq!(ids(8..10).len(), 1, "{}", in_words(&events));
    assert_ne!(ids(1..2), ids(8..9));
}

/// Takes something back within Bob's part of a transaction of Alice's, in one of four ways.
async fn take_back(outer: &AuditedTransaction, way: i32, number: i32) {
    match way {
        0 | 1 => {
            let inner = outer.begin().await.unwrap();
            add(&inner, number).await;
            match way {
                0 => inner.rollback().await.unwrap(),
                _ => drop(inner),
            }
        }
        2 => {
            user("carol").scope(run(outer, "SAVEPOINT s")).await;
            add(outer, number).await;
            run(outer, "ROLLBACK TO SAVEPOINT s").await;
        }
        _ => {
            run(outer, "SAVEPOINT s").await;
            fail(outer).await;
            // The transaction of PostgreSQL takes nothing else by now.
            let back = run(outer, "ROLLBACK TO SAVEPOINT s");
            user("carol").scope(back).await;
        }
    }
    add(outer, number + 1).await;
}

/// PostgreSQL takes a context back with the savepoint that it was put on in.
pub(crate) async fn what_is_rolled_back_brings_no_old_context<A>(shop: Shop<A>)
where
    A: Sea<Connection = AuditedConnection>,
{
    let prove = shop.world.prove(async |adapter| {
        let db = adapter.connection();
        let alice = user("alice");
        let outer = alice.clone().scope(db.begin()).await.unwrap();
        for way in 0..4 {
            let number = way * 10;
            alice.clone().scope(add(&outer, number)).await;
            user("bob").scope(take_back(&outer, way, number + 1)).await;
            alice.clone().scope(add(&outer, number + 3)).await;
        }
        user("bob").scope(outer.commit()).await.unwrap();
        // What PostgreSQL answers to a COMMIT in a transaction that has failed.
        let failed = alice.clone().scope(db.begin()).await.unwrap();
        fail(&failed).await;
        failed.commit().await.unwrap();
        user("bob").scope(add(db, 50)).await;
    });
    let events = prove.await;
    let mut expected = Vec::new();
    for number in [0, 10, 20, 30] {
        expected.extend([
            (number, "alice"),
            (number + 2, "bob"),
            (number + 3, "alice"),
        ]);
    }
    expected.push((50, "bob"));
    assert_eq!(actors(&events), expected);
}

/// Ends transactions in an order that is not from the inside out, and gives the one that is left.
async fn end_out_of_order(
    outer: AuditedTransaction,
    inner: AuditedTransaction,
    way: i32,
) -> Option<AuditedTransaction> {
    // A stream has the connection for itself.
    let lines = lines::Entity::find;
    match way {
        0 => {
            assert!(is_interrupted(&outer.commit().await.unwrap_err()));
            return Some(inner);
        }
        1 => {
            drop(outer);
            return Some(inner);
        }
        2 | 3 => {
            let rows = lines().stream(&outer).await.unwrap();
            drop(inner);
            drop(rows);
            return (way == 2).then_some(outer);
        }
        _ => {
            let rows = lines().stream(&inner).await.unwrap();
            drop(outer);
            drop(rows);
        }
    }
    None
}

pub(crate) async fn what_ends_out_of_order_commits_nothing<A>(shop: Shop<A>)
where
    A: Sea<Connection = AuditedConnection>,
{
    // Nothing looks at a connection that comes back.
    let mut options = ConnectOptions::new(shop.world.url());
    options.max_connections(1);
    let attach = audit_seaorm::attach(options, &shop.world.audit).clear_at_release(false);
    let db = AuditedConnection::new(attach.connect().await.unwrap()).unwrap();
    let prove = shop.world.prove(async |_| {
        let work = async {
            for way in 0..5 {
                let outer = db.begin().await.unwrap();
                add(&outer, 1).await;
                let inner = outer.begin().await.unwrap();
                add(&inner, 2).await;
                let Some(left) = end_out_of_order(outer, inner, way).await else {
                    continue;
                };
                assert!(is_interrupted(&try_add(&left, 3).await.unwrap_err()));
                assert!(is_interrupted(&left.begin().await.map(drop).unwrap_err()));
                assert!(is_interrupted(&left.commit().await.unwrap_err()));
            }
        };
        user("alice").scope(work).await;
        user("bob").scope(add(&db, 4)).await;
    });
    assert_eq!(actors(&prove.await), [(4, "bob")]);
}

/// What can be read in SeaORM's ways, as text.
async fn read<C: ConnectionTrait + StreamTrait + Send>(db: &C) -> String {
    let customers = || customer::Entity::find().order_by_asc(customer::Column::Id);
    let all = customers().all(db).await.unwrap();
    let one = customer::Entity::find_by_id(all[0].id).one(db).await;
    let none = customer::Entity::find_by_id(0).one(db).await;
    let count = customers().count(db).await;
    let pages = customers().paginate(db, 2);
    let pages = [pages.fetch_page(0).await, pages.fetch_page(1).await];
    let mut cursor = customer::Entity::find().cursor_by(customer::Column::Id);
    let after = cursor.after(all[0].id).first(1).all(db).await;
    let purchases = customers().find_with_related(purchase::Entity).all(db);
    let purchases = purchases.await;
    let tags = customers().find_with_related(tag::Entity).all(db).await;
    let of_first = all[0].find_related(purchase::Entity).all(db).await;
    let backend = ConnectionTrait::get_database_backend(db);
    let names = Statement::from_string(backend, "SELECT email FROM customer ORDER BY id");
    let names = customer::Entity::find().from_raw_sql(names);
    let names = names.into_json().all(db).await;
    let mut rows = customers().stream(db).await.unwrap();
    let mut streamed = Vec::new();
    loop {
        let next = std::future::poll_fn(|task| {
            futures_core::Stream::poll_next(std::pin::Pin::new(&mut rows), task)
        });
        match next.await {
            Some(row) => streamed.push(row.unwrap()),
            None => break,
        }
    }
    assert_eq!(streamed, all);
    format!(
        "{all:?} {one:?} {none:?} {count:?} {pages:?} {after:?} {purchases:?} {tags:?} {of_first:?} \
         {names:?}"
    )
}

pub(crate) async fn what_is_read_is_what_sea_orm_reads<A>(shop: Shop<A>)
where
    A: Sea<Connection = AuditedConnection>,
{
    for email in ["a@x", "b@x", "c@x"] {
        let one = customer::ActiveModel::builder()
            .set_email(email)
            .set_tier(customer::Tier::Gold)
            .set_balance(Decimal::ONE)
            .set_is_open(true)
            .add_purchase(purchase::ActiveModel::builder().set_what("desk"))
            .add_tag(tag::ActiveModel::builder().set_name(email));
        one.save(&*shop).await.unwrap();
    }
    let theirs = read(&*shop).await;
    let db = shop.world.adapter.connection();
    assert_eq!(read(db).await, theirs);
    let transaction = db.begin().await.unwrap();
    assert_eq!(read(&transaction).await, theirs);
    transaction.commit().await.unwrap();
}

fn flat(error: TransactionError<DbErr>) -> DbErr {
    match error {
        TransactionError::Connection(error) | TransactionError::Transaction(error) => error,
    }
}

/// Adds lines in closures of every kind, one of which takes its own back.
async fn closures<C>(db: &C) -> Result<(), DbErr>
where
    C: TransactionTrait<Transaction = AuditedTransaction>,
{
    let level_of_all = Some(IsolationLevel::Serializable);
    let work = db.transaction_with_config::<_, _, DbErr>(
        |outer| {
            Box::pin(async move {
                add(outer, 1).await;
                assert_eq!(level(outer).await, "serializable");
                let failed = outer.transaction::<_, (), DbErr>(|inner| {
                    Box::pin(async move {
                        add(inner, 2).await;
                        Err(DbErr::Custom("changed my mind".to_owned()))
                    })
                });
                assert!(matches!(
                    failed.await,
                    Err(TransactionError::Transaction(DbErr::Custom(_)))
                ));
                let number = 3;
                let kept = outer.transaction_async(async |inner| {
                    user("bob").scope(add(inner, number)).await;
                    Ok::<_, DbErr>(())
                });
                kept.await.map_err(flat)
            })
        },
        level_of_all,
        Some(AccessMode::ReadWrite),
    );
    work.await.map_err(flat)
}

pub(crate) async fn closures_and_options_are_those_of_sea_orm<A>(shop: Shop<A>)
where
    A: Sea<Connection = AuditedConnection>,
{
    let backend = shop.get_database_backend();
    let has_modes = backend != DbBackend::Sqlite;
    let options = TransactionOptions {
        isolation_level: Some(IsolationLevel::Serializable),
        access_mode: Some(AccessMode::ReadWrite),
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
    };
    let prove = shop.world.prove(async |adapter| {
        let db = adapter.connection();
        let work = async {
            closures(db).await?;
            let outer = db.begin_with_options(options).await?;
            add(&outer, 4).await;
            assert_eq!(level(&outer).await, "serializable");
            let read_only = outer.begin_with_config(None, Some(AccessMode::ReadOnly));
            match (backend, read_only.await) {
                // It has no such mode within a transaction, and refuses it.
                (DbBackend::MySql, refused) => assert!(refused.is_err()),
                (DbBackend::Postgres, inner) => {
                    assert!(try_add(&inner?, 5).await.is_err());
                }
                (_, inner) => inner?.rollback().await?,
            }
            add(&outer, 6).await;
            outer.commit().await?;
            let read_only = db
                .begin_with_config(None, Some(AccessMode::ReadOnly))
                .await?;
            assert_eq!(try_add(&read_only, 7).await.is_err(), has_modes);
            read_only.rollback().await?;
            let failed = db.transaction_async(async |transaction| {
                add(transaction, 8).await;
                Err::<(), _>(DbErr::Custom("changed my mind".to_owned()))
            });
            assert!(matches!(
                failed.await,
                Err(TransactionError::Transaction(DbErr::Custom(_)))
            ));
            lines::Entity::delete_by_id(("acme".to_owned(), 6))
                .exec(db)
                .await
        };
        user("alice").scope(work).await.unwrap();
    });
    let events = prove.await;
    let expected = [
        (1, "alice"),
        (3, "bob"),
        (4, "alice"),
        (6, "alice"),
        (6, "alice"),
    ];
    assert_eq!(actors(&events), expected, "{}", in_words(&events));
}
