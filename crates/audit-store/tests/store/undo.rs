//! Changes that are taken back, against full reads of the tables.

use std::cell::Cell;
use std::collections::BTreeSet;

use audit_core::query::LogQuery;
use audit_core::{Actor, Audit, AuditContext, Dialect, Event, Snapshot, TableRule};
use audit_sqlx::PoolReader;
use audit_store::{Conflict, Trail, UndoError, UndoPlan, Undone};
use audit_testkit::{Server, oracle};
use proptest::prelude::*;

use super::property;
use super::world::{Db, World};

/// Tables that refer to each other and to themselves.
pub(super) const TREE: &str = "CREATE TABLE orgs (id INTEGER NOT NULL PRIMARY KEY, name VARCHAR(20) UNIQUE); \
     CREATE TABLE people (id INTEGER NOT NULL PRIMARY KEY, org INTEGER, boss INTEGER, \
         name VARCHAR(20), FOREIGN KEY (org) REFERENCES orgs (id) ON DELETE CASCADE, \
         FOREIGN KEY (boss) REFERENCES people (id)); \
     CREATE TABLE notes (person INTEGER NOT NULL, number INTEGER NOT NULL, body VARCHAR(20), \
         PRIMARY KEY (person, number), \
         FOREIGN KEY (person) REFERENCES people (id) ON DELETE CASCADE);";

pub(super) fn audit() -> Audit {
    Audit::builder().build().unwrap()
}

/// Runs statements of a request, each by itself; what a constraint refuses is left out. Gives how many
/// went through.
pub(super) async fn request<DB: Db>(world: &World<DB>, id: &str, statements: &[String]) -> usize {
    let context = AuditContext::new()
        .with_actor(Actor::user("ann"))
        .with_request_id(id);
    let work = async {
        let mut done = 0;
        for sql in statements {
            let mut connection = world.pool.acquire().await.unwrap();
            if DB::execute_text(&mut connection, sql).await.is_ok() {
                done += 1;
            }
        }
        done
    };
    context.scope(work).await
}

pub(super) async fn all<DB: Db>(world: &World<DB>, id: &str, statements: &[&str]) {
    let statements: Vec<String> = statements.iter().map(|sql| (*sql).to_owned()).collect();
    assert_eq!(
        request(world, id, &statements).await,
        statements.len(),
        "{statements:?}"
    );
}

pub(super) async fn snapshot<DB: Db>(world: &mut World<DB>) -> oracle::Snapshot {
    let dialect = world.server.dialect();
    oracle::snapshot(&mut world.raw, dialect).await
}

/// Tells the rows that differ.
pub(super) fn is_same(found: &oracle::Snapshot, expected: &oracle::Snapshot, about: &str) {
    let rows = |snapshot: &oracle::Snapshot| -> BTreeSet<String> {
        let tables = snapshot.iter().flat_map(|(table, rows)| match rows {
            oracle::Rows::Keyed(rows) => rows
                .iter()
                .map(|(key, row)| format!("{table} {key} {row:?}"))
                .collect::<Vec<_>>(),
            oracle::Rows::Loose(rows) => rows
                .iter()
                .map(|(row, count)| format!("{table} {count} {row:?}"))
                .collect(),
        });
        tables.collect()
    };
    let (found_rows, expected_rows) = (rows(found), rows(expected));
    let more: Vec<_> = found_rows.difference(&expected_rows).collect();
    let less: Vec<_> = expected_rows.difference(&found_rows).collect();
    assert!(
        found == expected,
        "{more:#?}\ninstead of {less:#?}\n{about}"
    );
}

pub(super) fn of_request(id: &str) -> LogQuery {
    LogQuery::new().request(id)
}

pub(super) async fn plan<DB: Db>(world: &World<DB>, query: &LogQuery) -> UndoPlan {
    world.trail().plan_undo(query).await.unwrap()
}

pub(super) type Applied = Result<Undone, UndoError<audit_sqlx::LogError>>;

