//! Changes that cannot be taken back as they are, and are told.

use std::collections::BTreeSet;

use audit_core::{Audit, AuditContext, Dialect, Redaction, TableRule};
use audit_store::{Conflict, OnConflict, UndoError, UndoPlan, Unknown, Why};
use audit_testkit::Server;

use super::undo::{TREE, all, apply, audit, of_request, plan, snapshot};
use super::world::{Db, World};

fn conflicts_of(plan: &UndoPlan) -> Vec<&Conflict> {
    let conflicts = plan.steps().iter().flat_map(|step| &step.conflicts);
    conflicts.collect()
}

/// Nothing is applied for this many conflicts.
async fn conflicts_refuse<DB: Db>(world: &World<DB>, plan: &UndoPlan, expected: usize) {
    let refused = apply(world, "refused", plan).await;
    assert!(
        matches!(refused, Err(UndoError::Conflicts { count }) if count == expected),
        "{refused:?}"
    );
}

pub(crate) async fn what_has_changed_since_is_a_conflict_by_field<DB: Db>(server: Server) {
    let mut world = World::<DB>::new(server).await;
    all(
        &world,
        "first",
        &["INSERT INTO users VALUES (1, 'Ann', 'a'), (2, 'Ben', 'b')"],
    )
    .await;
    all(&world, "rename", &["UPDATE users SET name = 'X'"]).await;
    all(
        &world,
        "later",
        &["UPDATE users SET name = 'Y', email = 'y' WHERE id = 1"],
    )
    .await;
    let later = snapshot(&mut world).await;

    // The other fields of record 1 have changed too, and are none of its business.
    let undo = plan(&world, &of_request("rename")).await;
    let conflicts = conflicts_of(&undo);
    assert!(
        matches!(conflicts.as_slice(), [Conflict::Changed { field, expected, found }]
            if field == "name" && expected.as_str() == "\"X\"" && found.as_str() == "\"Y\""),
        "{conflicts:?}"
    );
    conflicts_refuse(&world, &undo, 1).await;
    assert_eq!(snapshot(&mut world).await, later);

    let done = apply(&world, "skip", &undo.clone().on_conflict(OnConflict::Skip))
        .await
        .unwrap();
    assert_eq!((done.records, done.skipped), (1, 1));
    let names = "SELECT name FROM users ORDER BY id";
    let name = |text: &str| vec![Some(text.to_owned())];
    assert_eq!(world.raw.texts(names).await, [name("Y"), name("Ben")]);

    let undo = plan(&world, &of_request("rename").record("1")).await;
    apply(
        &world,
        "force",
        &undo.clone().on_conflict(OnConflict::Overwrite),
    )
    .await
    .unwrap();
    assert_eq!(world.raw.texts(names).await, [name("Ann"), name("Ben")]);

    // A plan is no promise: the row is looked at again.
    let stale = apply(&world, "stale", &undo.on_conflict(OnConflict::Overwrite)).await;
    assert!(matches!(stale, Err(UndoError::Stale { .. })), "{stale:?}");
}

/// A change between two that are taken back together, and a record that came or went since.
pub(crate) async fn what_happened_in_between_is_a_conflict<DB: Db>(server: Server) {
    let world = World::<DB>::new(server).await;
    all(
        &world,
        "first",
        &["INSERT INTO users VALUES (1, 'Ann', 'a'), (2, 'Ben', 'b')"],
    )
    .await;
    all(&world, "a", &["UPDATE users SET name = 'p' WHERE id = 2"]).await;
    all(&world, "b", &["UPDATE users SET name = 'q' WHERE id = 2"]).await;
    all(&world, "a", &["UPDATE users SET name = 'r' WHERE id = 2"]).await;
    let undo = plan(&world, &of_request("a")).await;
    let [step] = undo.steps() else {
        panic!("{undo:?}")
    };
    assert!(
        matches!(step.conflicts.as_slice(), [Conflict::Between { field, .. }] if field == "name"),
        "{undo:?}"
    );

    all(
        &world,
        "gone",
        &[
            "UPDATE users SET name = 's' WHERE id = 2",
            "DELETE FROM users WHERE id = 1",
        ],
    )
    .await;
    all(
        &world,
        "since",
        &[
            "DELETE FROM users WHERE id = 2",
            "INSERT INTO users VALUES (1, 'new', NULL)",
        ],
    )
    .await;
    let undo = plan(&world, &of_request("gone")).await;
    let conflicts = conflicts_of(&undo);
    assert_eq!(conflicts, [&Conflict::Exists, &Conflict::Gone]);
    conflicts_refuse(&world, &undo.on_conflict(OnConflict::Overwrite), 2).await;
}

