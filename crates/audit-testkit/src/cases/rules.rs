//! Rules are compiled into what is recorded.

mod awkward;
mod drawn;
mod overlap;
mod parts;

use audit_core::{Enrichment, Operation, Redaction, Severity, Snapshot, TableRule};
use serde_json::json;

use crate::adapter::Adapter;
use crate::database::Server;
use crate::world::{World, alice};

pub use awkward::what_cannot_be_taken_apart_is_hidden_whole;
pub use drawn::drawn_documents_show_what_a_parser_would;
pub use overlap::{
    overlapping_paths_are_hidden_by_the_stronger, parts_are_hidden_wherever_an_image_is_made,
};
pub use parts::{
    a_path_into_a_column_without_json_hides_the_column,
    hidden_parts_are_hidden_and_their_change_is_not, odd_names_in_paths_are_hidden,
};

const ANN: &str = "INSERT INTO users (id, name, email, password, age) \
                   VALUES (1, 'Ann', 'ann@example.com', 'hunter2', 30)";
const KEY: [u8; 32] = *b"0123456789abcdef0123456789abcdef";

/// Four ways to hide a value; that it changed is still told.
pub async fn redacted_columns_are_hidden_and_their_change_is_not<A: Adapter>(server: Server) {
    let world = World::<A>::with(server, "", |audit| {
        audit.hash_key(KEY).table(
            TableRule::new("users")
                .redact("password", Redaction::Drop)
                .redact("name", Redaction::Mask)
                .redact("email", Redaction::Hash)
                .redact("seen_at", Redaction::Truncate(4)),
        )
    })
    .await;
    let events = world
        .prove_statements(&[
            ANN,
            "UPDATE users SET password = 'hunter3', email = 'Jefe', seen_at = '2026-secret'",
        ])
        .await;
    let wire = serde_json::to_string(&events).unwrap();
    for secret in ["hunter", "Ann", "ann@example.com", "Jefe", "secret"] {
        assert!(!wire.contains(secret), "{secret} is in {wire}");
    }
    let after = events[1].after_data.as_ref().unwrap().to_object();
    assert_eq!(after["name"], "***");
    assert_eq!(after["seen_at"], "2026…");
    assert!(!after.contains_key("password"));
    // By Python's hmac module, from the key above and the text `Jefe`.
    let hash = "hmac-sha256:3dc3a28bff084452c5c8957b217fe84abeba89815778559f7d1e3dcbdc6bd094";
    assert_eq!(after["email"], hash);
    let first = events[0].after_data.as_ref().unwrap().to_object();
    assert_eq!(first["seen_at"], json!(null));
    let changed = events[1].changed_fields.clone().unwrap();
    assert_eq!(changed, ["email", "password", "seen_at"]);
    let mut redacted = events[1].redacted_fields.clone().unwrap();
    redacted.sort_unstable();
    assert_eq!(redacted, ["email", "name", "password", "seen_at"]);
}

/// A change of ignored columns alone is no event; they are in the images of other changes.
pub async fn ignored_columns_make_no_event_alone<A: Adapter>(server: Server) {
    let world = World::<A>::with(server, "", |audit| {
        audit.table(TableRule::new("users").ignore(["seen_at"]))
    })
    .await;
    world.prove_statements(&[ANN]).await;
    alice()
        .scope(world.adapter.execute("UPDATE users SET seen_at = 'now'"))
        .await
        .unwrap();
    assert_eq!(world.new_events().await, []);
    let events = world
        .prove_statements(&["UPDATE users SET seen_at = 'then', age = 31"])
        .await;
    let mut changed = events[0].changed_fields.clone().unwrap();
    changed.sort_unstable();
    assert_eq!(changed, ["age", "seen_at"]);
    assert_eq!(
        events[0].after_data.as_ref().unwrap().to_object()["seen_at"],
        "then"
    );
}

/// What is excluded leaves no event.
pub async fn excluded_tables_and_operations_are_not_recorded<A: Adapter>(server: Server) {
    let world = World::<A>::with(server, "", |audit| {
        audit
            .exclude("inv*")
            .table(TableRule::new("users").operations([Operation::Delete]))
    })
    .await;
    alice()
        .scope(async {
            for sql in [
                ANN,
                "UPDATE users SET age = 1",
                "INSERT INTO invoices (org, number, total) VALUES ('a', 1, 1)",
                "DELETE FROM users",
            ] {
                world.adapter.execute(sql).await.unwrap();
            }
        })
        .await;
    let events = world.new_events().await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].operation, Operation::Delete);
}

