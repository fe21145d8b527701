//! Futures that are dropped half-way: the next borrower starts clean, and nothing is lost.

use std::sync::Arc;

use audit_core::{Actor, ActorKind, AuditContext, Event, Operation, context};

use crate::adapter::{Adapter, End, Step, cut_after};
use crate::database::Server;
use crate::world::{World, alice, in_words};

/// How often everything is cut again when no poll was pending: an operation in the same process
/// may be over before it is polled.
const MOST_SWEEPS: usize = 500;

/// The most polls that any of the cut operations may take; a test that reaches it hangs.
const MOST_POLLS: usize = 200;

/// What is cut, over and over, each time one poll later.
#[derive(Debug, Clone, Copy)]
enum Cut {
    /// A check, whose probe writes.
    Check,
    /// One step, after the ones before it are done.
    Only(Step),
    /// Everything from checkout to release.
    Whole(End),
}

impl Cut {
    /// The operations that all of it is recorded as.
    fn operations(self) -> &'static [Operation] {
        match self {
            Self::Whole(_) => &[Operation::Insert, Operation::Update],
            Self::Check | Self::Only(_) => &[Operation::Insert],
        }
    }

    /// Whether its change stays: `None` where that depends on when it was cut.
    fn stays(self, finished: bool) -> Option<bool> {
        match self {
            // What changes anything was over before the part that is cut.
            Self::Only(Step::Release) => Some(true),
            Self::Only(Step::Commit | Step::Statement) | Self::Whole(End::Commit) => {
                finished.then_some(true)
            }
            Self::Check
            | Self::Only(Step::Begin | Step::Checkout | Step::Rollback)
            | Self::Whole(End::Rollback) => Some(false),
        }
    }

    /// Says whether it was over before it was cut.
    async fn run<A: Adapter>(self, adapter: &A, id: usize, polls: usize) -> bool {
        let insert = format!("INSERT INTO users (id, name) VALUES ({id}, 'alice')");
        let update = format!("UPDATE users SET age = 1 WHERE id = {id}");
        match self {
            Self::Check => cut_after(polls, adapter.check()).await.is_some(),
            Self::Only(step) => adapter.cut(step, &insert, polls).await.unwrap(),
            Self::Whole(end) => {
                let steps = [insert.as_str(), &update];
                let work = adapter.transaction(&steps, end);
                cut_after(polls, work)
                    .await
                    .inspect(|done| assert_eq!(done, &Ok(())))
                    .is_some()
            }
        }
    }
}

