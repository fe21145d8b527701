//! Numbers against those of a model.

use std::collections::BTreeMap;

use audit_core::query::{Grouping, LogQuery};
use audit_core::{Event, LogReader};
use audit_store::{Count, Trail};
use audit_testkit::Server;

use super::events::{drawn, made};
use super::world::{Db, World};

fn expected(
    events: &[&Event],
    group: impl Fn(&Event) -> Option<String>,
) -> BTreeMap<Option<String>, u64> {
    let mut counts = BTreeMap::new();
    for event in events {
        *counts.entry(group(event)).or_default() += 1;
    }
    counts
}

fn told(counts: &[Count]) -> BTreeMap<Option<String>, u64> {
    let told: BTreeMap<_, _> = counts
        .iter()
        .map(|count| (count.group.clone(), count.events))
        .collect();
    assert_eq!(told.len(), counts.len(), "{counts:?}");
    told
}

/// The groups with most events, as many as a summary has, which are those of a model.
async fn largest<R: LogReader>(
    trail: &mut Trail<R>,
    query: &LogQuery,
    grouping: Grouping,
    expected: BTreeMap<Option<String>, u64>,
) -> Vec<Count> {
    let mut all = trail.counts(query, grouping, 100).await.unwrap();
    assert_eq!(told(&all), expected, "{grouping:?}");
    assert!(all.is_sorted_by(|a, b| a.events >= b.events));
    all.truncate(10);
    all
}

pub(crate) async fn numbers_are_those_of_a_model<DB: Db>(server: Server) {
    let mut world = World::<DB>::new(server).await;
    let mut all = drawn(&made(), 300);
    for (at, made) in all.iter_mut().enumerate() {
        // Over some days.
        made.at.0 += i64::try_from(at % 9).unwrap() * 13 * 3_600_000_000;
    }
    world.put(&all).await;
    let events = world.events().await;
    let mut trail = world.trail();
    for (query, is_meant) in [
        (LogQuery::new(), (|_| true) as fn(&Event) -> bool),
        (LogQuery::new().table("a").limit(1), |event| {
            event.table_name.as_deref() == Some("a")
        }),
        (LogQuery::new().record("a"), |event| {
            [&event.record_id, &event.previous_record_id].contains(&&Some("a".to_owned()))
        }),
    ] {
        let meant: Vec<&Event> = events.iter().filter(|event| is_meant(event)).collect();
        let stats = trail.stats(&query).await.unwrap();
        assert_eq!(stats.events, meant.len() as u64);
        let word = |word: Option<&str>| word.map(str::to_owned);
        let day = |event: &Event| Some(event.occurred_at.format("%Y-%m-%d").to_string());
        assert_eq!(told(&stats.days), expected(&meant, day));
        assert!(stats.days.is_sorted_by_key(|count| count.group.clone()));
        assert_eq!(
            told(&stats.operations),
            expected(&meant, |event| word(Some(event.operation.as_str())))
        );
        assert_eq!(
            told(&stats.outcomes),
            expected(&meant, |event| word(Some(event.outcome.as_str())))
        );
        assert_eq!(
            told(&stats.severities),
            expected(&meant, |event| event
                .severity
                .map(|severity| severity.to_string()))
        );
        let hours = trail.counts(&query, Grouping::Hour, 1).await.unwrap();
        let hour = |event: &Event| Some(event.occurred_at.format("%Y-%m-%dT%H").to_string());
        assert_eq!(told(&hours), expected(&meant, hour));

        let by_actor = expected(&meant, |event| event.actor_id.clone());
        let actors = largest(&mut trail, &query, Grouping::Actor, by_actor).await;
        assert_eq!(stats.actors, actors);
        let by_table = expected(&meant, |event| event.table_name.clone());
        let tables = largest(&mut trail, &query, Grouping::Table, by_table).await;
        assert_eq!(stats.tables, tables);
        let by_tenant = expected(&meant, |event| event.tenant_id.clone());
        let tenants = largest(&mut trail, &query, Grouping::Tenant, by_tenant).await;
        assert_eq!(stats.tenants, tenants);
        let by_action = expected(&meant, |event| event.action.clone());
        largest(&mut trail, &query, Grouping::Action, by_action).await;
    }
    let none = trail.stats(&LogQuery::new().actor("nobody")).await.unwrap();
    assert_eq!((none.events, none.days.len()), (0, 0));
}
