//! Rows that refer to each other by columns that may not be NULL, and rows that only wait for them.

use audit_core::query::LogQuery;
use audit_core::{Actor, Audit, AuditContext, Dialect};
use audit_store::{Conflict, OnConflict, UndoError, UndoPlan};
use audit_testkit::Server;

use super::world::{Db, World};

/// Two tables that need each other, by keys that are looked at when a transaction ends, and one that needs
/// nothing. SQLite looks at once, unless the transaction says otherwise, and MariaDB, unless told not to look.
/// Of the owner of a house and the house of an owner, with what happens ON DELETE.
fn tables(server: Server, [owner, house]: [&str; 2]) -> String {
    let deferred = match server.dialect() {
        Dialect::Postgres => "DEFERRABLE INITIALLY DEFERRED",
        _ => "",
    };
    let later = match server.dialect() {
        Dialect::Sqlite => String::new(),
        _ => format!(
            "ALTER TABLE houses ADD CONSTRAINT owned FOREIGN KEY (owner) REFERENCES owners (id) {owner} {deferred};"
        ),
    };
    let now = match server.dialect() {
        Dialect::Sqlite => format!(", FOREIGN KEY (owner) REFERENCES owners (id) {owner}"),
        _ => String::new(),
    };
    format!(
        "CREATE TABLE trees (id INTEGER NOT NULL PRIMARY KEY); \
         CREATE TABLE houses (id INTEGER NOT NULL PRIMARY KEY, owner INTEGER NOT NULL{now}); \
         CREATE TABLE owners (id INTEGER NOT NULL PRIMARY KEY, house INTEGER NOT NULL, friend INTEGER, \
             FOREIGN KEY (house) REFERENCES houses (id) {house} {deferred}, \
             FOREIGN KEY (friend) REFERENCES owners (id)); {later}"
    )
}

async fn world<DB: Db>(server: Server) -> World<DB> {
    acting(server, ["", ""]).await
}

async fn acting<DB: Db>(server: Server, actions: [&str; 2]) -> World<DB> {
    let audit = Audit::builder().build().unwrap();
    World::of(server, &tables(server, actions), &audit).await
}

fn by(request: &str) -> AuditContext {
    AuditContext::new()
        .with_actor(Actor::user("ann"))
        .with_request_id(request)
}

