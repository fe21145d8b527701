//! The operator's switch: it is compiled in by `migrate`, and its change is an event.

use audit_core::{Event, Operation};

use crate::adapter::Adapter;
use crate::database::Server;
use crate::world::{World, alice, in_words};

const OFF: &str = "the operator has turned capture off for the whole database, and changes are \
                   not recorded; set `capture` in `audit_settings` to 'on' and run `migrate`";

fn settings<A: Adapter>(world: &World<A>) -> &'static str {
    match world.dialect() {
        audit_core::Dialect::Postgres => "audit.audit_settings",
        _ => "audit_settings",
    }
}

/// Runs statements as Alice that all succeed, and gives the events that they left.
async fn run<A: Adapter>(world: &World<A>, statements: &[String]) -> Vec<Event> {
    world.new_events().await;
    for sql in statements {
        let done = alice().scope(world.adapter.execute(sql)).await;
        done.unwrap_or_else(|failure| panic!("{sql}: {}", failure.message));
    }
    world.new_events().await
}

/// The one event of a setting, with its value before and after.
fn assert_setting(events: &[Event], name: &str, before: Option<&str>, after: Option<&str>) {
    let [event] = events else {
        panic!("{}", in_words(events))
    };
    let value = |image: &Option<audit_core::Json>| {
        let value = image.as_ref()?.to_object().remove("value")?;
        value.as_str().map(str::to_owned)
    };
    assert_eq!(event.table_name.as_deref(), Some("audit_settings"));
    assert_eq!(event.record_id.as_deref(), Some(name));
    assert_eq!(event.actor_id.as_deref(), Some("alice"));
    assert_eq!(value(&event.before_data).as_deref(), before);
    assert_eq!(value(&event.after_data).as_deref(), after);
}

/// Nothing is recorded while capture is off, but that it was turned off and on again, and by
/// whom; every connection of the pool follows.
pub async fn the_switch_is_compiled_in_and_its_change_is_an_event<A: Adapter>(server: Server) {
    let world = World::<A>::new(server).await;
    let set = |value: &str| {
        let table = settings(&world);
        [format!(
            "UPDATE {table} SET value = '{value}' WHERE name = 'capture'"
        )]
    };
    let writes: Vec<String> = (0..8)
        .map(|id| format!("INSERT INTO users (id, name) VALUES ({id}, 'a')"))
        .collect();
    let events = run(&world, &set("off")).await;
    assert_setting(&events, "capture", Some("on"), Some("off"));
    // No trigger looks it up.
    assert_eq!(run(&world, &writes[..4]).await.len(), 4);
    assert!(world.adapter.check().await.contains(&OFF.to_owned()));
    assert_eq!(world.adapter.migrate(&world.audit).await, [OFF]);
    let events = run(&world, &writes[4..]).await;
    assert_eq!(events, [], "{}", in_words(&events));
    let findings = world.adapter.check().await;
    let about_triggers = |text: &String| text.contains("trigger");
    assert!(!findings.iter().any(about_triggers), "{findings:?}");
    let events = run(&world, &set("on")).await;
    assert_setting(&events, "capture", Some("off"), Some("on"));
    assert_eq!(world.adapter.migrate(&world.audit).await, [""; 0]);
    for _ in 0..4 {
        let events = world.prove_statements(&["UPDATE users SET age = coalesce(age, 0) + 1"]);
        assert_eq!(events.await.len(), 8);
    }
}

/// One table can be off by its name, cascades to it included; a name of no table is told.
pub async fn the_switch_can_be_for_one_table<A: Adapter>(server: Server) {
    let world = World::<A>::new(server).await;
    world
        .prove_statements(&[
            "INSERT INTO invoices (org, number, total) VALUES ('a', 1, 2)",
            "INSERT INTO items (id, org, number) VALUES (1, 'a', 1)",
        ])
        .await;
    let table = settings(&world);
    let insert = |name: &str| format!("INSERT INTO {table} (name, value) VALUES ('{name}', 'off')");
    let events = run(&world, &[insert("capture:items")]).await;
    assert_setting(&events, "capture:items", None, Some("off"));
    run(&world, &[insert("capture:item")]).await;
    let gap = "the operator has turned capture off for `items`, and its changes are not recorded; \
               set `capture:items` in `audit_settings` to 'on' and run `migrate`";
    assert_eq!(world.adapter.migrate(&world.audit).await, [gap]);
    let findings = world.adapter.check().await;
    let unused = "the setting `capture:item` in `audit_settings` is for no table";
    assert!(
        findings.iter().any(|text| text.starts_with(unused)),
        "{findings:?}"
    );
    let events = run(&world, &["DELETE FROM invoices".to_owned()]).await;
    let told: Vec<_> = events
        .iter()
        .map(|event| (event.operation, event.table_name.as_deref()))
        .collect();
    assert_eq!(told, [(Operation::Delete, Some("invoices"))]);
    let events = run(
        &world,
        &[format!("DELETE FROM {table} WHERE name = 'capture:items'")],
    )
    .await;
    assert_setting(&events, "capture:items", Some("off"), None);
    assert_eq!(world.adapter.migrate(&world.audit).await, [""; 0]);
    world
        .prove_statements(&["INSERT INTO items (id) VALUES (2)"])
        .await;
}

/// A setting that nothing reads, or a value that means nothing, is refused as it is written.
pub async fn a_setting_that_means_nothing_is_refused<A: Adapter>(server: Server) {
    let world = World::<A>::new(server).await;
    let table = settings(&world);
    for sql in [
        format!("UPDATE {table} SET value = 'of'"),
        format!("UPDATE {table} SET value = 'OFF'"),
        format!("UPDATE {table} SET name = 'captur'"),
        format!("INSERT INTO {table} (name, value) VALUES ('capture:', 'off')"),
        format!("INSERT INTO {table} (name, value) VALUES ('mode', 'off')"),
    ] {
        let failure = alice()
            .scope(world.adapter.execute(&sql))
            .await
            .unwrap_err();
        assert_eq!(failure.capture, None, "{sql}: {}", failure.message);
    }
    assert_eq!(world.new_events().await, []);
}
