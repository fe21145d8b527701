//! JSON documents that are taken back, the document `null` among them, against full reads of the table.

use std::collections::BTreeSet;

use audit_core::query::LogQuery;
use audit_core::{Actor, Audit, AuditContext, Dialect};
use audit_store::{Conflict, OnConflict, UndoError, UndoPlan};
use audit_testkit::Server;
use proptest::prelude::*;

use super::events::drawn;
use super::world::{Db, World};

/// Documents that are not `null`.
const OTHERS: [&str; 6] = [
    "1.50",
    "\"null\"",
    "[null]",
    "{\"a\": null}",
    "true",
    "\"\"",
];

/// Every second document is `null`; the last column may be NULL.
fn statement() -> impl Strategy<Value = String> {
    let document = prop_oneof![Just("null"), proptest::sample::select(&OTHERS[..])];
    let document = document.prop_map(|text| format!("'{text}'"));
    let other = prop_oneof![Just("NULL"), Just("'[]'"), Just("'null'")].prop_map(str::to_owned);
    let id = 1..6_u8;
    prop_oneof![
        3 => (id.clone(), document.clone(), document.clone(), other.clone())
            .prop_map(|(id, a, b, other)| format!("INSERT INTO papers (id, a, b, c) \
                SELECT {id}, {a}, {b}, {other} WHERE NOT EXISTS (SELECT 1 FROM papers WHERE id = {id})")),
        3 => (id.clone(), document.clone())
            .prop_map(|(id, a)| format!("UPDATE papers SET a = {a} WHERE id = {id}")),
        1 => (id.clone(), other)
            .prop_map(|(id, c)| format!("UPDATE papers SET c = {c} WHERE id = {id}")),
        2 => document.prop_map(|b| format!("UPDATE papers SET b = {b}")),
        1 => id.prop_map(|id| format!("DELETE FROM papers WHERE id = {id}")),
    ]
}

async fn rows<DB: Db>(world: &mut World<DB>) -> Vec<Vec<Option<String>>> {
    let text = match world.server.dialect() {
        Dialect::MySql => "CHAR",
        _ => "TEXT",
    };
    let cells = ["id", "a", "b", "c"].map(|column| format!("CAST({column} AS {text})"));
    let sql = format!("SELECT {} FROM papers ORDER BY id", cells.join(", "));
    world.raw.texts(&sql).await
}

fn by(request: &str) -> AuditContext {
    AuditContext::new()
        .with_actor(Actor::user("ann"))
        .with_request_id(request)
}

/// Takes a request back, as another request; gives the columns that its plan says it cannot tell.
async fn undo<DB: Db>(world: &World<DB>, of: &str, request: &str) -> Ambiguous {
    let query = LogQuery::new().request(of);
    let plan = world.trail().plan_undo(&query).await.unwrap();
    assert!(plan.is_clear(), "{plan:#?}");
    let work = async {
        let mut transaction = audit_sqlx::begin(&world.pool).await.unwrap();
        let done = plan.apply(&mut audit_sqlx::writer(&mut *transaction)).await;
        assert_eq!(done.unwrap().differing, [], "{plan:#?}");
        transaction.commit().await.unwrap();
    };
    by(request).scope(work).await;
    ambiguous(&plan)
}

/// Columns, with the records that they are of.
type Ambiguous = BTreeSet<(String, String)>;

fn ambiguous(plan: &UndoPlan) -> Ambiguous {
    let steps = plan.steps().iter();
    let of_step = steps.flat_map(|step| {
        let record = &step.record_id;
        step.ambiguous
            .iter()
            .map(|column| (record.clone(), column.field.clone()))
    });
    of_step.collect()
}

/// Compares two reads of the table. In a column that was told, NULL may stand for the document `null`;
/// gives how often it does.
fn differences(
    found: &[Vec<Option<String>>],
    expected: &[Vec<Option<String>>],
    told: &Ambiguous,
    about: &str,
) -> usize {
    assert_eq!(found.len(), expected.len(), "{about}");
    let mut count = 0;
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(found[..3], expected[..3], "{about}");
        let key = (expected[0].clone().unwrap(), "c".to_owned());
        if found[3] != expected[3] {
            let cells = (found[3].as_deref(), expected[3].as_deref());
            assert_eq!(cells, (None, Some("null")), "{about}");
            assert!(told.contains(&key), "{key:?} is not told: {about}");
            count += 1;
        }
    }
    count
}

