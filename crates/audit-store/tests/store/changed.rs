//! Images of changed columns: what is told of them is what is told of whole ones.

use audit_core::{Audit, Event, Redaction, Snapshot, TableRule};
use audit_store::{Blame, LogQuery, Turn};
use audit_testkit::Server;

use super::world::{Db, World};

/// What is done to either table, `T`. The column `seen` is never changed alone, because then it is no event.
const WORK: [(&str, &str); 12] = [
    (
        "ann",
        "INSERT INTO T VALUES (1, 'Ann', 1.10, 'x', 's', 'd', 0)",
    ),
    (
        "ann",
        "INSERT INTO T VALUES (2, 'Ben', NULL, NULL, NULL, NULL, 0)",
    ),
    ("ben", "UPDATE T SET name = 'Anna', seen = 1 WHERE id = 1"),
    ("cy", "UPDATE T SET note = NULL, amount = 2.20"),
    ("ben", "UPDATE T SET secret = 't' WHERE id = 1"),
    ("dora", "UPDATE T SET gone = 'e', name = 'Bea' WHERE id = 2"),
    ("ben", "UPDATE T SET id = 3 WHERE id = 1"),
    ("cy", "UPDATE T SET note = 'y' WHERE id = 3"),
    ("eve", "DELETE FROM T WHERE id = 2"),
    (
        "ann",
        "INSERT INTO T VALUES (2, 'Bob', 9.99, 'z', 'u', 'f', 1)",
    ),
    ("eve", "UPDATE T SET id = 5, name = 'B' WHERE id = 2"),
    ("eve", "DELETE FROM T WHERE id = 3"),
];

/// A value of a field without the event that it is from, which is another one for each table.
fn blamed(blame: &Blame) -> String {
    let actor = blame.event.as_ref().map(|event| &event.actor_id);
    format!("{} {:?} {actor:?}", blame.field, blame.value)
}

fn turned(turn: &Turn) -> String {
    let event = &turn.event;
    format!(
        "{} {:?} {:?}",
        event.operation, event.actor_id, turn.changes
    )
}

/// All that the trail puts together of the events of a table, in words.
async fn told<DB: Db>(world: &World<DB>, table: &str) -> Vec<String> {
    let of = LogQuery::new().table(table);
    let oldest_first = of.clone().oldest_first();
    let events = world
        .trail()
        .page(&oldest_first, None)
        .await
        .unwrap()
        .events;
    assert_eq!(events.len(), 13);
    let mut trail = world.trail();
    let shapes = trail.shapes(table).await.unwrap();
    let mut told = Vec::new();
    for key in ["1", "2", "3", "5"] {
        let blames = trail.blame(&of, key).await.unwrap();
        told.extend(
            blames
                .iter()
                .map(|blame| format!("blame {key}: {}", blamed(blame))),
        );
        let mut timeline = trail.timeline(&of, key).await.unwrap();
        while let Some(turns) = timeline.next().await.unwrap() {
            told.extend(
                turns
                    .iter()
                    .map(|turn| format!("turn {key}: {}", turned(turn))),
            );
        }
        for field in ["name", "amount", "secret"] {
            let last = trail.last_change(&of, key, field).await.unwrap();
            let last = last.as_ref().map(turned);
            told.push(format!("last {key} {field}: {last:?}"));
        }
        for (place, event) in events.iter().enumerate() {
            let was = trail.as_of_event(&of, key, event).await.unwrap();
            told.push(format!("{key} at {place}: {was:?}"));
        }
    }
    let typed = |event: &Event| {
        // An image that is whole has the others as well.
        let changed = event.changed_fields.clone();
        let is_told = |name: &str| {
            changed
                .as_ref()
                .is_none_or(|all| all.iter().any(|it| it == name))
        };
        let images = [shapes.before(event), shapes.after(event)];
        let fields = images.iter().flatten().flat_map(|image| &image.fields);
        let fields = fields.filter(|field| is_told(&field.field));
        fields.map(|field| format!("{field:?}")).collect::<Vec<_>>()
    };
    told.extend(events.iter().flat_map(typed));
    told
}

/// The same work on two tables, of which one has the images of changes alone.
pub(crate) async fn images_of_changes_tell_what_whole_ones_do<DB: Db>(server: Server) {
    let columns = "id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(9), amount DECIMAL(5, 2), \
         note VARCHAR(9), secret VARCHAR(9), gone VARCHAR(9), seen INTEGER";
    let tables = format!("CREATE TABLE whole ({columns}); CREATE TABLE parts ({columns})");
    let rule = |table| {
        let rule = TableRule::new(table).ignore(["seen"]);
        let rule = rule.redact("secret", Redaction::Mask);
        rule.redact("gone", Redaction::Drop)
    };
    let parts = rule("parts").snapshot(Snapshot::Changed);
    let audit = Audit::builder().table(rule("whole")).table(parts);
    let world = World::<DB>::of(server, &tables, &audit.build().unwrap()).await;
    for (actor, sql) in WORK {
        for table in ["whole", "parts"] {
            world
                .run_as(actor, &[&sql.replace(" T ", &format!(" {table} "))])
                .await;
        }
    }
    let update = LogQuery::new()
        .table("parts")
        .operation(audit_core::Operation::Update);
    let updates = world.trail().page(&update, None).await.unwrap().events;
    for event in updates {
        let fields = event.after_data.unwrap().fields().len();
        assert!(fields < 3, "the images are whole");
    }
    let (whole, parts) = (told(&world, "whole").await, told(&world, "parts").await);
    for (whole, parts) in whole.iter().zip(&parts) {
        assert_eq!(whole, parts);
    }
    assert_eq!(whole.len(), parts.len());
}
