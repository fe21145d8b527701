//! Pages and cursors while others write.

use std::collections::BTreeMap;

use audit_core::Event;
use audit_core::query::LogQuery;
use audit_store::{CursorError, StoreError};
use audit_testkit::Server;
use uuid::Uuid;

use super::events::{Made, drawn, made};
use super::world::{Db, World};

/// How often each event was seen.
fn tally(pages: &[Vec<Event>]) -> BTreeMap<Uuid, usize> {
    let mut seen = BTreeMap::new();
    for event in pages.iter().flatten() {
        *seen.entry(event.id).or_default() += 1;
    }
    seen
}

fn assert_ordered(pages: &[Vec<Event>], oldest_first: bool) {
    let mut positions: Vec<_> = pages.iter().flatten().map(Event::position).collect();
    if !oldest_first {
        positions.reverse();
    }
    assert!(positions.is_sorted());
}

/// Writers put events before, between and behind what is being paged.
pub(crate) async fn every_event_of_the_first_page_is_on_one_page<DB: Db>(server: Server) {
    let mut world = World::<DB>::new(server).await;
    // Of each microsecond some are there at first, and some come later.
    let all = drawn(&made(), 700);
    let (first, later): (Vec<Made>, Vec<Made>) =
        all.into_iter().partition(|made| made.at.1 % 3 == 0);
    world.put(&first).await;
    let mut later = later.chunks(40);
    for (oldest_first, limit) in [(false, 7), (true, 1), (false, 1_000), (true, 50)] {
        let query = LogQuery::new().limit(limit);
        let query = if oldest_first {
            query.oldest_first()
        } else {
            query
        };
        let visible = world.events().await;
        let mut pages = Vec::new();
        let mut cursor = None;
        loop {
            let page = world.trail().page(&query, cursor.as_deref()).await.unwrap();
            assert!(page.events.len() <= limit as usize);
            assert!(page.next.is_none() || page.events.len() == limit as usize);
            assert_eq!(page.previous.is_some(), cursor.is_some());
            pages.push(page.events);
            if pages.len() % 8 == 1
                && let Some(more) = later.next()
            {
                world.put(more).await;
            }
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        assert_ordered(&pages, oldest_first);
        let seen = tally(&pages);
        assert!(seen.values().all(|times| *times == 1));
        for event in visible {
            assert_eq!(seen.get(&event.id), Some(&1));
        }
        // The same through `pages`, and one by one in its order.
        let mut trail = world.trail();
        let mut streamed = trail.pages(&query);
        let mut together = Vec::new();
        while let Some(page) = streamed.next().await.unwrap() {
            assert!(page.len() <= limit as usize);
            together.push(page);
        }
        let mut expected = world.events().await;
        if !oldest_first {
            expected.reverse();
        }
        assert_eq!(together.concat(), expected);
    }
    assert!(later.next().is_none(), "some events were never put in");
}

pub(crate) async fn a_list_goes_back_as_it_went_on<DB: Db>(server: Server) {
    let mut world = World::<DB>::new(server).await;
    world.put(&drawn(&made(), 60)).await;
    let query = LogQuery::new().limit(7);
    let mut trail = world.trail();
    let mut forward = vec![trail.page(&query, None).await.unwrap()];
    while let Some(cursor) = &forward[forward.len() - 1].next.clone() {
        forward.push(trail.page(&query, Some(cursor)).await.unwrap());
    }
    assert!(forward.len() > 5);
    let mut at = forward.len() - 1;
    let mut previous = forward[at].previous.clone();
    while let Some(cursor) = previous {
        at -= 1;
        let page = trail.page(&query, Some(&cursor)).await.unwrap();
        assert_eq!(page.events, forward[at].events);
        let next = trail.page(&query, page.next.as_deref()).await.unwrap();
        assert_eq!(next.events, forward[at + 1].events);
        previous = page.previous;
    }
    assert_eq!(at, 0);

    let cursor = forward[0].next.as_deref();
    let other = query.clone().actor("a");
    let refused = trail.page(&other, cursor).await.unwrap_err();
    assert!(
        matches!(refused, StoreError::Cursor(CursorError::Foreign)),
        "{refused}"
    );
    let refused = world
        .trail()
        .tenant("a")
        .page(&query, cursor)
        .await
        .unwrap_err();
    assert!(
        matches!(refused, StoreError::Cursor(CursorError::Foreign)),
        "{refused}"
    );
    let refused = trail.page(&query, Some("???")).await.unwrap_err();
    assert!(
        matches!(refused, StoreError::Cursor(CursorError::Malformed)),
        "{refused}"
    );
    let refused = trail
        .page(&query.clone().limit(10_001), None)
        .await
        .unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the limit is 10001; ask for 1 to 10000 events at once"
    );
}

/// The events that were young enough at first stay so until the last page.
pub(crate) async fn a_span_of_time_is_that_of_the_first_page<DB: Db>(server: Server) {
    let world = World::<DB>::new(server).await;
    world
        .run_as(
            "ann",
            &["INSERT INTO users (id, name) VALUES (1, 'a'), (2, 'b'), (3, 'c')"],
        )
        .await;
    let span = chrono::TimeDelta::seconds(2);
    let query = LogQuery::new().since(span).limit(2);
    let mut trail = world.trail();
    let first = trail.page(&query, None).await.unwrap();
    assert_eq!(first.events.len(), 2);
    let newest = first.events[0].occurred_at;
    // Time goes by until none of them is young any more.
    while chrono::Utc::now() - newest <= span {
        world
            .run_as("ben", &["UPDATE users SET name = 'd' WHERE id = 1"])
            .await;
    }
    assert_eq!(
        trail
            .page(&query.clone().actor("ann"), None)
            .await
            .unwrap()
            .events,
        []
    );
    let second = trail.page(&query, first.next.as_deref()).await.unwrap();
    assert_eq!(second.events.len(), 1);
}

pub(crate) async fn an_event_has_its_neighbours<DB: Db>(server: Server) {
    let mut world = World::<DB>::new(server).await;
    world.put(&drawn(&made(), 40)).await;
    let events = world.events().await;
    let query = LogQuery::new().oldest_first();
    let mut trail = world.trail();
    for (at, event) in events.iter().enumerate() {
        let around = trail.around(&query, event.id, 3).await.unwrap().unwrap();
        assert_eq!(around.before, events[at.saturating_sub(3)..at]);
        assert_eq!(&around.event, event);
        assert_eq!(around.behind, events[at + 1..events.len().min(at + 4)]);
    }
    assert_eq!(trail.around(&query, Uuid::nil(), 3).await.unwrap(), None);
}
