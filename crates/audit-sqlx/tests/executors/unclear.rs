//! Connections of which sqlx or the database does not tell at once what is on them.

use audit_sqlx::{AuditDatabase, AuditedConnection, AuditedPool};
use audit_testkit::{Adapter, Server, World, cut_after};
use sqlx::{AssertSqlSafe, Executor};

use crate::adapter::Executors;
use crate::context::{actors, fail, insert, run, user};
use crate::cut::{MOST_SWEEPS, is_interrupted};

/// What the database answers to a statement that was dropped is given to the next one. In a transaction
/// that has failed it looks like a refusal of the context that is put on.
pub(crate) async fn what_is_cut_in_a_failed_transaction_reaches_nobody_else(server: Server) {
    let world = World::<Executors<sqlx::Postgres>>::new(server).await;
    let (mut cuts, mut ids) = (0, 1..);
    for _ in 0..MOST_SWEEPS {
        for polls in 0.. {
            let finished = [
                cut_failed(&world, polls, &mut ids, false).await,
                cut_failed(&world, polls, &mut ids, true).await,
            ];
            if finished == [true, true] {
                break;
            }
            cuts += 1;
        }
        if cuts > 0 {
            break;
        }
    }
    println!("on {}: cut after each of {cuts} polls", server.name());
    assert!(cuts > 0);
}

/// Cuts a statement of Alice's in a transaction that has failed, before Bob goes on with the connection,
/// in a transaction or not; says whether it was over.
async fn cut_failed(
    world: &World<Executors<sqlx::Postgres>>,
    polls: usize,
    ids: &mut std::ops::RangeFrom<i32>,
    begins: bool,
) -> bool {
    let [dropped, of_bob] = [(); 2].map(|()| ids.next().unwrap());
    let (mut finished, mut goes_on) = (false, true);
    let events = world
        .prove(async |adapter| {
            let mut connection = user("alice").scope(adapter.pool.acquire()).await.unwrap();
            let work = async {
                let mut transaction = connection.begin().await.unwrap();
                fail(&mut *transaction).await;
                let statement = transaction.execute(AssertSqlSafe(insert(dropped)));
                finished = cut_after(polls, statement).await.is_some();
            };
            user("alice").scope(work).await;
            let work = async {
                if !begins {
                    return run(&mut connection, &insert(of_bob)).await;
                }
                if let Ok(mut transaction) = connection.begin().await {
                    run(&mut *transaction, &insert(of_bob)).await;
                    return transaction.commit().await.unwrap();
                }
                goes_on = false;
                let next = connection.execute(AssertSqlSafe(insert(of_bob)));
                assert!(is_interrupted(&next.await.unwrap_err()));
            };
            user("bob").scope(work).await;
        })
        .await;
    let of_bob = of_bob.to_string();
    let expected = goes_on.then_some((of_bob.as_str(), "bob"));
    let expected = expected.as_slice();
    assert_eq!(actors(&events), expected, "after {polls} polls");
    assert!(goes_on || !finished);
    finished
}

/// sqlx rolls the outer transaction back where a nested `begin` of PostgreSQL fails.
pub(crate) async fn a_begin_that_fails_leaves_nothing_that_commits_by_itself(server: Server) {
    let world = World::<Executors<sqlx::Postgres>>::new(server).await;
    let events = world
        .prove(async |adapter| {
            let mut connection = user("alice").scope(adapter.pool.acquire()).await.unwrap();
            let work = async {
                let mut outer = connection.begin().await.unwrap();
                run(&mut *outer, &insert(1)).await;
                fail(&mut *outer).await;
                outer.begin().await.map(drop).unwrap_err();
                for id in [2, 3] {
                    let next = outer.execute(AssertSqlSafe(insert(id)));
                    assert!(is_interrupted(&next.await.unwrap_err()));
                }
                assert!(is_interrupted(&outer.commit().await.unwrap_err()));
                let next = connection.execute(AssertSqlSafe(insert(4)));
                assert!(is_interrupted(&next.await.unwrap_err()));
            };
            user("bob").scope(work).await;
            drop(connection);
            user("carol").scope(run(&adapter.pool, &insert(5))).await;
        })
        .await;
    assert_eq!(actors(&events), [("5", "carol")]);
}

