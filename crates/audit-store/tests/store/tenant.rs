//! What a tenant can ask.

use audit_core::Event;
use audit_core::query::{Grouping, LogQuery};
use audit_testkit::Server;

use super::events::{drawn, made};
use super::world::{Db, World};

/// Whatever is asked, the answer is about the tenant's own events.
#[expect(
    clippy::cognitive_complexity,
    reason = "a list of everything that can be asked"
)]
pub(crate) async fn a_tenant_sees_its_own_events_alone<DB: Db>(server: Server) {
    let mut world = World::<DB>::new(server).await;
    world.put(&drawn(&made(), 300)).await;
    let events = world.events().await;
    let is_own = |event: &&Event| event.tenant_id.as_deref() == Some("a");
    let own: Vec<Event> = events.iter().filter(is_own).cloned().collect();
    assert!(own.len() > 10 && own.len() < events.len() / 2);
    let mut trail = world.trail().tenant("a");

    let all = LogQuery::new().oldest_first().limit(1_000);
    assert_eq!(trail.page(&all, None).await.unwrap().events, own);
    assert_eq!(trail.count(&all).await.unwrap(), own.len() as u64);
    let tenants = trail.counts(&all, Grouping::Tenant, 100).await.unwrap();
    assert_eq!(tenants.len(), 1);
    for other in ["a ", "A", "abc"] {
        let query = all.clone().tenant(other);
        assert_eq!(trail.page(&query, None).await.unwrap().events, []);
        assert_eq!(trail.count(&query).await.unwrap(), 0);
    }
    for event in &events {
        let seen = trail.event(event.id).await.unwrap();
        assert_eq!(seen.is_some(), is_own(&event), "{event:?}");
        let around = trail.around(&all, event.id, 5).await.unwrap();
        for neighbour in around
            .iter()
            .flat_map(|around| around.before.iter().chain(&around.behind))
        {
            assert!(is_own(&neighbour));
        }
    }
    for record in ["a", "abc", "é"] {
        let mut timeline = trail.timeline(&LogQuery::new(), record).await.unwrap();
        while let Some(turns) = timeline.next().await.unwrap() {
            assert!(turns.iter().all(|turn| is_own(&&turn.event)));
        }
    }
}
