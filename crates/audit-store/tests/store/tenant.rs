//! What a tenant can ask.

use audit_core::query::{Grouping, LogQuery};
use audit_core::{Actor, AuditContext, Event, LogReader};
use audit_store::Trail;
use audit_store::export::Format;
use audit_testkit::Server;
use futures_util::StreamExt as _;

use super::events::{START, TEXTS, drawn, made};
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

/// What a trail puts together of its events: events by their ids, because each database adds to them
/// what another one does not.
async fn told<R: LogReader, S: Send>(trail: &mut Trail<R, S>) -> String {
    let at = chrono::DateTime::from_timestamp_micros(START + 30).unwrap();
    let all = LogQuery::new();
    let mut told = format!("{:?}\n", trail.stats(&all).await.unwrap());
    for record in TEXTS {
        let was = trail.as_of(&all, record, at).await.unwrap();
        let blamed = trail.blame(&all, record).await.unwrap();
        let blamed = blamed.iter().map(|blame| {
            let event = blame.event.as_ref().map(|event| event.id);
            (&blame.field, &blame.value, event)
        });
        let blamed: Vec<_> = blamed.collect();
        let last = trail.last_change(&all, record, "status").await.unwrap();
        let last = last.map(|turn| turn.event.id);
        told += &format!("{record:?}: {was:?} {blamed:?} {last:?}\n");
    }
    let mut table = trail.table_as_of(&all, at);
    while let Some(was) = table.next().await.unwrap() {
        told += &format!("{was:?}\n");
    }
    let mut pages = trail.pages(&all.clone().limit(7));
    while let Some(events) = pages.next().await.unwrap() {
        let ids: Vec<_> = events.iter().map(|event| event.id).collect();
        told += &format!("{ids:?}\n");
    }
    let mut file = Vec::new();
    let export = trail.export(&all, Format::Ndjson);
    export.write_to(&mut file).await.unwrap();
    let events = Format::Ndjson.read(file.as_slice());
    let ids: Vec<_> = events.map(|event| event.unwrap().id).collect();
    told + &format!("{ids:?}\n")
}

/// The same as of a log that has no other events.
pub(crate) async fn a_tenant_is_told_what_its_own_events_tell<DB: Db>(server: Server) {
    let mut events = drawn(&made(), 600);
    events.sort_by_key(|made| made.at);
    events.dedup_by_key(|made| made.at);
    let mut shared = World::<DB>::new(server).await;
    shared.put(&events).await;
    events.retain(|made| made.texts[0] == Some("a"));
    let mut alone = World::<DB>::new(server).await;
    alone.put(&events).await;
    let own = told(&mut shared.trail().tenant("a")).await;
    assert_eq!(own, told(&mut alone.trail()).await);
    assert_ne!(own, told(&mut shared.trail()).await);
    assert!(own.contains("Present("), "{own}");
}

/// What becomes visible while it looks, and the file that it takes away.
pub(crate) async fn a_tenant_follows_and_downloads_its_own_events<DB: Db>(server: Server) {
    let world = World::<DB>::new(server).await;
    let of =
        |tenant: &str| AuditContext::new().with_actor(Actor::user("ann").with_tenant_id(tenant));
    let users = LogQuery::new().table("users");
    let (mut followed, downloaded) = (world.trail().tenant("acme"), world.trail().tenant("acme"));
    let mut follow = followed.follow(&users).await.unwrap();
    for (place, tenant) in ["acme", "other", "acme", "Acme", "acme "]
        .iter()
        .enumerate()
    {
        let insert = format!("INSERT INTO users (id) VALUES ({place})");
        world.run_in(of(tenant), &[&insert]).await;
    }
    world
        .run_as("job", &["INSERT INTO users (id) VALUES (9)"])
        .await;
    let records = |events: &[Event]| -> Vec<String> {
        events
            .iter()
            .filter_map(|event| event.record_id.clone())
            .collect()
    };
    assert_eq!(records(&follow.poll().await.unwrap()), ["0", "2"]);
    assert_eq!(follow.poll().await.unwrap(), []);
    let oldest_first = users.oldest_first();
    let mut download = downloaded
        .download(&oldest_first, Format::Ndjson)
        .await
        .unwrap();
    let mut file = Vec::new();
    while let Some(piece) = download.next().await {
        file.extend(piece.unwrap());
    }
    let events = Format::Ndjson.read(file.as_slice());
    let events: Vec<Event> = events.map(Result::unwrap).collect();
    assert_eq!(records(&events), ["0", "2"]);
}