/// The session is back at a context that was put on and committed within the transaction.
pub(crate) async fn a_chained_transaction_brings_no_old_context(server: Server) {
    let world = World::<Executors<sqlx::Postgres>>::new(server).await;
    let events = world
        .prove(async |adapter| {
            let mut connection = user("alice").scope(adapter.pool.acquire()).await.unwrap();
            let mut transaction = user("alice").scope(connection.begin()).await.unwrap();
            user("bob")
                .scope(run(&mut *transaction, "COMMIT AND CHAIN"))
                .await;
            user("alice")
                .scope(run(&mut *transaction, &insert(1)))
                .await;
            transaction.rollback().await.unwrap();
            user("alice").scope(run(&mut connection, &insert(2))).await;
        })
        .await;
    assert_eq!(actors(&events), [("2", "alice")]);
}

/// A pool of one connection, which nothing looks at when it comes back.
pub(crate) async fn pool_of_one<DB>(world: &World<Executors<DB>>) -> AuditedPool<DB>
where
    DB: AuditDatabase,
    Executors<DB>: Adapter,
{
    let options = sqlx::pool::PoolOptions::<DB>::new().max_connections(1);
    let attach = audit_sqlx::attach(options, &world.audit).clear_at_release(false);
    AuditedPool::new(attach.connect(world.url()).await.unwrap()).unwrap()
}

pub(crate) async fn idle<DB: AuditDatabase>(pool: &AuditedPool<DB>) -> AuditedConnection<DB> {
    loop {
        match pool.try_acquire() {
            Some(connection) => break connection,
            None => tokio::task::yield_now().await,
        }
    }
}

/// Taken without waiting, a connection comes past the hook that installs the triggers of new tables.
pub(crate) async fn a_new_table_is_audited_on_an_idle_connection(server: Server) {
    let world = World::<Executors<sqlx::Sqlite>>::new(server).await;
    let pool = pool_of_one(&world).await;
    for table in ["first", "second", "third"] {
        world
            .raw(&format!("CREATE TABLE {table} (id INTEGER PRIMARY KEY)"))
            .await;
        let events = world
            .prove(async |_| {
                let mut connection = idle(&pool).await;
                let sql = format!("INSERT INTO {table} VALUES (1)");
                match table {
                    "first" => user("bob").scope(run(&mut connection, &sql)).await,
                    "second" => {
                        let lent = user("bob").scope(connection.stamped()).await.unwrap();
                        run(lent, &sql).await;
                    }
                    _ => {
                        let work = async {
                            let mut transaction = connection.begin().await.unwrap();
                            run(&mut *transaction, &sql).await;
                            transaction.commit().await.unwrap();
                        };
                        user("bob").scope(work).await;
                    }
                }
            })
            .await;
        assert_eq!(actors(&events), [("1", "bob")], "{table}");
    }
}

/// What would be written on it would be lost: the one who left it open is not there to commit.
pub(crate) async fn an_idle_connection_with_an_open_transaction_is_refused<DB>(server: Server)
where
    DB: AuditDatabase,
    Executors<DB>: Adapter,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    let world = World::<Executors<DB>>::new(server).await;
    let pool = pool_of_one(&world).await;
    let events = world
        .prove(async |_| {
            for id in [1, 2] {
                let mut left = user("alice").scope(pool.as_pool().acquire()).await.unwrap();
                run(&mut *left, "START TRANSACTION").await;
                drop(left);
                let refused = async {
                    let mut connection = idle(&pool).await;
                    let error = match id {
                        1 => connection
                            .execute(AssertSqlSafe(insert(id)))
                            .await
                            .map(drop),
                        _ => connection.begin().await.map(drop),
                    };
                    assert!(is_interrupted(&error.unwrap_err()));
                    let again = connection.execute(AssertSqlSafe(insert(id))).await;
                    assert!(is_interrupted(&again.map(drop).unwrap_err()));
                };
                user("bob").scope(refused).await;
                user("bob").scope(run(&pool, &insert(id))).await;
            }
        })
        .await;
    assert_eq!(actors(&events), [("1", "bob"), ("2", "bob")]);
}