/// Applies a plan as a request of an operator, and commits what went well.
pub(super) async fn apply<DB: Db>(world: &World<DB>, id: &str, plan: &UndoPlan) -> Applied {
    let context = AuditContext::new()
        .with_actor(Actor::user("operator"))
        .with_request_id(id);
    let work = async {
        let mut transaction = audit_sqlx::begin(&world.pool).await.unwrap();
        let done = plan.apply(&mut audit_sqlx::writer(&mut *transaction)).await;
        match &done {
            Ok(_) => transaction.commit().await.unwrap(),
            Err(_) => transaction.rollback().await.unwrap(),
        }
        done
    };
    context.scope(work).await
}

pub(super) async fn events<DB: Db>(world: &World<DB>, id: &str) -> Vec<Event> {
    let log = audit_sqlx::log(&world.pool).matching(of_request(id).oldest_first());
    log.limit(LogQuery::MAX_LIMIT).list().await.unwrap()
}

pub(super) fn ids(events: &[Event]) -> BTreeSet<String> {
    events.iter().map(|event| event.id.to_string()).collect()
}

pub(super) fn reverted(events: &[Event]) -> BTreeSet<String> {
    events
        .iter()
        .flat_map(|event| event.reverts.clone().unwrap_or_default())
        .collect()
}

/// Takes a request back and does it again; each time the tables must be as a full read showed them,
/// and the events must say whose work they take back.
async fn there_and_back<DB: Db>(world: &mut World<DB>, id: &str, before: &oracle::Snapshot) {
    let after = snapshot(world).await;
    let undo = plan(world, &of_request(id)).await;
    assert!(undo.is_clear(), "{undo:#?}");
    let undone = apply(world, &format!("undo {id}"), &undo).await.unwrap();
    assert_eq!(undone.records, undo.steps().len());
    assert_eq!(undone.differing, []);
    is_same(
        &snapshot(world).await,
        before,
        &format!("undo of {id}: {undo:#?}"),
    );
    let taken = events(world, &format!("undo {id}")).await;
    let done = events(world, id).await;
    assert!(reverted(&taken).is_subset(&ids(&done)));
    assert!(
        taken
            .iter()
            .all(|event| event.reverts.is_some() && event.actor_id.as_deref() == Some("operator"))
    );
    let redo = plan(world, &of_request(&format!("undo {id}"))).await;
    assert!(redo.is_clear(), "{redo:#?}");
    apply(world, &format!("redo {id}"), &redo).await.unwrap();
    is_same(
        &snapshot(world).await,
        &after,
        &format!("redo of {id}: {redo:#?}"),
    );
    let again = events(world, &format!("redo {id}")).await;
    assert_eq!(reverted(&again), ids(&taken));
}

/// Statements over the tree; many of them are refused.
fn statement() -> impl Strategy<Value = String> {
    let id = || 0..6_u8;
    let reference = || proptest::sample::select(&["0", "1", "2", "3", "4", "5", "NULL"][..]);
    let name = || proptest::sample::select(&["'a'", "'b'", "'it''s'", "''", "NULL"][..]);
    prop_oneof![
        1 => (id(), name()).prop_map(|(id, name)| format!("INSERT INTO orgs VALUES ({id}, {name})")),
        1 => (id(), name())
            .prop_map(|(id, name)| format!("UPDATE orgs SET name = {name} WHERE id = {id}")),
        1 => id().prop_map(|id| format!("DELETE FROM orgs WHERE id = {id}")),
        2 => (id(), reference(), reference(), name()).prop_map(|(id, org, boss, name)| {
            format!("INSERT INTO people VALUES ({id}, {org}, {boss}, {name})")
        }),
        1 => (id(), reference(), reference()).prop_map(|(id, org, boss)| {
            format!("UPDATE people SET boss = {boss}, org = {org} WHERE id = {id}")
        }),
        1 => id().prop_map(|id| format!("DELETE FROM people WHERE id = {id}")),
        1 => (id(), id())
            .prop_map(|(id, other)| format!("UPDATE people SET id = {other} WHERE id = {id}")),
        1 => (id(), id(), name()).prop_map(|(person, number, body)| {
            format!("INSERT INTO notes VALUES ({person}, {number}, {body})")
        }),
        1 => (id(), name()).prop_map(|(person, body)| {
            format!("UPDATE notes SET number = number + 10, body = {body} WHERE person = {person}")
        }),
        1 => name().prop_map(|name| format!("UPDATE people SET name = {name}")),
    ]
}

