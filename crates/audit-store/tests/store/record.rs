//! A record through time, as triggers recorded it.

use audit_core::query::LogQuery;
use audit_core::{Json, LogReader};
use audit_store::{Trail, Turn};
use audit_testkit::Server;

use super::world::{Db, World};

/// A turn as `OPERATION key by: field before -> after`.
fn line(turn: &Turn) -> String {
    let event = &turn.event;
    let text = |value: &Option<Json>| {
        value
            .as_ref()
            .map_or("-".to_owned(), |value| value.as_str().to_owned())
    };
    let changes: Vec<String> = turn
        .changes
        .iter()
        .map(|change| {
            format!(
                "{} {} -> {}",
                change.field,
                text(&change.before),
                text(&change.after)
            )
        })
        .collect();
    format!(
        "{} {} {}: {}",
        event.operation,
        event.record_id.as_deref().unwrap_or("-"),
        event.actor_id.as_deref().unwrap_or("-"),
        changes.join(", ")
    )
}

async fn timeline<DB: Db>(world: &World<DB>, record: &str) -> Vec<String> {
    let users = LogQuery::new().table("users");
    let mut trail = world.trail();
    // Pages of one event, so that a key changes at the end of some.
    let mut lines: Vec<Vec<String>> = Vec::new();
    for query in [users.clone(), users.limit(1)] {
        let mut timeline = trail.timeline(&query, record).await.unwrap();
        let mut turns = Vec::new();
        while let Some(more) = timeline.next().await.unwrap() {
            turns.extend(more.iter().map(line));
        }
        lines.push(turns);
    }
    assert_eq!(lines[0], lines[1]);
    lines.swap_remove(0)
}

/// The first row moves from 1 over 5 to 7; another one gets the 5 that it left.
pub(crate) async fn a_record_is_one_over_changes_of_its_key<DB: Db>(server: Server) {
    let world = World::<DB>::new(server).await;
    world
        .run_as(
            "ann",
            &[
                "INSERT INTO users (id, name) VALUES (1, 'Ann')",
                "UPDATE users SET id = 5, name = 'Anna' WHERE id = 1",
                "UPDATE users SET name = NULL WHERE id = 5",
                "UPDATE users SET id = 7 WHERE id = 5",
                "INSERT INTO users (id, name) VALUES (5, 'Ben')",
                "DELETE FROM users WHERE id = 5",
                "INSERT INTO users (id, name) VALUES (5, 'Bob')",
                "UPDATE users SET email = 'x' WHERE id = 7",
            ],
        )
        .await;
    let first = [
        "UPDATE 7 ann: email null -> \"x\"",
        "UPDATE 7 ann: id 5 -> 7",
        "UPDATE 5 ann: name \"Anna\" -> null",
        "UPDATE 5 ann: id 1 -> 5, name \"Ann\" -> \"Anna\"",
        "INSERT 1 ann: email - -> null, id - -> 1, name - -> \"Ann\"",
    ];
    assert_eq!(timeline(&world, "7").await, first);
    // 1 is what it was called once.
    assert_eq!(timeline(&world, "1").await, first);
    let second = [
        "INSERT 5 ann: email - -> null, id - -> 5, name - -> \"Bob\"",
        "DELETE 5 ann: email null -> -, id 5 -> -, name \"Ben\" -> -",
        "INSERT 5 ann: email - -> null, id - -> 5, name - -> \"Ben\"",
    ];
    assert_eq!(timeline(&world, "5").await, second);
    assert_eq!(timeline(&world, "9").await, Vec::<String>::new());
}

/// The fields of record 2 as `field value actor`.
async fn blamed<R: LogReader>(trail: &mut Trail<R>, users: &LogQuery) -> Vec<String> {
    let blames = trail.blame(users, "2").await.unwrap();
    let line = |blame: &audit_store::Blame| {
        let event = blame.event.as_ref();
        let actor = event.and_then(|event| event.actor_id.as_deref());
        format!(
            "{} {} {}",
            blame.field,
            blame.value.as_ref().map_or("?", Json::as_str),
            actor.unwrap_or("?")
        )
    };
    blames.iter().map(line).collect()
}

pub(crate) async fn each_field_is_blamed_on_who_set_it<DB: Db>(server: Server) {
    let world = World::<DB>::new(server).await;
    let users = LogQuery::new().table("users");
    world
        .run_as(
            "ann",
            &["INSERT INTO users (id, name, email) VALUES (1, 'Ann', 'a')"],
        )
        .await;
    world
        .run_as("ben", &["UPDATE users SET email = 'b' WHERE id = 1"])
        .await;
    world
        .run_as("cy", &["UPDATE users SET name = 'Anna' WHERE id = 1"])
        .await;
    world
        .run_as("dora", &["UPDATE users SET id = 2 WHERE id = 1"])
        .await;
    world
        .run_as("eve", &["UPDATE users SET name = 'Anna' WHERE id = 2"])
        .await;
    let mut trail = world.trail();
    let expected = ["email \"b\" ben", "id 2 dora", "name \"Anna\" cy"];
    assert_eq!(blamed(&mut trail, &users).await, expected);
    // What it had last stays theirs.
    world
        .run_as("fred", &["DELETE FROM users WHERE id = 2"])
        .await;
    assert_eq!(blamed(&mut trail, &users).await, expected);
    let turn = trail
        .last_change(&users, "2", "name")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        line(&turn),
        "DELETE 2 fred: email \"b\" -> -, id 2 -> -, name \"Anna\" -> -"
    );
    assert_eq!(trail.last_change(&users, "2", "age").await.unwrap(), None);
    assert_eq!(trail.blame(&users, "3").await.unwrap(), []);
}
