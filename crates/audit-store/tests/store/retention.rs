//! What policies let go and holds keep, against a model that shares nothing with it.

use std::collections::BTreeMap;

use audit_core::retention::{NewHold, Policy, Retention, Selection};
use audit_core::{Actor, AuditContext, DataClass, Event, Severity};
use audit_store::{Purge, Purged, place, release};
use audit_testkit::Server;
use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use super::events::{Made, START, TEXTS, drawn, made};
use super::world::{Db, World};

/// Names of tables, with and without a pattern.
const TABLES: [&str; 12] = [
    "a", "A*", "a*", "*c", "a_c", "a_*", "100%", "*", "it's", "*\u{301}", "app.*", "app.a*",
];

/// A selection, for the query and for the model.
#[derive(Debug, Clone)]
struct Spec {
    tables: Vec<&'static str>,
    records: Vec<&'static str>,
    actors: Vec<&'static str>,
    severities: Vec<Severity>,
    classes: Vec<DataClass>,
    regimes: Vec<&'static str>,
}

fn some<T: Copy + std::fmt::Debug + 'static>(all: &'static [T]) -> impl Strategy<Value = Vec<T>> {
    let chosen = proptest::sample::subsequence(all, 1..4);
    prop_oneof![7 => Just(Vec::new()), 1 => chosen]
}

fn spec() -> impl Strategy<Value = Spec> {
    (
        prop_oneof![
            1 => Just(Vec::new()),
            1 => proptest::sample::subsequence(&TABLES[..], 1..3)
        ],
        some(&TEXTS),
        some(&TEXTS),
        some(Severity::ALL),
        some(DataClass::ALL),
        some(&TEXTS),
    )
        .prop_map(
            |(tables, records, actors, severities, classes, regimes)| Spec {
                tables,
                records,
                actors,
                severities,
                classes,
                regimes,
            },
        )
}

impl Spec {
    fn selection(&self) -> Selection {
        Selection::new()
            .table(self.tables.clone())
            .record(self.records.clone())
            .actor(self.actors.clone())
            .severity(self.severities.clone())
            .data_class(self.classes.clone())
            .compliance(self.regimes.clone())
    }

    fn holds(&self, event: &Event) -> bool {
        let one_of = |texts: &[&str], text: &Option<String>| {
            texts.is_empty() || text.as_deref().is_some_and(|text| texts.contains(&text))
        };
        let named = |pattern: &&str| {
            let name = match (&event.table_schema, pattern.contains('.')) {
                (Some(schema), true) => event
                    .table_name
                    .as_ref()
                    .map(|name| format!("{schema}.{name}")),
                _ => event.table_name.clone(),
            };
            name.is_some_and(|name| matches_glob(pattern, &name))
        };
        let regimes = event.compliance.iter().flatten();
        let mut regimes = regimes.map(String::as_str);
        (self.tables.is_empty() || self.tables.iter().any(named))
            && (one_of(&self.records, &event.record_id)
                || one_of(&self.records, &event.previous_record_id))
            && one_of(&self.actors, &event.actor_id)
            && (self.severities.is_empty()
                || event
                    .severity
                    .is_some_and(|word| self.severities.contains(&word)))
            && (self.classes.is_empty()
                || event
                    .data_class
                    .is_some_and(|word| self.classes.contains(&word)))
            && (self.regimes.is_empty() || regimes.any(|regime| self.regimes.contains(&regime)))
    }
}

fn matches_glob(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((head, rest)) => name.strip_prefix(head).is_some_and(|tail| {
            let places = tail.char_indices().map(|(place, _)| place);
            let mut places = places.chain([tail.len()]);
            places.any(|place| matches_glob(rest, tail.split_at(place).1))
        }),
    }
}

/// A number of days, and what is kept for so long.
type Kept = (i64, Spec);

#[derive(Debug, Clone)]
struct Round {
    policies: Vec<Kept>,
    holds: Vec<(Spec, bool)>,
    batch: u32,
}

fn round() -> impl Strategy<Value = Round> {
    (
        proptest::collection::vec((1..40_i64, spec()), 1..5),
        proptest::collection::vec((spec(), any::<bool>()), 0..3),
        1..80_u32,
    )
        .prop_map(|(policies, holds, batch)| Round {
            policies,
            holds,
            batch,
        })
}