async fn cut_everywhere<A: Adapter>(server: Server, cut: Cut) {
    let world = World::<A>::unmigrated(server, "", 1, |audit| audit).await;
    world.migrate().await;
    let mut cuts = 0;
    let mut ids = 1..;
    for _ in 0..MOST_SWEEPS {
        for polls in 0.. {
            assert!(polls < MOST_POLLS, "{cut:?} never ends");
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

/// Cuts an operation of Alice's after this many polls, and looks at what it left and what the next
/// borrowers of the connection meet; says whether the operation was over before.
async fn cut_once<A: Adapter>(
    world: &World<A>,
    cut: Cut,
    polls: usize,
    ids: &mut std::ops::RangeFrom<usize>,
) -> bool {
    let (mine, next) = (ids.next().unwrap(), ids.next().unwrap());
    let mut finished = false;
    let events = world
        .prove(async |adapter| {
            let missing = context::missing();
            finished = alice().scope(cut.run(adapter, mine, polls)).await;
            let bob = AuditContext::new().with_actor(Actor::user("bob"));
            let insert = format!("INSERT INTO users (id, name) VALUES ({next}, 'bob')");
            bob.scope(adapter.execute(&insert)).await.unwrap();
            // Without a context, on the same connection: nobody's, neither of theirs.
            let update = format!("UPDATE users SET age = 7 WHERE id = {next}");
            adapter.execute(&update).await.unwrap();
            assert!(context::missing() > missing);
        })
        .await;
    let of = |id: usize| {
        let id = id.to_string();
        events
            .iter()
            .filter(move |event| event.record_id.as_ref() == Some(&id))
    };
    assert!(of(mine).all(|event| event.actor_id.as_deref() == Some("alice")));
    // Its rows and its events are all there or none of them is, as both tell by themselves.
    let when = format!("{cut:?} after {polls} polls, finished: {finished}");
    let rows = format!("SELECT name FROM users WHERE id = {mine}");
    let is_there = !world.texts(&rows).await.is_empty();
    assert_eq!(
        cut.stays(finished).unwrap_or(is_there),
        is_there,
        "{when}: {}",
        in_words(&events)
    );
    let recorded: Vec<_> = of(mine).map(|event| event.operation).collect();
    let wanted = if is_there { cut.operations() } else { &[] };
    assert_eq!(recorded, wanted, "{when}");
    let users = |event: &Event| event.table_name.as_deref() == Some("users");
    assert!(events.iter().all(users), "{}", in_words(&events));
    let after: Vec<_> = of(next)
        .map(|event| (event.actor_id.as_deref(), event.actor_kind))
        .collect();
    assert_eq!(
        after,
        [(Some("bob"), ActorKind::User), (None, ActorKind::Unknown)],
        "after {polls} polls: {}",
        in_words(&events)
    );
    finished
}

/// Taking a connection.
pub async fn a_checkout_cut_at_every_poll_leaves_a_clean_connection<A: Adapter>(server: Server) {
    cut_everywhere::<A>(server, Cut::Only(Step::Checkout)).await;
}

/// Opening a transaction.
pub async fn a_begin_cut_at_every_poll_leaves_a_clean_connection<A: Adapter>(server: Server) {
    cut_everywhere::<A>(server, Cut::Only(Step::Begin)).await;
}

/// A statement on a connection that is held.
pub async fn a_statement_cut_at_every_poll_leaves_a_clean_connection<A: Adapter>(server: Server) {
    cut_everywhere::<A>(server, Cut::Only(Step::Statement)).await;
}

/// A commit: the change and its event are both there, or neither.
pub async fn a_commit_cut_at_every_poll_leaves_a_clean_connection<A: Adapter>(server: Server) {
    cut_everywhere::<A>(server, Cut::Only(Step::Commit)).await;
}

/// A rollback.
pub async fn a_rollback_cut_at_every_poll_leaves_a_clean_connection<A: Adapter>(server: Server) {
    cut_everywhere::<A>(server, Cut::Only(Step::Rollback)).await;
}

/// Giving a connection back, which the pool does in a task of its own.
pub async fn a_release_cut_at_every_poll_leaves_a_clean_connection<A: Adapter>(server: Server) {
    cut_everywhere::<A>(server, Cut::Only(Step::Release)).await;
}

/// A transaction from checkout to the end.
pub async fn a_transaction_cut_at_every_poll_leaves_a_clean_connection<A: Adapter>(server: Server) {
    for end in [End::Commit, End::Rollback] {
        cut_everywhere::<A>(server, Cut::Whole(end)).await;
    }
}

/// A check, whose probe writes: nothing of it stays, and nobody goes on in its name.
pub async fn a_check_cut_at_every_poll_leaves_a_clean_connection<A: Adapter>(server: Server) {
    cut_everywhere::<A>(server, Cut::Check).await;
}

/// A transaction that was opened as text and forgotten: its writes are gone, and the next
/// borrower of the connection is not in it.
pub async fn a_forgotten_raw_begin_does_not_reach_the_next_borrower<A: Adapter>(server: Server) {
    let world = Arc::new(World::<A>::unmigrated(server, "", 1, |audit| audit).await);
    world.migrate().await;
    let events = world
        .prove(async |adapter| {
            let steps = ["BEGIN", "INSERT INTO users (id, name) VALUES (1, 'alice')"];
            alice().scope(adapter.held(&steps)).await.unwrap();
            let bob = AuditContext::new().with_actor(Actor::user("bob"));
            let insert = "INSERT INTO users (id, name) VALUES (2, 'bob')";
            bob.scope(adapter.execute(insert)).await.unwrap();
        })
        .await;
    assert_eq!(events.len(), 1, "{}", in_words(&events));
    assert_eq!(events[0].actor_id.as_deref(), Some("bob"));
}

/// A connection that is held keeps the context of its checkout until it is stamped again.
pub async fn a_held_connection_keeps_its_context_until_it_is_stamped<A: Adapter>(server: Server) {
    let world = World::<A>::new(server).await;
    let bob = AuditContext::new().with_actor(Actor::user("bob"));
    let insert = |id: i32| format!("INSERT INTO users (id, name) VALUES ({id}, 'x')");
    let (first, second, third) = (insert(1), insert(2), insert(3));
    world
        .adapter
        .held_by(&alice(), &[&first], &bob, &[&second], &[&third])
        .await
        .unwrap();
    let events = world.new_events().await;
    let actors: Vec<_> = events
        .iter()
        .map(|event| event.actor_id.as_deref())
        .collect();
    assert_eq!(actors, [Some("alice"), Some("alice"), Some("bob")]);
    assert!(
        events
            .iter()
            .all(|event| event.service.as_deref() == Some("conformance"))
    );
}
