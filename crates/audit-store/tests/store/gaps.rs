//! Events that do not meet: something happened to a record in between, and no event tells it.

use audit_core::query::LogQuery;
use audit_core::{
    Actor, Audit, AuditContext, Dialect, Event, Json, LogReader, Redaction, Snapshot, TableRule,
};
use audit_store::{AsOf, Gap, State, Trail};
use audit_testkit::Server;

use super::world::{Db, World};

/// Whose events are taken out of the log.
const GONE: &str = "gone";

fn users() -> LogQuery {
    LogQuery::new().table("users")
}

fn unrecorded(field: &str) -> Gap {
    Gap::Unrecorded {
        field: field.to_owned(),
    }
}

async fn forget<DB: Db>(world: &mut World<DB>) {
    let log = world.log_table();
    let forget = format!("DELETE FROM {log} WHERE actor_id = '{GONE}'");
    world.raw.run(&forget).await;
}

/// The events of a user, oldest first.
async fn events_of<DB: Db>(world: &World<DB>, key: &str) -> Vec<Event> {
    let mut events = world.events().await;
    events.retain(|event| {
        let keys = [&event.record_id, &event.previous_record_id];
        let is_of_key = keys.iter().any(|found| found.as_deref() == Some(key));
        event.table_name.as_deref() == Some("users") && is_of_key
    });
    events
}

/// What a user was when each of its events had happened.
async fn told<DB: Db>(world: &World<DB>, key: &str) -> Vec<AsOf> {
    let mut trail = world.trail();
    let mut told = Vec::new();
    for event in events_of(world, key).await {
        told.push(trail.as_of_event(&users(), key, &event).await.unwrap());
    }
    told
}

fn gaps(told: &[AsOf]) -> Vec<Vec<Gap>> {
    told.iter().map(|was| was.gaps.clone()).collect()
}

fn field<'a>(was: &'a AsOf, name: &str) -> Option<&'a str> {
    let State::Present(fields) = &was.state else {
        return None;
    };
    let found = fields.iter().find(|(field, _)| field == name);
    found.map(|(_, value)| value.as_str())
}