pub(crate) async fn documents_are_undone_and_redone<DB: Db>(server: Server) {
    let (a, b) = match server.dialect() {
        Dialect::Postgres => ("JSON", "JSONB"),
        Dialect::MySql => ("JSON", "JSON"),
        _ => ("TEXT", "TEXT"),
    };
    let table = format!(
        "CREATE TABLE papers (id INTEGER NOT NULL PRIMARY KEY, a {a} NOT NULL, b {b} NOT NULL, c {b})"
    );
    let mut world = World::<DB>::of(server, &table, &Audit::builder().build().unwrap()).await;
    let (mut nulls, mut untold) = (0, 0);
    for (round, statements) in drawn(&statement(), 60).chunks(6).enumerate() {
        let before = rows(&mut world).await;
        let (work, taken, again) = (
            format!("work {round}"),
            format!("undo {round}"),
            format!("redo {round}"),
        );
        let all: Vec<&str> = statements.iter().map(String::as_str).collect();
        let done = async {
            for sql in &all {
                let mut connection = world.pool.acquire().await.unwrap();
                DB::execute_text(&mut connection, sql).await.unwrap();
            }
        };
        by(&work).scope(done).await;
        let after = rows(&mut world).await;
        for (of, request, expected) in [(&work, &taken, &before), (&taken, &again, &after)] {
            let told = undo(&world, of, request).await;
            assert!(told.iter().all(|(_, field)| field == "c"), "{told:?}");
            assert!(server.dialect() != Dialect::Sqlite || told.is_empty());
            let found = rows(&mut world).await;
            untold += differences(&found, expected, &told, &format!("{request}: {all:#?}"));
        }
        let documents = before.iter().chain(&after).flat_map(|row| &row[1..3]);
        nulls += documents
            .filter(|text| text.as_deref() == Some("null"))
            .count();
    }
    assert!(nulls > 10, "{nulls}");
    assert_eq!(untold > 0, server.dialect() != Dialect::Sqlite, "{untold}");
}

async fn run<DB: Db>(world: &World<DB>, request: &str, statements: &[&str]) {
    let work = async {
        for sql in statements {
            let mut connection = world.pool.acquire().await.unwrap();
            DB::execute_text(&mut connection, sql).await.unwrap();
        }
    };
    by(request).scope(work).await;
}

/// A document in an array, and one under another name, on PostgreSQL.
pub(crate) async fn what_may_be_null_or_a_document_is_told<DB: Db>(server: Server) {
    let (types, list, is_text) = match server.dialect() {
        Dialect::Postgres => (["doc", "jsonb", "jsonb[]"], "ARRAY['null'::jsonb]", false),
        Dialect::MySql => (["JSON", "JSON", "TEXT"], "'[null]'", false),
        _ => (["JSON", "TEXT", "json"], "'[null]'", true),
    };
    let domain = match server.dialect() {
        Dialect::Postgres => "CREATE DOMAIN doc AS jsonb; ",
        _ => "",
    };
    let [a, c, d] = types;
    let table = format!(
        "{domain}CREATE TABLE papers (id INTEGER NOT NULL PRIMARY KEY, a {a} NOT NULL, c {c}, d {d}, b INTEGER)"
    );
    let mut world = World::<DB>::of(server, &table, &Audit::builder().build().unwrap()).await;
    let first = format!("INSERT INTO papers VALUES (1, 'null', 'null', {list}, NULL)");
    let made = [
        &first,
        "INSERT INTO papers VALUES (2, 'null', NULL, NULL, NULL)",
    ];
    run(&world, "made", &made).await;
    run(&world, "gone", &["DELETE FROM papers"]).await;
    let query = LogQuery::new().request("gone");
    let plan = world.trail().plan_undo(&query).await.unwrap();
    let doubts: BTreeSet<String> = plan
        .steps()
        .iter()
        .flat_map(|step| &step.ambiguous)
        .map(ToString::to_string)
        .collect();
    let all = [
        "`c` gets NULL, and may have been the document `null`",
        "`null` in `d` may have been NULL or the document `null`",
    ];
    let some = match server.dialect() {
        Dialect::Postgres => &all[..],
        Dialect::MySql => &all[..1],
        _ => &[],
    };
    assert_eq!(Vec::from_iter(doubts), some);
    let told = undo(&world, "gone", "undo").await;
    let told: Vec<_> = told
        .iter()
        .map(|(record, field)| (record.as_str(), field.as_str()))
        .collect();
    let expected: &[_] = match server.dialect() {
        Dialect::Postgres => &[("1", "c"), ("1", "d"), ("2", "c")],
        Dialect::MySql => &[("1", "c"), ("2", "c")],
        _ => &[],
    };
    assert_eq!(told, expected);
    let text = match server.dialect() {
        Dialect::MySql => "CHAR",
        _ => "TEXT",
    };
    let sql = format!("SELECT CAST(a AS {text}), CAST(c AS {text}) FROM papers ORDER BY id");
    let null = || Some("null".to_owned());
    let c = null().filter(|_| is_text);
    assert_eq!(world.raw.texts(&sql).await, [[null(), c], [null(), None]]);
}

/// Gives two columns of a table that is empty another nullability, as a migration of its owner would.
async fn alter<DB: Db>(world: &mut World<DB>, is_required: bool) {
    let null = if is_required { "NOT NULL" } else { "NULL" };
    let to = if is_required { "SET" } else { "DROP" };
    let sql = match world.server.dialect() {
        Dialect::Postgres => {
            format!("ALTER TABLE papers ALTER COLUMN a {to} NOT NULL, ALTER COLUMN b {to} NOT NULL")
        }
        Dialect::MySql => {
            format!("ALTER TABLE papers MODIFY a JSON {null}, MODIFY b INTEGER {null}")
        }
        _ => format!(
            "DROP TABLE papers; CREATE TABLE papers (id INTEGER NOT NULL PRIMARY KEY, a TEXT {null}, b INTEGER {null})"
        ),
    };
    world.raw.run(&sql).await;
    let audit = Audit::builder().build().unwrap();
    audit_sqlx::migrate(&world.pool, &audit).await.unwrap();
}

