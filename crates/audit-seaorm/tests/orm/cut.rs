//! Futures in a transaction that is held, dropped half-way.

use audit_seaorm::{AuditedConnection, AuditedTransaction};
use audit_testkit::cut_after;
use sea_orm::TransactionTrait;

use crate::executors::{actors, add, is_interrupted, try_add, user};
use crate::shop::{Sea, Shop};

/// How often everything is cut again when no poll was pending: an operation in the same process
/// may be over before it is polled.
const MOST_SWEEPS: usize = 500;

/// The operation of Bob's that is cut, within a transaction of Alice's.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Cut {
    Begin,
    Commit,
    Rollback,
    Statement,
}

impl Cut {
    /// Says whether it was over before it was cut.
    async fn run(self, outer: &AuditedTransaction, number: i32, polls: usize) -> bool {
        match self {
            Self::Begin => cut_after(polls, outer.begin()).await.is_some(),
            Self::Statement => cut_after(polls, try_add(outer, number)).await.is_some(),
            Self::Commit | Self::Rollback => {
                let inner = outer.begin().await.unwrap();
                try_add(&inner, number).await.unwrap();
                match self {
                    Self::Commit => cut_after(polls, inner.commit()).await.is_some(),
                    _ => cut_after(polls, inner.rollback()).await.is_some(),
                }
            }
        }
    }
}

pub(crate) async fn what_is_cut_in_a_transaction_reaches_nobody_else<A>(shop: Shop<A>)
where
    A: Sea<Connection = AuditedConnection>,
{
    let mut numbers = 1..;
    for cut in [Cut::Begin, Cut::Commit, Cut::Rollback, Cut::Statement] {
        let mut cuts = 0;
        for _ in 0..MOST_SWEEPS {
            for polls in 0.. {
                if cut_once(&shop, cut, polls, &mut numbers).await {
                    break;
                }
                cuts += 1;
            }
            if cuts > 0 {
                break;
            }
        }
        println!("{cut:?}: cut after each of {cuts} polls");
        assert!(cuts > 0, "{cut:?} was never cut");
    }
}

/// Cuts an operation of Bob's in a transaction of Alice's, then lets others go on with it and with the
/// pool of this one connection.
async fn cut_once<A>(
    shop: &Shop<A>,
    cut: Cut,
    polls: usize,
    numbers: &mut std::ops::RangeFrom<i32>,
) -> bool
where
    A: Sea<Connection = AuditedConnection>,
{
    let [of_bob, again, of_carol, of_dave] = [(); 4].map(|()| numbers.next().unwrap());
    let (mut finished, mut goes_on) = (false, true);
    let prove = shop.world.prove(async |adapter| {
        let db = adapter.connection();
        let outer = user("alice").scope(db.begin()).await.unwrap();
        finished = user("bob").scope(cut.run(&outer, of_bob, polls)).await;
        for (name, number) in [("bob", again), ("carol", of_carol)] {
            if let Err(error) = user(name).scope(try_add(&outer, number)).await {
                assert!(
                    is_interrupted(&error),
                    "{cut:?} after {polls} polls: {error:?}"
                );
                goes_on = false;
            }
        }
        let committed = outer.commit().await;
        assert_eq!(committed.is_ok(), goes_on, "{committed:?}");
        user("dave").scope(add(db, of_dave)).await;
    });
    let events = prove.await;
    let when = format!("{cut:?} after {polls} polls");
    assert_eq!(goes_on, finished || cut == Cut::Statement, "{when}");
    let mut found = actors(&events);
    // What was cut may have come through; all that did is in the transaction.
    found.retain(|one| *one != (of_bob, "bob") || !goes_on);
    let expected = [(again, "bob"), (of_carol, "carol"), (of_dave, "dave")];
    let skipped = if goes_on { 0 } else { 2 };
    assert_eq!(found, expected[skipped..], "{when}");
    finished
}