/// The tree without values that only one row may have. Those go back in the order in which they came, which
/// foreign keys of other rows can forbid: the database then refuses the undo, and nothing is done.
fn loose() -> String {
    TREE.replace(" UNIQUE", "")
}

/// Requests of such statements.
fn requests(count: usize) -> impl Strategy<Value = Vec<Vec<String>>> {
    let request = proptest::collection::vec(statement(), 1..12);
    proptest::collection::vec(request, count)
}

/// Whether records have come to each other's keys, which nothing takes back.
fn is_circle(plan: &UndoPlan) -> bool {
    let mut conflicts = plan.steps().iter().flat_map(|step| &step.conflicts);
    conflicts.any(|conflict| *conflict == Conflict::Circle)
}

/// On tables of whole images, and on those of changed columns.
pub(crate) async fn random_work_is_undone_and_redone<DB: Db>(server: Server) {
    let done = Cell::new(0);
    for snapshot in [Snapshot::Full, Snapshot::Changed] {
        let rule = TableRule::new("*").snapshot(snapshot);
        let audit = Audit::builder().table(rule).build().unwrap();
        property::holds(&requests(12), 2, async |requests| {
            let mut world = World::<DB>::of(server, &loose(), &audit).await;
            // Without rows to start from most of what is drawn would be refused.
            request(&world, "start", &first_rows()).await;
            for (round, statements) in requests.iter().enumerate() {
                let before = self::snapshot(&mut world).await;
                let id = format!("request {round}");
                done.set(done.get() + request(&world, &id, statements).await);
                if is_circle(&plan(&world, &of_request(&id)).await) {
                    break;
                }
                there_and_back(&mut world, &id, &before).await;
            }
        });
    }
    assert!(done.get() > 100, "{} statements are too few", done.get());
}

/// A record of each table, for most of the keys that are drawn.
fn first_rows() -> Vec<String> {
    let of = |id: u8| {
        [
            format!("INSERT INTO orgs VALUES ({id}, 'o')"),
            format!("INSERT INTO people VALUES ({id}, NULL, NULL, 'p')"),
            format!("INSERT INTO notes VALUES ({id}, {id}, 'n')"),
        ]
    };
    (0..4).flat_map(of).collect()
}