/// A table of one document and one number, which take NULL.
async fn papers<DB: Db>(server: Server) -> World<DB> {
    let a = match server.dialect() {
        Dialect::Postgres => "JSONB",
        Dialect::MySql => "JSON",
        _ => "TEXT",
    };
    let table = format!("CREATE TABLE papers (id INTEGER NOT NULL PRIMARY KEY, a {a}, b INTEGER)");
    World::of(server, &table, &Audit::builder().build().unwrap()).await
}

/// NULL does not become a document.
pub(crate) async fn a_column_that_takes_no_null_any_more_is_a_conflict<DB: Db>(server: Server) {
    let mut world = papers::<DB>(server).await;
    let made = [
        "INSERT INTO papers VALUES (1, NULL, NULL)",
        "INSERT INTO papers VALUES (3, '[]', 1)",
        "DELETE FROM papers",
    ];
    run(&world, "free", &made[..2]).await;
    run(&world, "free gone", &made[2..]).await;
    alter(&mut world, true).await;
    let query = LogQuery::new().request("free gone");
    let plan = world.trail().plan_undo(&query).await.unwrap();
    let conflicts = |record: &str| {
        let mut steps = plan.steps().iter();
        let step = steps.find(|step| step.record_id == record).unwrap();
        step.conflicts.clone()
    };
    let not_null = |field: &str| Conflict::NotNull {
        field: field.to_owned(),
    };
    assert_eq!(conflicts("1"), [not_null("a"), not_null("b")]);
    assert_eq!(conflicts("3"), []);
    let mut transaction = audit_sqlx::begin(&world.pool).await.unwrap();
    let mut writer = audit_sqlx::writer(&mut *transaction);
    for choice in [OnConflict::Refuse, OnConflict::Overwrite] {
        let refused = plan.clone().on_conflict(choice).apply(&mut writer).await;
        assert!(
            matches!(refused, Err(UndoError::Conflicts { count: 1 })),
            "{refused:?}"
        );
    }
    let skipping = plan.clone().on_conflict(OnConflict::Skip);
    let done = skipping.apply(&mut writer).await.unwrap();
    assert_eq!((done.records, done.skipped), (1, 1));
    transaction.rollback().await.unwrap();
}

/// What a column that took no NULL held is known, also once it takes NULL.
pub(crate) async fn a_document_of_a_column_that_took_no_null_comes_back<DB: Db>(server: Server) {
    let mut world = papers::<DB>(server).await;
    alter(&mut world, true).await;
    run(
        &world,
        "firm",
        &["INSERT INTO papers VALUES (2, 'null', 2)"],
    )
    .await;
    run(&world, "firm gone", &["DELETE FROM papers"]).await;
    let text = match server.dialect() {
        Dialect::MySql => "CHAR",
        _ => "TEXT",
    };
    let sql = format!("SELECT CAST(a AS {text}) FROM papers");
    let expected = [[Some("null".to_owned())]];
    assert_eq!(undo(&world, "firm gone", "undo").await, Ambiguous::new());
    assert_eq!(world.raw.texts(&sql).await, expected);
    run(&world, "firm again", &["DELETE FROM papers"]).await;
    alter(&mut world, false).await;
    let told = undo(&world, "firm again", "undo again").await;
    assert_eq!(told, of_second(server));
    assert_eq!(world.raw.texts(&sql).await, expected);
}

/// The document of the second record, where images do not tell.
fn of_second(server: Server) -> Ambiguous {
    let told = (server.dialect() != Dialect::Sqlite).then(|| ("2".to_owned(), "a".to_owned()));
    told.into_iter().collect()
}

/// A column that began to take NULL, of which `migrate` does not know yet: NULL may become the document, and
/// the plan says so.
pub(crate) async fn what_took_no_null_when_it_was_noted_is_told<DB: Db>(server: Server) {
    let mut world = papers::<DB>(server).await;
    alter(&mut world, true).await;
    let sql = match server.dialect() {
        Dialect::Postgres => "ALTER TABLE papers ALTER COLUMN a DROP NOT NULL",
        Dialect::MySql => "ALTER TABLE papers MODIFY a JSON NULL",
        _ => return,
    };
    world.raw.run(sql).await;
    run(&world, "young", &["INSERT INTO papers VALUES (2, NULL, 2)"]).await;
    run(&world, "gone", &["DELETE FROM papers"]).await;
    let query = LogQuery::new().request("gone");
    let plan = world.trail().plan_undo(&query).await.unwrap();
    assert_eq!(ambiguous(&plan), of_second(server));
    let told = plan.steps()[0].ambiguous[0].to_string();
    assert_eq!(told, "`a` gets the document `null`, and may have been NULL");
}