/// Events of the last forty days, none of them near the time of day that it is.
pub(crate) fn aged(count: usize) -> Vec<Made> {
    let age = (made(), 0..40_i64, 0..3_i64);
    let now = Utc::now().timestamp_micros() - START;
    let day = TimeDelta::days(1).num_microseconds().unwrap();
    let aged = drawn(&age, count)
        .into_iter()
        .map(|(mut made, days, micros)| {
            made.at.0 = now - now % 1_000_000 - days * day - day / 2 + micros;
            made
        });
    aged.collect()
}

impl Round {
    fn name(place: usize) -> String {
        format!("policy {place}")
    }

    fn retention(&self) -> Retention {
        let policy = |(place, (days, spec)): (usize, &Kept)| {
            Policy::new(Self::name(place), format!("{days}d")).select(spec.selection())
        };
        Retention::new(self.policies.iter().enumerate().map(policy)).unwrap()
    }

    /// The policy that lets an event go, whatever is held.
    fn gone_by(&self, event: &Event, now: DateTime<Utc>) -> Option<usize> {
        if event
            .action
            .as_deref()
            .is_some_and(|action| action.starts_with("audit."))
        {
            return None;
        }
        let policies = self.policies.iter().enumerate();
        let matching = policies.filter(|(_, (_, spec))| spec.holds(event));
        // The first of those that keep longest.
        let longest = matching.min_by_key(|(_, (days, _))| -days)?;
        let (place, (days, _)) = longest;
        (event.occurred_at < now - TimeDelta::days(*days)).then_some(place)
    }

    fn is_held(&self, event: &Event) -> bool {
        let mut active = self.holds.iter().filter(|(_, is_released)| !is_released);
        active.any(|(spec, _)| spec.holds(event))
    }
}

pub(crate) fn olga() -> AuditContext {
    AuditContext::new().with_actor(Actor::user("olga"))
}

pub(crate) async fn held<DB: Db>(world: &World<DB>, hold: &NewHold) {
    let work = async {
        let mut transaction = audit_sqlx::begin(&world.pool).await.unwrap();
        place(hold, &mut audit_sqlx::writer(&mut *transaction))
            .await
            .unwrap();
        transaction.commit().await.unwrap();
    };
    olga().scope(work).await;
}

pub(crate) async fn freed<DB: Db>(world: &World<DB>, name: &str) {
    let work = async {
        let mut transaction = audit_sqlx::begin(&world.pool).await.unwrap();
        let mut writer = audit_sqlx::writer(&mut *transaction);
        release(name, "it is over", &mut writer).await.unwrap();
        transaction.commit().await.unwrap();
    };
    olga().scope(work).await;
}

/// Removes everything that a purge lets go.
pub(crate) async fn purged<DB: Db>(world: &World<DB>, purge: &Purge, most: u32) -> Vec<Purged> {
    let (mut trail, mut batches, mut done) = (world.trail(), purge.batches(most), Vec::new());
    let work = async {
        while let Some(batch) = batches.next(&mut trail).await.unwrap() {
            let mut transaction = audit_sqlx::begin(&world.pool).await.unwrap();
            let mut writer = audit_sqlx::writer(&mut *transaction);
            done.push(batch.apply(&mut writer).await.unwrap());
            transaction.commit().await.unwrap();
        }
    };
    olga().scope(work).await;
    done
}

/// The events of purges and holds apart from the others.
pub(crate) async fn told<DB: Db>(world: &World<DB>) -> (Vec<Event>, Vec<Event>) {
    let events = world.events().await;
    let is_own = |event: &Event| event.actor_id.as_deref() == Some("olga");
    events.into_iter().partition(is_own)
}