/// Between two events that are taken back together somebody else deleted the record, or made it anew.
pub(crate) async fn a_record_that_came_or_went_in_between_is_a_conflict<DB: Db>(server: Server) {
    let world = World::<DB>::new(server).await;
    for (request, sql) in [
        ("old", "INSERT INTO users VALUES (2, 'Ben', 'b')"),
        ("a", "INSERT INTO users VALUES (1, 'Ann', 'a')"),
        ("b", "DELETE FROM users WHERE id = 1"),
        ("a", "INSERT INTO users VALUES (1, 'Ann', 'a')"),
        ("a", "DELETE FROM users WHERE id = 2"),
        ("b", "INSERT INTO users VALUES (2, 'Ben', 'b')"),
        ("a", "UPDATE users SET name = 'Bob' WHERE id = 2"),
    ] {
        all(&world, request, &[sql]).await;
    }
    let undo = plan(&world, &of_request("a")).await;
    assert_eq!(undo.steps().len(), 2);
    let both = [&Conflict::CameOrWent, &Conflict::CameOrWent];
    assert_eq!(conflicts_of(&undo), both);
    conflicts_refuse(&world, &undo.on_conflict(OnConflict::Overwrite), 2).await;
}

pub(crate) async fn what_others_refer_to_does_not_go<DB: Db>(server: Server) {
    let mut world = World::<DB>::of(server, TREE, &audit()).await;
    all(
        &world,
        "org",
        &[
            "INSERT INTO orgs VALUES (1, 'one')",
            "INSERT INTO people VALUES (1, 1, NULL, 'a')",
        ],
    )
    .await;
    all(
        &world,
        "later",
        &["INSERT INTO people VALUES (2, 1, NULL, 'b')"],
    )
    .await;
    let before = snapshot(&mut world).await;
    let undo = plan(&world, &of_request("org")).await;
    let conflicts = conflicts_of(&undo);
    let referenced = Conflict::Referenced {
        table: "people".to_owned(),
        rows: 1,
    };
    assert_eq!(conflicts, [&referenced]);
    for choice in [OnConflict::Refuse, OnConflict::Overwrite] {
        conflicts_refuse(&world, &undo.clone().on_conflict(choice), 1).await;
    }
    assert_eq!(snapshot(&mut world).await, before);
    all(
        &world,
        "later",
        &["UPDATE people SET org = NULL WHERE id = 2"],
    )
    .await;
    let undo = plan(&world, &of_request("org")).await;
    apply(&world, "undo", &undo).await.unwrap();
    assert_eq!(
        world.raw.texts("SELECT name FROM people").await,
        [[Some("b".to_owned())]]
    );
}

/// A parent stays with the child that stays, which it would take along.
pub(crate) async fn what_waits_for_a_conflict_is_skipped_with_it<DB: Db>(server: Server) {
    let mut world = World::<DB>::of(server, TREE, &audit()).await;
    let made = [
        "INSERT INTO orgs VALUES (1, 'one')",
        "INSERT INTO people VALUES (1, 1, NULL, 'a')",
        "INSERT INTO orgs VALUES (2, 'two')",
    ];
    all(&world, "made", &made).await;
    all(&world, "later", &["UPDATE people SET name = 'b'"]).await;
    let undo = plan(&world, &of_request("made")).await;
    let behind = Conflict::Behind {
        table: "people".to_owned(),
        record_id: "1".to_owned(),
    };
    let mut conflicts = conflicts_of(&undo).into_iter();
    assert!(matches!(conflicts.next(), Some(Conflict::Changed { .. })));
    assert_eq!(conflicts.next(), Some(&behind));
    assert_eq!(conflicts.next(), None);
    conflicts_refuse(&world, &undo, 2).await;
    let skipping = undo.clone().on_conflict(OnConflict::Skip);
    let done = apply(&world, "skip", &skipping).await.unwrap();
    assert_eq!((done.records, done.skipped), (1, 2));
    assert_eq!(names(&mut world).await, ["b", "one"]);
}

/// A child that has another key by now is not the one that is taken back.
pub(crate) async fn a_child_of_another_key_keeps_its_parent<DB: Db>(server: Server) {
    let mut world = World::<DB>::of(server, TREE, &audit()).await;
    let made = [
        "INSERT INTO orgs VALUES (1, 'one')",
        "INSERT INTO people VALUES (1, 1, NULL, 'a')",
    ];
    all(&world, "made", &made).await;
    all(&world, "later", &["UPDATE people SET id = 2"]).await;
    let undo = plan(&world, &of_request("made")).await;
    let referenced = Conflict::Referenced {
        table: "people".to_owned(),
        rows: 1,
    };
    assert_eq!(conflicts_of(&undo), [&Conflict::Gone, &referenced]);
    let skipping = undo.on_conflict(OnConflict::Skip);
    let done = apply(&world, "skip", &skipping).await.unwrap();
    assert_eq!((done.records, done.skipped), (0, 2));
    assert_eq!(names(&mut world).await, ["a", "one"]);
}

