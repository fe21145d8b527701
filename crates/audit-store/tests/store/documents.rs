//! JSON documents that are taken back, the document `null` among them, against full reads of the table.

use audit_core::query::LogQuery;
use audit_core::{Actor, Audit, AuditContext, Dialect};
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
    let other = prop_oneof![Just("NULL".to_owned()), Just("'[]'".to_owned())];
    let id = 1..6_u8;
    prop_oneof![
        3 => (id.clone(), document.clone(), document.clone(), other)
            .prop_map(|(id, a, b, other)| format!("INSERT INTO papers (id, a, b, c) \
                SELECT {id}, {a}, {b}, {other} WHERE NOT EXISTS (SELECT 1 FROM papers WHERE id = {id})")),
        3 => (id.clone(), document.clone())
            .prop_map(|(id, a)| format!("UPDATE papers SET a = {a} WHERE id = {id}")),
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

/// Takes a request back, as another request.
async fn undo<DB: Db>(world: &World<DB>, of: &str, request: &str) {
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
    let mut nulls = 0;
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
        undo(&world, &work, &taken).await;
        assert_eq!(rows(&mut world).await, before, "undo of {all:#?}");
        undo(&world, &taken, &again).await;
        assert_eq!(rows(&mut world).await, after, "redo of {all:#?}");
        let documents = before.iter().chain(&after).flat_map(|row| &row[1..3]);
        nulls += documents
            .filter(|text| text.as_deref() == Some("null"))
            .count();
    }
    assert!(nulls > 10, "{nulls}");
}
