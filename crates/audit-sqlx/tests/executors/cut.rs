//! Futures on a held connection that are dropped half-way.

use audit_sqlx::{AuditDatabase, AuditedConnection, Interrupted};
use audit_testkit::{Adapter, Server, World, cut_after};
use sqlx::{AssertSqlSafe, Executor};

use crate::adapter::Executors;
use crate::context::{actors, insert, run, user};

/// How often everything is cut again when no poll was pending: an operation in the same process
/// may be over before it is polled.
pub(crate) const MOST_SWEEPS: usize = 500;

/// The operation of Bob's that is cut.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Cut {
    Begin,
    Commit,
    InnerBegin,
    InnerRollback,
    Lend,
    Rollback,
    Statement,
}

impl Cut {
    /// Whether it leaves open which transaction is open when it is dropped.
    fn interrupts(self) -> bool {
        !matches!(self, Self::Lend | Self::Statement)
    }

    /// Says whether it was over before it was cut.
    async fn run<DB: AuditDatabase>(
        self,
        connection: &mut AuditedConnection<DB>,
        sql: &str,
        polls: usize,
    ) -> bool {
        match self {
            Self::Begin => cut_after(polls, connection.begin()).await.is_some(),
            Self::Lend => cut_after(polls, connection.stamped()).await.is_some(),
            Self::Statement => {
                let statement = connection.execute(AssertSqlSafe(sql.to_owned()));
                cut_after(polls, statement).await.is_some()
            }
            Self::Commit | Self::Rollback => {
                let mut transaction = connection.begin().await.unwrap();
                run(&mut *transaction, sql).await;
                match self {
                    Self::Commit => cut_after(polls, transaction.commit()).await.is_some(),
                    _ => cut_after(polls, transaction.rollback()).await.is_some(),
                }
            }
            Self::InnerBegin | Self::InnerRollback => {
                let mut outer = connection.begin().await.unwrap();
                run(&mut *outer, sql).await;
                let finished = if self == Self::InnerBegin {
                    cut_after(polls, outer.begin()).await.is_some()
                } else {
                    let inner = outer.begin().await.unwrap();
                    cut_after(polls, inner.rollback()).await.is_some()
                };
                let error = outer.execute("SELECT 1").await.map(drop).err();
                assert_eq!(error.is_some(), !finished, "{error:?}");
                let committed = outer.commit().await;
                assert_eq!(committed.is_ok(), finished, "{committed:?}");
                finished
            }
        }
    }
}

pub(crate) fn is_interrupted(error: &sqlx::Error) -> bool {
    let sqlx::Error::Io(error) = error else {
        return false;
    };
    error
        .get_ref()
        .is_some_and(|error| error.is::<Interrupted>())
}

pub(crate) async fn what_is_cut_on_a_held_connection_reaches_nobody_else<DB>(server: Server)
where
    DB: AuditDatabase,
    Executors<DB>: Adapter,
{
    for cut in [
        Cut::Begin,
        Cut::Commit,
        Cut::InnerBegin,
        Cut::InnerRollback,
        Cut::Lend,
        Cut::Rollback,
        Cut::Statement,
    ] {
        cut_everywhere::<DB>(server, cut).await;
    }
}

async fn cut_everywhere<DB>(server: Server, cut: Cut)
where
    DB: AuditDatabase,
    Executors<DB>: Adapter,
{
    let world = World::<Executors<DB>>::unmigrated(server, "", 1, |audit| audit).await;
    world.migrate().await;
    let (mut cuts, mut ids) = (0, 1..);
    for _ in 0..MOST_SWEEPS {
        for polls in 0.. {
            if cut_once(&world, cut, polls, &mut ids).await {
                break;
            }
            cuts += 1;
        }
        if cuts > 0 {
            break;
        }
    }
    println!(
        "{cut:?} on {}: cut after each of {cuts} polls",
        server.name()
    );
    assert!(cuts > 0, "{cut:?} was never cut");
}

/// Cuts an operation of Bob's on a connection that Alice took, then lets others go on with it and with
/// the pool of this one connection.
async fn cut_once<DB>(
    world: &World<Executors<DB>>,
    cut: Cut,
    polls: usize,
    ids: &mut std::ops::RangeFrom<i32>,
) -> bool
where
    DB: AuditDatabase,
    Executors<DB>: Adapter,
{
    let [of_bob, again, of_carol, of_dave] = [(); 4].map(|()| ids.next().unwrap());
    let mut finished = false;
    let mut goes_on = true;
    let events = world
        .prove(async |adapter| {
            let mut connection = user("alice").scope(adapter.pool.acquire()).await.unwrap();
            let sql = insert(of_bob);
            finished = user("bob")
                .scope(cut.run(&mut connection, &sql, polls))
                .await;
            for (name, id) in [("bob", again), ("carol", of_carol)] {
                let next = connection.execute(AssertSqlSafe(insert(id)));
                if let Err(error) = user(name).scope(next).await.map(drop) {
                    assert!(
                        is_interrupted(&error),
                        "{cut:?} after {polls} polls: {error:?}"
                    );
                    goes_on = false;
                }
            }
            drop(connection);
            user("dave")
                .scope(run(&adapter.pool, &insert(of_dave)))
                .await;
        })
        .await;
    assert_eq!(
        goes_on,
        finished || !cut.interrupts(),
        "{cut:?} after {polls} polls"
    );
    let mut found = actors(&events);
    let ids = [of_bob, again, of_carol, of_dave].map(|id| id.to_string());
    let expected = [
        ("bob", None),
        ("bob", Some(goes_on)),
        ("carol", Some(goes_on)),
        ("dave", Some(true)),
    ];
    for (id, (name, is_there)) in ids.iter().zip(expected) {
        let mine = (id.as_str(), name);
        let was_there = found.first() == Some(&mine);
        assert_eq!(
            was_there,
            is_there.unwrap_or(was_there),
            "{cut:?}: {found:?}"
        );
        if was_there {
            found.remove(0);
        }
    }
    assert!(found.is_empty(), "{cut:?} after {polls} polls: {found:?}");
    finished
}
