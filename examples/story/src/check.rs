//! Whether the trail is what the story must leave: no event less, none more, none of anybody else.

use audit_core::{ActorKind, Assurance, Event, Operation};

use crate::client::Deed;
use crate::steps::{PASSWORDS, STEPS, Step, Who};

/// What is wrong with a trail, in words; nothing when it is right.
pub(crate) fn faults(deeds: &[Deed], events: &[Event]) -> Vec<String> {
    let mut faults = Vec::new();
    if deeds.len() != STEPS.len() {
        faults.push(format!(
            "{} of {} requests were made",
            deeds.len(),
            STEPS.len()
        ));
    }
    for (step, deed) in STEPS.iter().zip(deeds) {
        let id = Some(deed.request_id.as_str());
        let left: Vec<&Event> = events
            .iter()
            .filter(|event| event.request_id.as_deref() == id)
            .collect();
        let title = step.title;
        if deed.status != step.status {
            faults.push(format!("{title}: the answer was {}", deed.status));
        }
        let (wanted, found) = (wanted(step), shapes(&left));
        if wanted != found {
            faults.push(format!("{title}: wanted {wanted:?}, found {found:?}"));
        }
        let strangers = left.iter().filter(|event| !is_by(event, step.who));
        faults.extend(strangers.map(|event| {
            let actor = event.actor_id.as_deref().unwrap_or("nobody");
            format!("{title}: recorded as done by `{actor}`")
        }));
    }
    for event in events {
        let id = event.request_id.as_deref().unwrap_or_default();
        if !deeds.iter().any(|deed| deed.request_id == id) {
            faults.push(format!("the event {} is of no request", event.id));
        }
        let text = serde_json::to_string(event).unwrap_or_default();
        if text.is_empty() || PASSWORDS.iter().any(|password| text.contains(password)) {
            faults.push(format!("the event {} holds a password", event.id));
        }
    }
    faults
}

/// What can be said of an event beforehand; events of one step have no order that all databases
/// share.
type Shape = (Operation, String, Vec<String>);

fn wanted(step: &Step) -> Vec<Shape> {
    let shape = |expected: &crate::steps::Expected| {
        let changed = expected.changed.iter().map(ToString::to_string);
        (
            expected.operation,
            expected.table.to_owned(),
            sorted(changed.collect()),
        )
    };
    sorted(step.events.iter().map(shape).collect())
}

fn shapes(events: &[&Event]) -> Vec<Shape> {
    let shape = |event: &&Event| {
        let table = event.table_name.clone().unwrap_or_default();
        let changed = event.changed_fields.clone().unwrap_or_default();
        (event.operation, table, sorted(changed))
    };
    sorted(events.iter().map(shape).collect())
}

fn sorted<T: Ord>(mut list: Vec<T>) -> Vec<T> {
    list.sort_unstable();
    list
}

fn is_by(event: &Event, who: Who) -> bool {
    let verified = |id: &str| {
        event.actor_id.as_deref() == Some(id)
            && event.actor_kind == ActorKind::User
            && event.assurance == Some(Assurance::Verified)
    };
    match who {
        Who::Alice => verified("alice"),
        Who::Bob => verified("bob"),
        Who::Nobody => event.actor_id.is_none() && event.actor_kind == ActorKind::Anonymous,
        Who::Expired | Who::Forger => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANNA: &str = r#"{"name": "Anna"}"#;

    /// An event that fits what a step expects.
    fn event(step: &Step, request: &str, index: usize, texts: &[(&str, &str)]) -> Event {
        let expected = &step.events[index];
        let (id, kind) = match step.who {
            Who::Alice => (Some("alice"), "user"),
            Who::Bob => (Some("bob"), "user"),
            _ => (None, "anonymous"),
        };
        let changed = serde_json::to_string(expected.changed).unwrap();
        let columns = audit_core::schema::LOG_COLUMNS.iter().map(|column| {
            if let Some((_, text)) = texts.iter().find(|(name, _)| *name == column.name) {
                return Some(*text);
            }
            match column.name {
                "occurred_at" => Some("2026-01-02T03:04:05Z"),
                "id" => Some("0190a1b2-0000-7000-8000-000000000001"),
                "schema_version" => Some("1"),
                "operation" => Some(expected.operation.as_str()),
                "outcome" => Some("success"),
                "table_name" => Some(expected.table),
                "changed_fields" if expected.operation == Operation::Update => Some(&*changed),
                "after_data" => Some(ANNA),
                "actor_id" => id,
                "actor_kind" => Some(kind),
                "assurance" => id.map(|_| "verified"),
                "request_id" => Some(request),
                "source" => Some("trigger"),
                _ => None,
            }
        });
        Event::from_texts(columns).unwrap()
    }

    fn right() -> (Vec<Deed>, Vec<Event>) {
        let deed = |(index, step): (usize, &Step)| Deed {
            status: step.status,
            request_id: format!("request-{index}"),
        };
        let deeds: Vec<Deed> = STEPS.iter().enumerate().map(deed).collect();
        let mut events = Vec::new();
        for (step, deed) in STEPS.iter().zip(&deeds) {
            let indices = 0..step.events.len();
            events.extend(indices.map(|index| event(step, &deed.request_id, index, &[])));
        }
        (deeds, events)
    }

    fn fault(change: impl FnOnce(&mut Vec<Deed>, &mut Vec<Event>)) -> String {
        let (mut deeds, mut events) = right();
        change(&mut deeds, &mut events);
        faults(&deeds, &events).join("; ")
    }

    #[test]
    fn a_right_trail_has_no_faults() {
        assert_eq!(fault(|_, _| ()), "");
    }

    #[test]
    fn whatever_is_wrong_is_found() {
        let first = &STEPS[0];
        let lost = fault(|_, events| drop(events.pop()));
        assert!(lost.starts_with("alice deletes all invoices"), "{lost}");
        let doubled = fault(|_, events| events.push(event(first, "request-0", 0, &[])));
        assert!(
            doubled.starts_with("alice adds a user: wanted"),
            "{doubled}"
        );
        let swapped = [("actor_id", "bob")];
        let swapped = fault(|_, events| events[0] = event(first, "request-0", 0, &swapped));
        assert_eq!(swapped, "alice adds a user: recorded as done by `bob`");
        let strange = fault(|_, events| events.push(event(first, "elsewhere", 0, &[])));
        assert!(strange.ends_with("is of no request"), "{strange}");
        let leaked = [("after_data", r#"{"password": "correct horse"}"#)];
        let leaked = fault(|_, events| events[0] = event(first, "request-0", 0, &leaked));
        assert!(leaked.ends_with("holds a password"), "{leaked}");
        let forged = STEPS
            .iter()
            .position(|step| step.who == Who::Forger)
            .unwrap();
        let forged = format!("request-{forged}");
        let forged = fault(|_, events| events.push(event(first, &forged, 0, &[])));
        assert!(forged.contains("recorded as done by `alice`"), "{forged}");
        let answered = fault(|deeds, _| deeds[0].status = 500);
        assert_eq!(answered, "alice adds a user: the answer was 500");
        let short = fault(|deeds, _| drop(deeds.pop()));
        assert!(short.starts_with("20 of 21 requests were made"), "{short}");
    }
}