/// Runs statements of a request in one transaction, which may leave keys for its end.
async fn run<DB: Db>(world: &World<DB>, request: &str, statements: &[&str]) {
    let work = async {
        let mut transaction = audit_sqlx::begin(&world.pool).await.unwrap();
        let (off, on) = match world.server.dialect() {
            Dialect::MySql => ("SET foreign_key_checks = 0", "SET foreign_key_checks = 1"),
            Dialect::Postgres => ("SELECT 1", "SELECT 1"),
            _ => ("PRAGMA defer_foreign_keys = ON", "SELECT 1"),
        };
        for sql in [&[off], statements, &[on]].concat() {
            let done = DB::execute_text(&mut transaction, sql).await;
            done.unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
        transaction.commit().await.unwrap();
    };
    by(request).scope(work).await;
}

async fn plan<DB: Db>(world: &World<DB>, request: &str) -> UndoPlan {
    let query = LogQuery::new().request(request);
    world.trail().plan_undo(&query).await.unwrap()
}

async fn count<DB: Db>(world: &mut World<DB>) -> String {
    let sql = "SELECT CAST((SELECT count(*) FROM houses) + 10 * (SELECT count(*) FROM owners) AS CHAR(5))";
    let rows = world.raw.texts(sql).await;
    rows[0][0].clone().unwrap().trim().to_owned()
}

async fn applied<DB: Db>(
    world: &World<DB>,
    request: &str,
    plan: &UndoPlan,
) -> Result<usize, UndoError<audit_sqlx::LogError>> {
    let work = async {
        let mut transaction = audit_sqlx::begin(&world.pool).await.unwrap();
        let done = plan
            .apply(&mut audit_sqlx::writer(&mut *transaction))
            .await?;
        transaction.commit().await.unwrap();
        Ok(done.records)
    };
    by(request).scope(work).await
}

const MADE: [&str; 2] = [
    "INSERT INTO houses VALUES (1, 1)",
    "INSERT INTO owners VALUES (1, 1, NULL)",
];

/// Where the database looks when the transaction ends, both come back and go.
async fn what_is_looked_at_later_is_undone<DB: Db>(world: &mut World<DB>) {
    for (request, left) in [("gone", "11"), ("made", "0")] {
        let plan = plan(world, request).await;
        assert!(plan.is_clear(), "{plan:#?}");
        assert_eq!(applied(world, "undo", &plan).await.unwrap(), 2);
        assert_eq!(count(world).await, left, "{request}");
    }
}

/// The two records are told as a circle, and both tables stay as they are.
async fn is_refused<DB: Db>(world: &mut World<DB>, plan: &UndoPlan, left: &str) {
    for step in plan.steps() {
        assert_eq!(step.conflicts, [Conflict::Circle], "{plan:#?}");
    }
    let refused = applied(world, "refused", plan).await;
    assert!(
        matches!(refused, Err(UndoError::Conflicts { count: 2 })),
        "{refused:?}"
    );
    assert_eq!(count(world).await, left);
}

/// From now on PostgreSQL looks at once.
async fn look_at_once<DB: Db>(world: &mut World<DB>) {
    if world.server.dialect() == Dialect::Postgres {
        let sql = "ALTER TABLE houses ALTER CONSTRAINT owned NOT DEFERRABLE; \
             ALTER TABLE owners ALTER CONSTRAINT owners_house_fkey NOT DEFERRABLE";
        world.raw.run(sql).await;
    }
}

/// Told of both of them, and nothing is done, where the database looks at once; SQLite need not.
pub(crate) async fn rows_that_need_each_other_are_a_conflict<DB: Db>(server: Server) {
    let mut world = world::<DB>(server).await;
    run(&world, "made", &MADE).await;
    let gone = ["DELETE FROM owners", "DELETE FROM houses"];
    if server.dialect() != Dialect::MySql {
        run(&world, "gone", &gone).await;
        what_is_looked_at_later_is_undone(&mut world).await;
    }
    if server.dialect() == Dialect::Sqlite {
        return;
    }
    if server.dialect() == Dialect::Postgres {
        look_at_once(&mut world).await;
        let plan = plan(&world, "gone").await;
        for step in plan.steps() {
            assert_eq!(step.conflicts, [Conflict::Circle]);
        }
        assert_eq!(plan.steps().len(), 2);
        return;
    }
    for (request, statements, left) in [("made", &[][..], "11"), ("gone", &gone, "0")] {
        if !statements.is_empty() {
            run(&world, request, statements).await;
        }
        let plan = plan(&world, request).await;
        assert_eq!(plan.steps().len(), 2);
        is_refused(&mut world, &plan, left).await;
    }
}

/// What happens ON DELETE happens at once, also where the database looks at keys later: rows that would take
/// each other along are a conflict. Where one of them would not, it goes first, and both come back.
pub(crate) async fn rows_that_take_each_other_along_are_a_conflict<DB: Db>(server: Server) {
    let looks_later = server.dialect() != Dialect::MySql;
    let cascade = "ON DELETE CASCADE";
    for (actions, is_circle) in [
        ([cascade, cascade], true),
        ([cascade, ""], !looks_later),
        (["", cascade], !looks_later),
    ] {
        let mut world = acting::<DB>(server, actions).await;
        run(&world, "made", &MADE).await;
        let undo = plan(&world, "made").await;
        assert_eq!(undo.steps().len(), 2);
        if is_circle {
            is_refused(&mut world, &undo, "11").await;
        }
        if !looks_later {
            continue;
        }
        if is_circle {
            run(&world, "undo", &["DELETE FROM owners"]).await;
        } else {
            assert!(undo.is_clear(), "{undo:#?}");
            assert_eq!(applied(&world, "undo", &undo).await.unwrap(), 2);
        }
        assert_eq!(count(&mut world).await, "0", "{actions:?}");
        let redo = plan(&world, "undo").await;
        assert!(redo.is_clear(), "{redo:#?}");
        assert_eq!(applied(&world, "redo", &redo).await.unwrap(), 2);
        assert_eq!(count(&mut world).await, "11", "{actions:?}");
    }
}

/// Keys are looked at when the transaction ends only where a row of a circle comes or goes.
pub(crate) async fn a_circle_that_is_skipped_puts_nothing_off<DB: Db>(server: Server) {
    let mut world = world::<DB>(server).await;
    let made = [&MADE[..], &["INSERT INTO trees VALUES (1)"]].concat();
    run(&world, "made", &made).await;
    let friend = "UPDATE owners SET friend = 1";
    let undo = plan(&world, "made").await;
    assert_eq!(
        undo.defers_references(),
        server.dialect() == Dialect::Sqlite
    );
    run(&world, "friend", &[friend]).await;
    let undo = plan(&world, "made").await.on_conflict(OnConflict::Skip);
    assert!(!undo.defers_references());
    let mut transaction = audit_sqlx::begin(&world.pool).await.unwrap();
    let mut writer = audit_sqlx::writer(&mut *transaction);
    assert_eq!(undo.apply(&mut writer).await.unwrap().records, 1);
    // The key of this table that PostgreSQL looks at once.
    let broken = "INSERT INTO owners VALUES (9, 1, 99)";
    assert!(DB::execute_text(&mut transaction, broken).await.is_err());
    transaction.rollback().await.unwrap();
    assert_eq!(count(&mut world).await, "11");
}

/// What needs a row of a circle is skipped with it, and says so before; what does not comes back.
pub(crate) async fn what_waits_for_a_circle_is_skipped_with_it<DB: Db>(server: Server) {
    let mut world = world::<DB>(server).await;
    run(&world, "made", &MADE).await;
    let more = [
        "INSERT INTO owners VALUES (2, 1, NULL)",
        "INSERT INTO owners VALUES (3, 1, 2)",
        "INSERT INTO trees VALUES (1)",
    ];
    run(&world, "more", &more).await;
    let gone = [
        "DELETE FROM owners WHERE id = 3",
        "DELETE FROM owners WHERE id = 2",
        "DELETE FROM trees",
        "DELETE FROM owners",
        "DELETE FROM houses",
    ];
    run(&world, "gone", &gone).await;
    look_at_once(&mut world).await;
    let undo = plan(&world, "gone").await;
    let skipping = undo.clone().on_conflict(OnConflict::Skip);
    if server.dialect() == Dialect::Sqlite {
        assert!(undo.is_clear(), "{undo:#?}");
        assert_eq!(applied(&world, "undo", &skipping).await.unwrap(), 5);
        assert_eq!(count(&mut world).await, "31");
        return;
    }
    let conflicts_of = |table: &str, record: &str| {
        let mut steps = undo.steps().iter();
        let step = steps.find(|step| step.table_name == table && step.record_id == record);
        step.unwrap().conflicts.clone()
    };
    let behind = |table: &str, record_id: &str| Conflict::Behind {
        table: table.to_owned(),
        record_id: record_id.to_owned(),
    };
    for (table, record, expected) in [
        ("houses", "1", vec![Conflict::Circle]),
        ("owners", "1", vec![Conflict::Circle]),
        ("owners", "2", vec![behind("houses", "1")]),
        ("trees", "1", vec![]),
    ] {
        assert_eq!(conflicts_of(table, record), expected, "{table} {record}");
    }
    let third = conflicts_of("owners", "3");
    let possible = [vec![behind("houses", "1")], vec![behind("owners", "2")]];
    assert!(possible.contains(&third), "{third:?}");
    assert_eq!(applied(&world, "undo", &skipping).await.unwrap(), 1);
    assert_eq!(count(&mut world).await, "0");
    let trees = "SELECT CAST(id AS CHAR(1)) FROM trees";
    assert_eq!(world.raw.texts(trees).await, [[Some("1".to_owned())]]);
}

/// An owner whose friend is another, in a circle that can be let go of, in a house that it needs.
pub(crate) async fn a_row_that_needs_another_is_in_no_circle<DB: Db>(server: Server) {
    let mut world = world::<DB>(server).await;
    run(&world, "made", &MADE).await;
    let friends = [
        "INSERT INTO owners VALUES (2, 1, NULL)",
        "INSERT INTO owners VALUES (3, 1, 2)",
        "UPDATE owners SET friend = 3 WHERE id = 2",
    ];
    run(&world, "friends", &friends).await;
    let undo = plan(&world, "friends").await;
    assert!(undo.is_clear(), "{undo:#?}");
    assert_eq!(applied(&world, "undo", &undo).await.unwrap(), 2);
    assert_eq!(count(&mut world).await, "11");
    let redo = plan(&world, "undo").await;
    assert!(redo.is_clear(), "{redo:#?}");
    assert_eq!(applied(&world, "redo", &redo).await.unwrap(), 2);
    let friends = "SELECT CAST(id * 100 + house * 10 + friend AS CHAR(5)) FROM owners WHERE id > 1 ORDER BY id";
    let friends: Vec<String> = world
        .raw
        .texts(friends)
        .await
        .into_iter()
        .flatten()
        .flatten()
        .collect();
    let friends: Vec<&str> = friends.iter().map(|text| text.trim()).collect();
    assert_eq!(friends, ["213", "312"]);
}

/// What refers to a row still does when another of its columns is put back.
pub(crate) async fn a_change_of_something_else_lets_nothing_go<DB: Db>(server: Server) {
    let tables = "CREATE TABLE houses (id INTEGER NOT NULL PRIMARY KEY); \
        CREATE TABLE owners (id INTEGER NOT NULL PRIMARY KEY, house INTEGER, name VARCHAR(9), \
        FOREIGN KEY (house) REFERENCES houses (id))";
    let world = World::<DB>::of(server, tables, &Audit::builder().build().unwrap()).await;
    run(&world, "house", &["INSERT INTO houses VALUES (1)"]).await;
    run(&world, "owner", &["INSERT INTO owners VALUES (1, 1, 'a')"]).await;
    run(&world, "house", &["UPDATE owners SET name = 'b'"]).await;
    let undo = plan(&world, "house").await;
    let conflicts: Vec<_> = undo
        .steps()
        .iter()
        .flat_map(|step| &step.conflicts)
        .collect();
    let referenced = Conflict::Referenced {
        table: "owners".to_owned(),
        rows: 1,
    };
    assert_eq!(conflicts, [&referenced]);
}