/// A child that somebody gave another parent keeps the first no longer; one that came since does.
pub(crate) async fn a_child_that_left_holds_nobody_back<DB: Db>(server: Server) {
    let mut world = World::<DB>::of(server, TREE, &audit()).await;
    let made = [
        "INSERT INTO orgs VALUES (1, 'one')",
        "INSERT INTO people VALUES (1, 1, NULL, 'a')",
    ];
    all(&world, "made", &made).await;
    let later = [
        "INSERT INTO orgs VALUES (2, 'two')",
        "UPDATE people SET org = 2",
        "INSERT INTO people VALUES (2, 1, NULL, 'b')",
    ];
    all(&world, "later", &later).await;
    let undo = plan(&world, &of_request("made")).await;
    let referenced = Conflict::Referenced {
        table: "people".to_owned(),
        rows: 1,
    };
    assert!(
        matches!(conflicts_of(&undo).as_slice(), [Conflict::Changed { field, .. }, other]
            if field == "org" && **other == referenced),
        "{undo:#?}"
    );
    let done = apply(&world, "skip", &undo.on_conflict(OnConflict::Skip)).await;
    assert_eq!(done.unwrap().records, 0);

    all(&world, "later", &["DELETE FROM people WHERE id = 2"]).await;
    let undo = plan(&world, &of_request("made")).await;
    assert!(
        matches!(conflicts_of(&undo).as_slice(), [Conflict::Changed { .. }]),
        "{undo:#?}"
    );
    let done = apply(&world, "skip", &undo.on_conflict(OnConflict::Skip)).await;
    assert_eq!(done.unwrap().records, 1);
    assert_eq!(names(&mut world).await, ["a", "two"]);
}

/// The names of people, then of organisations.
async fn names<DB: Db>(world: &mut World<DB>) -> Vec<String> {
    let sql = "SELECT name FROM people UNION ALL SELECT name FROM orgs";
    let rows = world.raw.texts(sql).await;
    rows.into_iter().flatten().flatten().collect()
}

/// What is there already keeps nobody who waits for it.
pub(crate) async fn what_waits_for_what_is_back_is_not_skipped<DB: Db>(server: Server) {
    let mut world = World::<DB>::of(server, TREE, &audit()).await;
    let made = [
        "INSERT INTO orgs VALUES (1, 'one')",
        "INSERT INTO people VALUES (1, 1, NULL, 'a')",
    ];
    all(&world, "made", &made).await;
    all(&world, "later", &["UPDATE people SET name = 'b'"]).await;
    let undo = plan(&world, &of_request("made")).await;
    let forced = undo.on_conflict(OnConflict::Overwrite);
    assert_eq!(apply(&world, "force", &forced).await.unwrap().records, 2);
    assert!(names(&mut world).await.is_empty());

    all(&world, "again", &["INSERT INTO orgs VALUES (1, 'new')"]).await;
    let redo = plan(&world, &of_request("force")).await;
    assert_eq!(conflicts_of(&redo), [&Conflict::Exists]);
    let skipping = redo.on_conflict(OnConflict::Skip);
    let done = apply(&world, "redo", &skipping).await.unwrap();
    assert_eq!((done.records, done.skipped), (1, 1));
    assert_eq!(names(&mut world).await, ["b", "new"]);
}