/// Snapshot mode `Changed` keeps only the columns that changed.
pub async fn changed_snapshots_hold_the_changed_columns<A: Adapter>(server: Server) {
    let world = World::<A>::with(server, "", |audit| {
        audit.table(
            TableRule::new("users")
                .snapshot(Snapshot::Changed)
                .ignore(["seen_at"]),
        )
    })
    .await;
    world.prove_statements(&[ANN]).await;
    let update = "UPDATE users SET age = 31, seen_at = 'now'";
    alice().scope(world.adapter.execute(update)).await.unwrap();
    let events = world.new_events().await;
    let image = |json: &Option<audit_core::Json>| json.as_ref().unwrap().to_value();
    assert_eq!(
        image(&events[0].before_data),
        json!({"age": 30, "seen_at": null})
    );
    assert_eq!(
        image(&events[0].after_data),
        json!({"age": 31, "seen_at": "now"})
    );
}

/// An `include` list names the only columns of the images, and the only ones whose change counts.
pub async fn included_columns_are_the_only_ones<A: Adapter>(server: Server) {
    let world = World::<A>::with(server, "", |audit| {
        audit.table(TableRule::new("users").include(["id", "name"]))
    })
    .await;
    alice()
        .scope(async {
            for sql in [
                ANN,
                "UPDATE users SET age = 1",
                "UPDATE users SET age = 2, name = 'B'",
            ] {
                world.adapter.execute(sql).await.unwrap();
            }
        })
        .await;
    let events = world.new_events().await;
    assert_eq!(events.len(), 2);
    let image = events[1].after_data.as_ref().unwrap().to_value();
    assert_eq!(image, json!({"id": 1, "name": "B"}));
    assert_eq!(events[1].changed_fields, Some(vec!["name".to_owned()]));
}

/// What the rules add is on the event; what the context says wins.
pub async fn enrichment_is_on_the_event<A: Adapter>(server: Server) {
    let world = World::<A>::with(server, "", |audit| {
        audit
            .table(
                TableRule::new("*")
                    .severity(Severity::Low)
                    .compliance(["sox"]),
            )
            .table(
                TableRule::new("users")
                    .compliance(["gdpr"])
                    .label("User's row"),
            )
            .enrich(
                "users",
                Operation::Delete,
                Enrichment::new()
                    .severity(Severity::Critical)
                    .description("{actor_name} removed {before.name}")
                    .notify(["security"]),
            )
    })
    .await;
    let events = world.prove_statements(&[ANN]).await;
    assert_eq!(events[0].severity, Some(Severity::Low));
    assert_eq!(events[0].label.as_deref(), Some("User's row"));
    assert_eq!(
        events[0].compliance,
        Some(vec!["sox".to_owned(), "gdpr".to_owned()])
    );
    assert_eq!(events[0].notify, None);
    let context = alice().with_label("Left the company");
    context
        .scope(world.adapter.execute("DELETE FROM users"))
        .await
        .unwrap();
    let events = world.new_events().await;
    assert_eq!(events[0].severity, Some(Severity::Critical));
    assert_eq!(events[0].label.as_deref(), Some("Left the company"));
    assert_eq!(
        events[0].description.as_deref(),
        Some("{actor_name} removed {before.name}")
    );
    assert_eq!(events[0].notify, Some(vec!["security".to_owned()]));
}

/// An UPDATE that changed nothing, where the rules ask for it.
pub async fn unchanged_updates_are_recorded_when_asked_for<A: Adapter>(server: Server) {
    let world = World::<A>::with(server, "", |audit| {
        audit.table(TableRule::new("users").record_unchanged(true))
    })
    .await;
    world.prove_statements(&[ANN]).await;
    let events = world.prove_statements(&["UPDATE users SET age = 30"]).await;
    assert_eq!(events.len(), 1);
    assert_eq!(
        events[0].changed_fields.clone().unwrap_or_default(),
        [""; 0]
    );
}