pub(crate) async fn policies_and_holds_leave_what_a_model_leaves<DB: Db>(server: Server) {
    let mut world = World::<DB>::new(server).await;
    let (mut gone, mut kept_by_holds) = (0, 0);
    for (place, round) in drawn(&round(), 24).into_iter().enumerate() {
        let log = world.log_table();
        world.raw.run(&format!("DELETE FROM {log}")).await;
        world.put(&aged(250)).await;
        for sql in [
            format!("UPDATE {log} SET table_schema = 'app' WHERE record_id IN ('a', 'abc')"),
            format!("UPDATE {log} SET action = 'audit.purge' WHERE label = 'abc'"),
        ] {
            world.raw.run(&sql).await;
        }
        let before = world.events().await;
        for (number, (spec, is_released)) in round.holds.iter().enumerate() {
            let name = format!("hold {number} of round {place}");
            let hold = NewHold::new(&name, "a case").select(spec.selection());
            held(&world, &hold).await;
            if *is_released {
                freed(&world, &name).await;
            }
        }
        let purge = world.trail().purge(&round.retention()).await.unwrap();
        let now = Utc::now();
        let expected: Vec<&Event> = before
            .iter()
            .filter(|event| round.gone_by(event, now).is_none() || round.is_held(event))
            .collect();
        gone += before.len() - expected.len();
        kept_by_holds += before
            .iter()
            .filter(|event| round.gone_by(event, now).is_some() && round.is_held(event))
            .count();
        assert_preview(&world, &round, &purge, &before, now).await;
        let done = purged(&world, &purge, round.batch).await;
        let (own, left) = told(&world).await;
        assert_eq!(left.iter().collect::<Vec<_>>(), expected, "{round:?}");
        assert_accounts(&round, &before, now, &done, &own);
        for number in 0..round.holds.len() {
            let name = format!("hold {number} of round {place}");
            if !round.holds[number].1 {
                freed(&world, &name).await;
            }
        }
    }
    assert!(gone > 500 && kept_by_holds > 50, "{gone} {kept_by_holds}");
}

/// What is said before is what is done.
async fn assert_preview<DB: Db>(
    world: &World<DB>,
    round: &Round,
    purge: &Purge,
    before: &[Event],
    now: DateTime<Utc>,
) {
    let preview = world.trail().preview(purge).await.unwrap();
    assert_eq!(preview.len(), round.policies.len());
    for told in preview {
        let of = |event: &&Event| {
            round.gone_by(event, now).map(Round::name).as_deref() == Some(told.policy.as_str())
        };
        let (held, gone): (Vec<_>, Vec<_>) = before
            .iter()
            .filter(of)
            .partition(|event| round.is_held(event));
        assert_eq!(told.events, gone.len() as u64, "{round:?}");
        assert_eq!(told.oldest, gone.first().map(|event| event.occurred_at));
        assert_eq!(told.newest, gone.last().map(|event| event.occurred_at));
        let mut tables = BTreeMap::new();
        for event in &gone {
            *tables.entry(event.table_name.clone()).or_insert(0_u64) += 1;
        }
        let counted = told.tables.into_iter();
        let counted: BTreeMap<_, _> = counted.map(|count| (count.group, count.events)).collect();
        assert_eq!(counted, tables);
        for (number, (spec, is_released)) in round.holds.iter().enumerate() {
            let start = format!("hold {number} ");
            let kept = told.held.iter().find(|held| held.hold.starts_with(&start));
            let expected = held.iter().filter(|event| spec.holds(event)).count();
            let expected = if *is_released { 0 } else { expected };
            assert_eq!(kept.map_or(0, |held| held.events), expected as u64);
        }
    }
}

/// Each batch is an event, which tells what it removed.
fn assert_accounts(
    round: &Round,
    before: &[Event],
    now: DateTime<Utc>,
    done: &[Purged],
    own: &[Event],
) {
    let mut by_policy = BTreeMap::new();
    let purges = own
        .iter()
        .filter(|event| event.action.as_deref() == Some("audit.purge"));
    let purges: Vec<&Event> = purges.collect();
    assert_eq!(purges.len(), done.len());
    for (event, purged) in purges.iter().zip(done) {
        let told = event.metadata.as_ref().unwrap().to_object();
        let number = told["events"].as_u64().unwrap();
        assert_eq!(told["policy"], purged.policy);
        assert_eq!(number, purged.events);
        assert!(number <= u64::from(round.batch));
        let instant = |name: &str| {
            told[name]
                .as_str()
                .unwrap()
                .parse::<DateTime<Utc>>()
                .unwrap()
        };
        assert_eq!(Some(instant("first")), purged.first);
        assert_eq!(Some(instant("last")), purged.last);
        assert!(instant("last") < instant("cutoff"));
        *by_policy.entry(purged.policy.clone()).or_insert(0) += number;
    }
    let mut expected = BTreeMap::new();
    for event in before.iter().filter(|event| !round.is_held(event)) {
        if let Some(place) = round.gone_by(event, now) {
            *expected.entry(Round::name(place)).or_insert(0) += 1;
        }
    }
    assert_eq!(by_policy, expected);
}