pub(crate) async fn what_the_log_does_not_hold_is_missing<DB: Db>(server: Server) {
    let rule = TableRule::new("users")
        .redact("email", Redaction::Mask)
        .redact("secret", Redaction::Drop);
    let audit = Audit::builder().table(rule).build().unwrap();
    let table = "CREATE TABLE users (id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(50), \
                 email VARCHAR(50), secret VARCHAR(50), big LONG_TEXT)";
    let long = if server.dialect() == Dialect::MySql {
        "LONGTEXT"
    } else {
        "TEXT"
    };
    let mut world = World::<DB>::of(server, &table.replace("LONG_TEXT", long), &audit).await;
    let insert = format!(
        "INSERT INTO users VALUES (1, 'Ann', 'a', 's', '{}')",
        "x".repeat(70_000)
    );
    all(&world, "first", &[&insert]).await;
    all(
        &world,
        "change",
        &["UPDATE users SET name = 'B', email = 'b', secret = 't', big = 'y'"],
    )
    .await;
    let undo = plan(&world, &of_request("change")).await;
    let [step] = undo.steps() else {
        panic!("{undo:?}")
    };
    let mut missing: Vec<_> = step
        .missing
        .iter()
        .map(|missing| (missing.field.as_str(), missing.why))
        .collect();
    missing.sort_unstable_by_key(|(field, _)| *field);
    assert_eq!(
        missing,
        [
            ("big", Unknown::Truncated),
            ("email", Unknown::Redacted),
            ("secret", Unknown::Redacted)
        ]
    );
    let refused = apply(&world, "undo", &undo).await;
    assert!(
        matches!(refused, Err(UndoError::Missing { count: 1 })),
        "{refused:?}"
    );
    apply(&world, "undo", &undo.leaving_missing())
        .await
        .unwrap();
    let row = "SELECT name, email, secret, big FROM users";
    let texts = |texts: [&str; 4]| texts.map(|text| Some(text.to_owned()));
    assert_eq!(world.raw.texts(row).await, [texts(["Ann", "b", "t", "y"])]);

    // A column that came later has no old value, and one that is gone has no place.
    all(&world, "delete", &["DELETE FROM users"]).await;
    world
        .raw
        .run("ALTER TABLE users ADD COLUMN young VARCHAR(5) DEFAULT 'new'")
        .await;
    let undo = plan(&world, &of_request("delete")).await;
    let missing: Vec<_> = undo.steps()[0]
        .missing
        .iter()
        .map(|missing| (missing.field.as_str(), missing.why))
        .collect();
    assert!(
        missing.contains(&("young", Unknown::Younger)),
        "{missing:?}"
    );
    apply(&world, "undo delete", &undo.leaving_missing())
        .await
        .unwrap();
    let row = "SELECT name, email, secret, big, young FROM users";
    let name = |text: &str| Some(text.to_owned());
    assert_eq!(
        world.raw.texts(row).await,
        [[name("Ann"), None, None, name("y"), name("new")]]
    );
}

pub(crate) async fn what_nothing_can_take_back_is_told<DB: Db>(server: Server) {
    let tables = "CREATE TABLE keyed (id INTEGER NOT NULL PRIMARY KEY, v INTEGER); \
                  CREATE TABLE loose (v INTEGER); CREATE TABLE short (id INTEGER NOT NULL PRIMARY KEY)";
    let mut world = World::<DB>::of(server, tables, &audit()).await;
    let suppressed = AuditContext::new()
        .with_request_id("work")
        .with_images_suppressed("backfill");
    let insert = async {
        let mut connection = world.pool.acquire().await.unwrap();
        DB::execute_text(&mut connection, "INSERT INTO keyed VALUES (1, 1)")
            .await
            .unwrap();
    };
    suppressed.scope(insert).await;
    all(
        &world,
        "work",
        &[
            "INSERT INTO loose VALUES (1)",
            "INSERT INTO short VALUES (1)",
            "INSERT INTO keyed VALUES (2, 2)",
        ],
    )
    .await;
    let mut expected = vec![Why::NoImage, Why::NoKey, Why::NoTable];
    if server.dialect() == Dialect::Postgres {
        all(&world, "work", &["TRUNCATE loose"]).await;
        expected.push(Why::Truncated);
    }
    world.raw.run("DROP TABLE short").await;
    let undo = plan(&world, &of_request("work")).await;
    let found: BTreeSet<String> = undo
        .obstacles()
        .iter()
        .map(|obstacle| format!("{:?}", obstacle.why))
        .collect();
    let expected: BTreeSet<String> = expected.iter().map(|why| format!("{why:?}")).collect();
    assert_eq!(found, expected);
    let refused = apply(&world, "undo", &undo).await;
    assert!(
        matches!(refused, Err(UndoError::Obstacles { .. })),
        "{refused:?}"
    );
    apply(&world, "undo", &undo.without_obstacles())
        .await
        .unwrap();
    assert_eq!(
        world
            .raw
            .texts("SELECT CAST(v AS CHAR(1)) FROM keyed")
            .await,
        [[Some("1".to_owned())]]
    );
}

/// A part of the key that no event tells: the other part is that of several rows.
pub(crate) async fn a_key_that_grew_is_told_and_touches_no_row<DB: Db>(server: Server) {
    let table = "CREATE TABLE grown (id INTEGER NOT NULL PRIMARY KEY, v INTEGER)";
    let mut world = World::<DB>::of(server, table, &audit()).await;
    let statements = ["INSERT INTO grown VALUES (1, 1)", "UPDATE grown SET v = 2"];
    all(&world, "first", &statements[..1]).await;
    all(&world, "work", &statements[1..]).await;
    for sql in [
        "DROP TABLE grown",
        "CREATE TABLE grown (id INTEGER NOT NULL, org INTEGER NOT NULL, v INTEGER, PRIMARY KEY (id, org))",
        "INSERT INTO grown VALUES (1, 1, 2), (1, 2, 2)",
    ] {
        world.raw.run(sql).await;
    }
    let undo = plan(&world, &of_request("work")).await;
    assert!(undo.steps().is_empty(), "{undo:?}");
    assert_eq!(undo.obstacles()[0].why, Why::NoKey);
}