/// A table of every type that the dialect has, and rows of values that are easily lost. A document
/// `null` is not among them: an image holds it as it holds NULL.
fn typed(dialect: Dialect) -> (&'static str, &'static [&'static str], &'static str) {
    match dialect {
        Dialect::Postgres => (
            "CREATE TYPE mood AS ENUM ('sad', 'it''s ok'); \
             CREATE DOMAIN positive AS int CHECK (VALUE > 0); \
             CREATE TYPE point3 AS (x float8, y text, z int[]); \
             CREATE TABLE v (id bigint PRIMARY KEY, a bigint, b float8, c numeric, d real, e text, \
                 f bytea, g timestamptz, h timestamp, i date, j interval, k json, l jsonb, m uuid, \
                 n mood, o positive, p point3, q int[], r text[], s int4range, t inet, u bool, \
                 w time, x money, y bit(5), z xml, \"odd \"\"name\" char(5), \
                 ident int GENERATED ALWAYS AS IDENTITY, sum bigint GENERATED ALWAYS AS (a + 1) STORED)",
            &[
                "1, 9223372036854775806, 0.1::float8 + 0.2::float8, 1234567890123456789012345678901234567.890, 0.1, \
                 E'\\u0001\\t\\\\ 雪', '\\x00ff', '2024-10-27 01:30:00.123456+00', 'infinity', '-infinity', \
                 '-1 year 2 days 03:04:05.6', '{\"a\":1, \"a\": 2.50}', '{\"b\": [1e400, null]}', \
                 '00000000-0000-0000-0000-000000000001', 'it''s ok', 3, '(0.1,\"a,\"\"b\",\"{1,NULL}\")', \
                 '{{1,2},{3,NULL}}', '{\"a,b\",\"\",NULL,\"null\"}', '[1,5)', '10.0.0.1/8', true, '23:59:59.999999', \
                 '12.34', B'10101', '<a>&amp;</a>', 'ab'",
                "2, -9223372036854775808, 'NaN', 'NaN', 16777217, '', '', '-infinity', '4713-01-01 BC', '0044-03-15 BC', \
                 '0', '[]', '{}', NULL, 'sad', NULL, '(,,)', '{}', '{}', 'empty', '::1', false, '00:00', \
                 '-0.01', B'00000', NULL, ''",
                "3, NULL, '-0.0', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, \
                 NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL",
            ],
            "UPDATE v SET b = 5e-324, c = 1.10, d = 3.4028235e38, e = 'null', f = '\\xedA080', \
                 g = '2024-03-31 02:30:00+01', j = '1 mon', k = '[]', l = '\"text\"', n = 'sad', \
                 p = NULL, q = '{7}', r = NULL, s = '(,)', x = 1",
        ),
        Dialect::MySql => (
            "CREATE TABLE v (id BIGINT PRIMARY KEY, a BIGINT UNSIGNED, b DOUBLE, c DECIMAL(40,3), d FLOAT, \
                 e TEXT CHARACTER SET utf8mb4, f BLOB, g TIMESTAMP(6) NULL, h DATETIME(6), i DATE, j TIME(6), \
                 k JSON, l ENUM('sad','it''s ok'), m SET('a','b','c'), n BIT(9), o YEAR, p BINARY(4), \
                 q INT(8) ZEROFILL, r UUID, s INET6, t VARCHAR(9) CHARACTER SET latin1, u POINT, w BOOLEAN, \
                 x CHAR(5), `odd ``name` INT, total DECIMAL(42,3) AS (c + 1) STORED, \
                 changed TIMESTAMP(6) NULL DEFAULT NULL ON UPDATE CURRENT_TIMESTAMP(6))",
            &[
                "(id, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, w, x, `odd ``name`) VALUES \
                 (1, 18446744073709551615, 0.30000000000000004, 1234567890123456789012345678901234567.890, 0.1, \
                 '\\\\ \\t 雪', x'00ff', FROM_UNIXTIME(1729992600.123456), '9999-12-31 23:59:59.999999', '1000-01-01', \
                 '-838:59:59', '{\"a\":1, \"a\": 2.50}', 'it''s ok', 'a,c', b'100000001', 2024, x'01', 42, \
                 '00000000-0000-0000-0000-000000000001', '::1', 'é', POINT(1, 2.5), TRUE, 'ab', -1)",
                "(id, a, b, c, d, e, f, k, l, m, n, o, p, q, t, x) VALUES \
                 (2, 0, 5e-324, -0.001, 3.40282e38, '', '', '[null]', 'sad', '', b'0', 0, '', 0, '', '')",
                "(id, k) VALUES (3, '\"text\"')",
            ],
            "UPDATE v SET a = 9007199254740993, b = 1.7976931348623157e308, d = 16777216, e = 'null', f = x'edA080', \
                 g = FROM_UNIXTIME(1729996200), k = '[]', l = NULL, m = 'b', n = b'111111111', u = NULL, r = NULL",
        ),
        _ => (
            "CREATE TABLE v (id INTEGER PRIMARY KEY, a INTEGER, b REAL, c, d ANY, e TEXT, f BLOB, \
                 \"odd \"\"name\", sum INTEGER GENERATED ALWAYS AS (a + 1) STORED)",
            &[
                "(id, a, b, c, d, e, f, \"odd \"\"name\") VALUES (1, 9223372036854775806, 0.1 + 0.2, 1000.0, '12', \
                 char(1) || '雪\\', x'00ff', 1)",
                "(id, a, b, c, d, e, f) VALUES (2, -9223372036854775808, 9e999, '1000.0', 5e-324, \
                 CAST(x'eda080' AS TEXT), x'')",
                "(id, a, b, c, d, e, f) VALUES (3, NULL, -9e999, 9007199254740993, -0.0, '', 'text')",
            ],
            "UPDATE v SET a = 1, b = 1e308, c = x'61', d = 12, e = 'null', f = 1.5",
        ),
    }
}

pub(crate) async fn every_value_comes_back_as_it_was<DB: Db>(server: Server) {
    let dialect = server.dialect();
    let (table, rows, update) = typed(dialect);
    let mut world = World::<DB>::of(server, table, &audit()).await;
    let empty = snapshot(&mut world).await;
    let inserts: Vec<String> = rows
        .iter()
        .map(|row| match dialect {
            Dialect::Postgres => format!("INSERT INTO v VALUES ({row})"),
            _ => format!("INSERT INTO v {row}"),
        })
        .collect();
    assert_eq!(request(&world, "insert", &inserts).await, rows.len());
    there_and_back(&mut world, "insert", &empty).await;
    let full = snapshot(&mut world).await;
    all(&world, "update", &[update]).await;
    there_and_back(&mut world, "update", &full).await;
    let updated = snapshot(&mut world).await;
    all(&world, "delete", &["DELETE FROM v"]).await;
    there_and_back(&mut world, "delete", &updated).await;
}

pub(crate) async fn a_cascade_comes_back_with_its_parent<DB: Db>(server: Server) {
    let mut world = World::<DB>::of(server, TREE, &audit()).await;
    all(
        &world,
        "first",
        &[
            "INSERT INTO orgs VALUES (1, 'one')",
            "INSERT INTO people VALUES (1, 1, NULL, 'a'), (2, 1, NULL, 'b')",
            "UPDATE people SET boss = 1 WHERE id = 2",
            "INSERT INTO notes VALUES (1, 1, 'x'), (2, 1, 'y')",
            "UPDATE people SET boss = NULL",
        ],
    )
    .await;
    let before = snapshot(&mut world).await;
    all(&world, "cascade", &["DELETE FROM orgs WHERE id = 1"]).await;
    assert_eq!(events(&world, "cascade").await.len(), 5);
    there_and_back(&mut world, "cascade", &before).await;
}

/// A value that only one row may have goes back after it was let go of, whichever row changed first.
pub(crate) async fn a_unique_value_goes_back_the_way_it_came<DB: Db>(server: Server) {
    let table = "CREATE TABLE desks (id INTEGER NOT NULL PRIMARY KEY, owner VARCHAR(20) UNIQUE, \
         floor INTEGER)";
    let mut world = World::<DB>::of(server, table, &audit()).await;
    let rows = "INSERT INTO desks VALUES (1, 'ann', 1), (2, 'ben', 1)";
    all(&world, "rows", &[rows]).await;
    let before = snapshot(&mut world).await;
    let moves = [
        "UPDATE desks SET floor = 2 WHERE id = 2",
        "UPDATE desks SET owner = 'cora' WHERE id = 1",
        "UPDATE desks SET owner = 'ann' WHERE id = 2",
        "UPDATE desks SET floor = 3 WHERE id = 1",
        "DELETE FROM desks WHERE id = 1",
    ];
    all(&world, "moves", &moves[..3]).await;
    there_and_back(&mut world, "moves", &before).await;
    all(&world, "going", &moves[3..]).await;
    let undone = apply(&world, "back", &plan(&world, &of_request("going")).await).await;
    assert_eq!(undone.unwrap().records, 1);
}

/// A record comes back to its key once another that has come to it is gone from it.
pub(crate) async fn a_key_that_another_took_is_free_again<DB: Db>(server: Server) {
    let mut world = World::<DB>::of(server, TREE, &audit()).await;
    let rows = "INSERT INTO people VALUES (1, NULL, NULL, 'a'), (2, NULL, NULL, 'b')";
    all(&world, "rows", &[rows]).await;
    let before = snapshot(&mut world).await;
    let moves = [
        "DELETE FROM people WHERE id = 1",
        "UPDATE people SET id = 1 WHERE id = 2",
    ];
    all(&world, "moves", &moves).await;
    there_and_back(&mut world, "moves", &before).await;

    // It has moved before it goes, and comes back to where it was at first.
    let before = snapshot(&mut world).await;
    let moved = [
        "UPDATE people SET id = 5 WHERE id = 1",
        "INSERT INTO people VALUES (1, NULL, NULL, 'c')",
        "DELETE FROM people WHERE id = 5",
    ];
    all(&world, "moved", &moved).await;
    there_and_back(&mut world, "moved", &before).await;

    // Each has the key of the other, and no database gives one to both meanwhile.
    let swaps = [
        "UPDATE people SET id = 9 WHERE id = 1",
        "UPDATE people SET id = 1 WHERE id = 2",
        "UPDATE people SET id = 2 WHERE id = 9",
    ];
    all(
        &world,
        "back",
        &["INSERT INTO people VALUES (2, NULL, NULL, 'b')"],
    )
    .await;
    all(&world, "swaps", &swaps).await;
    let swapped = plan(&world, &of_request("swaps")).await;
    assert!(is_circle(&swapped), "{swapped:#?}");
}

/// Rows that refer to each other, and one that refers to itself.
pub(crate) async fn rows_in_a_circle_are_undone_and_redone<DB: Db>(server: Server) {
    let mut world = World::<DB>::of(server, TREE, &audit()).await;
    let empty = snapshot(&mut world).await;
    all(
        &world,
        "circle",
        &[
            "INSERT INTO people VALUES (1, NULL, NULL, 'a')",
            "INSERT INTO people VALUES (2, NULL, 1, 'b')",
            "INSERT INTO people VALUES (3, NULL, 2, 'c')",
            "UPDATE people SET boss = 3 WHERE id = 1",
            "INSERT INTO people VALUES (4, NULL, 4, 'd')",
        ],
    )
    .await;
    there_and_back(&mut world, "circle", &empty).await;
}

/// A database of tests: back to where it was, and forward again.
pub(crate) async fn a_database_goes_back_to_an_event<DB: Db>(server: Server) {
    let work = (
        proptest::collection::vec(statement(), 40),
        proptest::collection::vec(statement(), 80),
    );
    property::holds(&work, 2, async |(first, then)| {
        let mut world = World::<DB>::of(server, &loose(), &audit()).await;
        // Something of either is never refused.
        all(&world, "before", &["INSERT INTO orgs VALUES (9, 'z')"]).await;
        request(&world, "before", &first).await;
        let before = snapshot(&mut world).await;
        let position = events(&world, "before").await.last().unwrap().position();
        all(&world, "after", &["DELETE FROM orgs WHERE id = 9"]).await;
        request(&world, "after", &then).await;
        let after = snapshot(&mut world).await;
        assert_ne!(before, after);
        let back = world.trail().plan_return_to(position).await.unwrap();
        if is_circle(&back) {
            return;
        }
        assert!(back.is_clear(), "{back:#?}");
        apply(&world, "back", &back).await.unwrap();
        assert_eq!(snapshot(&mut world).await, before);
        let forward = plan(&world, &of_request("back")).await;
        apply(&world, "forward", &forward).await.unwrap();
        assert_eq!(snapshot(&mut world).await, after);
    });
}

/// One plan takes back so many events and no more; the database makes no difference to that.
pub(crate) async fn more_events_than_one_plan_takes_are_refused() {
    let mut world = World::<sqlx::Sqlite>::new(Server::Sqlite).await;
    let most = Trail::<PoolReader<sqlx::Sqlite>>::MOST_UNDONE;
    world.fill(0, u64::try_from(most).unwrap() + 1).await;
    let all = LogQuery::new().limit(LogQuery::MAX_LIMIT);
    let refused = world.trail().plan_undo(&all).await.unwrap_err();
    let expected = "there are more than 100000 events to take back; narrow the query";
    assert_eq!(refused.to_string(), expected);
}