/// The fields of a user as `field value actor`.
async fn blamed<R: LogReader, S: Send>(trail: &mut Trail<R, S>, key: &str) -> Vec<String> {
    let blames = trail.blame(&users(), key).await.unwrap();
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

/// A field that changes, a record that comes and one that goes, by one whose events are to go.
async fn worked<DB: Db>(server: Server) -> World<DB> {
    let world = World::<DB>::new(server).await;
    for (actor, sql) in [
        ("ann", "INSERT INTO users VALUES (1, 'Ann', 'a')"),
        ("ann", "INSERT INTO users VALUES (2, 'Ben', 'b')"),
        ("ann", "INSERT INTO users VALUES (3, 'Cy', 'c')"),
        (GONE, "UPDATE users SET name = 'Anna' WHERE id = 1"),
        ("ben", "UPDATE users SET email = 'x' WHERE id = 1"),
        ("ben", "DELETE FROM users WHERE id = 2"),
        (GONE, "INSERT INTO users VALUES (2, 'Bob', 'y')"),
        ("cy", "UPDATE users SET name = 'Bo' WHERE id = 2"),
        (GONE, "DELETE FROM users WHERE id = 3"),
        ("cy", "INSERT INTO users VALUES (3, 'Cyd', 'z')"),
        // A key that is left and come to again.
        ("ann", "INSERT INTO users VALUES (4, 'Di', 'd')"),
        ("ann", "UPDATE users SET id = 5 WHERE id = 4"),
        ("ann", "UPDATE users SET id = 4 WHERE id = 5"),
    ] {
        world.run_as(actor, &[sql]).await;
    }
    world
}

/// A record and a table say where events are missing.
pub(crate) async fn what_no_event_tells_is_a_gap<DB: Db>(server: Server) {
    let mut world = worked::<DB>(server).await;
    for key in ["1", "2", "3", "4", "5"] {
        for was in told(&world, key).await {
            assert_eq!(was.gaps, [], "{key}");
        }
    }
    forget(&mut world).await;

    let first = told(&world, "1").await;
    assert_eq!(gaps(&first), [vec![unrecorded("name")], vec![]]);
    let names: Vec<_> = first.iter().map(|was| field(was, "name")).collect();
    assert_eq!(names, [Some("\"Ann\""), Some("\"Anna\"")]);
    let second = told(&world, "2").await;
    assert_eq!(gaps(&second), [vec![], vec![Gap::CameOrWent], vec![]]);
    assert_eq!(second[1].state, State::Absent);
    let third = told(&world, "3").await;
    assert_eq!(gaps(&third), [vec![Gap::CameOrWent], vec![]]);
    assert_eq!(field(&third[0], "name"), Some("\"Cy\""));

    // A table has the same, and the record that may have been there.
    let deleted = &events_of(&world, "2").await[1];
    let mut trail = world.trail();
    let of = users();
    let mut table = trail.table_as_of(&of, deleted.occurred_at);
    let mut of_table = Vec::new();
    while let Some((key, was)) = table.next().await.unwrap() {
        of_table.push((key, was.gaps));
    }
    let expected = [
        ("1", vec![]),
        ("2", vec![Gap::CameOrWent]),
        ("3", vec![Gap::CameOrWent]),
    ];
    assert_eq!(of_table, expected.map(|(key, gaps)| (key.to_owned(), gaps)));
}

/// Nobody is blamed for what another did.
pub(crate) async fn who_no_event_tells_is_not_guessed<DB: Db>(server: Server) {
    let mut world = worked::<DB>(server).await;
    let whole = ["email \"x\" ben", "id 1 ann", "name \"Anna\" gone"];
    assert_eq!(blamed(&mut world.trail(), "1").await, whole);
    forget(&mut world).await;
    let mut trail = world.trail();
    let unknown = ["email \"x\" ben", "id 1 ann", "name \"Anna\" ?"];
    assert_eq!(blamed(&mut trail, "1").await, unknown);
    let came = ["email \"y\" ?", "id 2 ?", "name \"Bo\" cy"];
    assert_eq!(blamed(&mut trail, "2").await, came);
    let rename = ["UPDATE users SET name = 'Ann' WHERE id = 1"];
    world.run_as("dora", &rename).await;
    let known = ["email \"x\" ben", "id 1 ann", "name \"Ann\" dora"];
    assert_eq!(blamed(&mut trail, "1").await, known);
}

/// Images of changed columns are put together, and one of them is missing.
pub(crate) async fn images_that_do_not_meet_are_a_gap<DB: Db>(server: Server) {
    let rule = TableRule::new("users").snapshot(Snapshot::Changed);
    let audit = Audit::builder().table(rule).build().unwrap();
    let mut world = World::<DB>::with(server, &audit).await;
    for (actor, sql) in [
        ("ann", "INSERT INTO users VALUES (1, 'Ann', 'a')"),
        (
            GONE,
            "UPDATE users SET name = 'Anna', email = 'b' WHERE id = 1",
        ),
        ("ben", "UPDATE users SET name = 'Anne' WHERE id = 1"),
        ("ann", "INSERT INTO users VALUES (2, 'Ben', 'b')"),
        ("ann", "DELETE FROM users WHERE id = 2"),
        (GONE, "INSERT INTO users VALUES (2, 'Bob', 'y')"),
        ("ben", "UPDATE users SET name = 'Bo' WHERE id = 2"),
    ] {
        world.run_as(actor, &[sql]).await;
    }
    for key in ["1", "2"] {
        for was in told(&world, key).await {
            assert_eq!(was.gaps, [], "{key}");
        }
    }
    forget(&mut world).await;
    let name = vec![unrecorded("name")];
    let first = told(&world, "1").await;
    assert_eq!(gaps(&first), [name.clone(), name]);
    assert_eq!(field(&first[1], "name"), Some("\"Anne\""));
    assert_eq!(field(&first[1], "email"), Some("\"a\""));
    // What a row had that was deleted is not of the one that came after it.
    let second = told(&world, "2").await;
    assert_eq!(second[2].gaps, [Gap::Incomplete, Gap::CameOrWent]);
    assert_eq!(field(&second[2], "name"), Some("\"Bo\""));
    assert_eq!(field(&second[2], "email"), None);
    assert_eq!(blamed(&mut world.trail(), "2").await, ["name \"Bo\" ben"]);
}

/// What others did to a record is out of a tenant's reach, and not what it says.
pub(crate) async fn what_a_tenant_cannot_see_is_a_gap<DB: Db>(server: Server) {
    let world = World::<DB>::new(server).await;
    let of =
        |tenant: &str| AuditContext::new().with_actor(Actor::user("ann").with_tenant_id(tenant));
    let insert = "INSERT INTO users VALUES (1, 'Ann', 'a')";
    world.run_in(of("acme"), &[insert]).await;
    world
        .run_as("job", &["UPDATE users SET name = 'Anna'"])
        .await;
    world
        .run_in(of("other"), &["UPDATE users SET name = 'Anne'"])
        .await;
    world
        .run_in(of("acme"), &["UPDATE users SET email = 'x'"])
        .await;
    assert_eq!(gaps(&told(&world, "1").await), [[], [], [], []]);

    let events = events_of(&world, "1").await;
    let mut tenant = world.trail().tenant("acme");
    let was = tenant.as_of_event(&users(), "1", &events[2]).await.unwrap();
    assert_eq!(was.gaps, [unrecorded("name")]);
    assert_eq!(field(&was, "name"), Some("\"Ann\""));
    let now = tenant.as_of_event(&users(), "1", &events[3]).await.unwrap();
    assert_eq!(now.gaps, []);
    let blames = blamed(&mut tenant, "1").await;
    assert_eq!(blames, ["email \"x\" ann", "id 1 ann", "name \"Anne\" ?"]);
    let of = users();
    let mut table = tenant.table_as_of(&of, events[0].occurred_at);
    assert_eq!(table.next().await.unwrap().unwrap().1, was);
}

/// The operator turned capture off and on again.
pub(crate) async fn what_happened_while_capture_was_off_is_a_gap<DB: Db>(server: Server) {
    let world = World::<DB>::new(server).await;
    let audit = Audit::builder().build().unwrap();
    let settings = match server.dialect() {
        Dialect::Postgres => "audit.audit_settings",
        _ => "audit_settings",
    };
    let turn = async |value: &str| {
        let set = format!("UPDATE {settings} SET value = '{value}' WHERE name = 'capture'");
        world.run_as("op", &[&set]).await;
        audit_sqlx::migrate(&world.pool, &audit).await.unwrap();
    };
    let insert = "INSERT INTO users VALUES (1, 'Ann', 'a')";
    world.run_as("ann", &[insert]).await;
    turn("off").await;
    world
        .run_as("ann", &["UPDATE users SET name = 'Anna'"])
        .await;
    turn("on").await;
    world.run_as("ann", &["UPDATE users SET email = 'x'"]).await;
    let told = told(&world, "1").await;
    assert_eq!(gaps(&told), [vec![unrecorded("name")], vec![]]);
}

/// Values that an event hides, or does not have, are not compared.
pub(crate) async fn what_an_event_does_not_show_is_no_such_gap<DB: Db>(server: Server) {
    let mut world = World::<DB>::new(server).await;
    let insert = "INSERT INTO users VALUES (1, 'Ann', 'a')";
    world.run_as("ann", &[insert]).await;
    for (number, redaction) in [Redaction::Mask, Redaction::Drop].into_iter().enumerate() {
        let rule = TableRule::new("users").redact("email", redaction);
        let audit = Audit::builder().table(rule).build().unwrap();
        world.under(&audit).await;
        let hide = format!("UPDATE users SET email = 'h{number}'");
        world.run_as("ann", &[&hide]).await;
        world.under(&Audit::builder().build().unwrap()).await;
        let show = format!("UPDATE users SET name = 's{number}'");
        world.run_as("ann", &[&show]).await;
    }
    let told = told(&world, "1").await;
    assert_eq!(told.len(), 5);
    let hidden = told.iter().filter(|was| !was.gaps.is_empty());
    assert_eq!(hidden.count(), 2);
    for was in &told {
        let is_hidden = |gap: &Gap| matches!(gap, Gap::Redacted { field } if field == "email");
        assert!(was.gaps.iter().all(is_hidden), "{was:?}");
    }
}

/// Runs statements as an actor whose images are suppressed.
async fn run_without_images<DB: Db>(world: &World<DB>, actor: &str, statements: &[&str]) {
    let context = AuditContext::new().with_actor(Actor::user(actor));
    let context = context.with_images_suppressed("much work");
    world.run_in(context, statements).await;
}

/// Whoever suppressed images is named; what they set is not known until an event tells it.
pub(crate) async fn what_an_event_without_images_did_is_a_gap<DB: Db>(server: Server) {
    for snapshot in [Snapshot::Full, Snapshot::Changed] {
        let rule = TableRule::new("users").snapshot(snapshot);
        let audit = Audit::builder().table(rule).build().unwrap();
        let mut world = World::<DB>::with(server, &audit).await;
        let insert = "INSERT INTO users VALUES (1, 'Ann', 'a')";
        world.run_as("ann", &[insert]).await;
        let rename = ["UPDATE users SET name = 'Anna' WHERE id = 1"];
        run_without_images(&world, "job", &rename).await;
        let told_then = told(&world, "1").await;
        let no_name = Gap::NoImage {
            field: "name".to_owned(),
        };
        assert_eq!(gaps(&told_then), [vec![], vec![no_name.clone()]]);
        assert_eq!(field(&told_then[0], "name"), Some("\"Ann\""));
        assert_eq!(field(&told_then[1], "name"), None);
        assert_eq!(field(&told_then[1], "email"), Some("\"a\""));
        let blames = ["email \"a\" ann", "id 1 ann", "name ? job"];
        assert_eq!(blamed(&mut world.trail(), "1").await, blames);

        // An event of another column tells the name where its images are whole.
        world
            .run_as("ben", &["UPDATE users SET email = 'b' WHERE id = 1"])
            .await;
        let (gaps_now, name, name_of_job) = match snapshot {
            Snapshot::Full => (vec![], Some("\"Anna\""), "name \"Anna\" job"),
            _ => (vec![no_name.clone()], None, "name ? job"),
        };
        let now = told(&world, "1").await.pop().unwrap();
        assert_eq!((&now.gaps, field(&now, "name")), (&gaps_now, name));
        let blames = ["email \"b\" ben", "id 1 ann", name_of_job];
        assert_eq!(blamed(&mut world.trail(), "1").await, blames);
        world
            .run_as("cy", &["UPDATE users SET name = 'Cy' WHERE id = 1"])
            .await;
        let now = told(&world, "1").await.pop().unwrap();
        assert_eq!(
            (now.gaps.as_slice(), field(&now, "name")),
            (&[][..], Some("\"Cy\""))
        );

        // The log began with such an event.
        let log = world.log_table();
        world
            .raw
            .run(&format!("DELETE FROM {log} WHERE actor_id = 'ann'"))
            .await;
        let first = &events_of(&world, "1").await[0];
        let before = first.occurred_at - chrono::TimeDelta::microseconds(1);
        let was = world.trail().as_of(&users(), "1", before).await.unwrap();
        assert_eq!(was.gaps, [Gap::BeforeFirstEvent, Gap::Incomplete]);
    }
}

/// Nothing is known of a record that came without images, nor of what became of it so.
pub(crate) async fn a_record_that_came_without_images_is_unknown<DB: Db>(server: Server) {
    let world = World::<DB>::new(server).await;
    let insert = "INSERT INTO users VALUES (2, 'Ben', 'b')";
    let rename = "UPDATE users SET name = 'Bea' WHERE id = 2";
    let work = [insert, rename, "DELETE FROM users WHERE id = 2"];
    run_without_images(&world, "job", &work).await;
    let told = told(&world, "2").await;
    let nothing = State::Present(Vec::new());
    let no_name = Gap::NoImage {
        field: "name".to_owned(),
    };
    let states: Vec<_> = told.iter().map(|was| &was.state).collect();
    assert_eq!(states, [&nothing, &nothing, &State::Absent]);
    let expected = [
        vec![Gap::Incomplete],
        vec![Gap::Incomplete, no_name],
        vec![],
    ];
    assert_eq!(gaps(&told), expected);
}

/// A change without an event is seen over an event without images.
pub(crate) async fn events_meet_over_one_without_images<DB: Db>(server: Server) {
    let mut world = World::<DB>::new(server).await;
    let insert = "INSERT INTO users VALUES (1, 'Ann', 'a')";
    world.run_as("ann", &[insert]).await;
    world.run_as(GONE, &["UPDATE users SET email = 'x'"]).await;
    run_without_images(&world, "job", &["UPDATE users SET name = 'Anna'"]).await;
    world
        .run_as("ben", &["UPDATE users SET name = 'Anne'"])
        .await;
    forget(&mut world).await;
    let told = told(&world, "1").await;
    let no_name = Gap::NoImage {
        field: "name".to_owned(),
    };
    assert_eq!(told[1].gaps, [no_name, unrecorded("email")]);
    assert_eq!(told[2].gaps, []);
    let blames = ["email \"x\" ?", "id 1 ann", "name \"Anne\" ben"];
    assert_eq!(blamed(&mut world.trail(), "1").await, blames);
}
