//! Two sessions that write one row.

use std::time::{Duration, Instant};

use audit_core::Audit;
use audit_testkit::Server;
use sqlx::{Connection, PgConnection};

use crate::pair::{Pair, alice, answer, events, extra, run};

const TABLE: &str = "CREATE TABLE counted (id int PRIMARY KEY, n int, name text UNIQUE);
    INSERT INTO counted VALUES (1, 10, 'one'), (2, 20, 'two');";

/// Runs a statement that has to wait until another session commits what it has done.
async fn behind(pair: &mut Pair, other: &str, sql: &str) -> (String, Vec<String>) {
    let url = pair.inline_database.url().to_owned();
    let mut holder = PgConnection::connect(&url).await.unwrap();
    let mut watcher = PgConnection::connect(&url).await.unwrap();
    let spliced = pair.plan(sql);
    let extra = extra(&pair.audit, &spliced, &alice());
    run(&mut holder, "BEGIN").await;
    run(&mut holder, other).await;
    let inline = &mut pair.inline;
    let waits = answer(inline, spliced.text(), &[], &extra, true);
    let commits = async {
        let until = Instant::now() + Duration::from_secs(20);
        let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
             AND wait_event_type = 'Lock'";
        while sqlx::query_scalar::<_, i64>(waiting)
            .fetch_one(&mut watcher)
            .await
            .unwrap()
            == 0
        {
            assert!(Instant::now() < until, "nobody waits");
            tokio::task::yield_now().await;
        }
        run(&mut holder, "COMMIT").await;
    };
    let (done, ()) = tokio::join!(waits, commits);
    let events = events(&mut pair.inline).await;
    run(&mut pair.inline, "TRUNCATE audit.audit_logs").await;
    (done, events)
}

async fn pair(server: Server) -> Pair {
    Pair::new(server, TABLE, Audit::builder().build().unwrap()).await
}

/// The images of the only event, as texts in JSON.
fn images(events: &[String]) -> (serde_json::Value, serde_json::Value) {
    assert_eq!(events.len(), 1, "{events:?}");
    let event: serde_json::Value = serde_json::from_str(&events[0]).unwrap();
    let image = |name: &str| {
        let text = event[name].as_str();
        text.map_or_else(Default::default, |text| serde_json::from_str(text).unwrap())
    };
    (image("before_data"), image("after_data"))
}

pub(crate) async fn a_row_that_another_holds_is_recorded_as_it_was_then(server: Server) {
    let mut pair = pair(server).await;
    let add = "UPDATE counted SET n = n + 1 WHERE id = 1";
    let (done, events) = behind(&mut pair, "UPDATE counted SET n = 100 WHERE id = 1", add).await;
    assert_eq!(done, "affected 1\n");
    let (before, after) = images(&events);
    assert_eq!((&before["n"], &after["n"]), (&100.into(), &101.into()));
    assert!(events[0].contains("\"before_exact\":null"), "{events:?}");

    // The key of the row is another by then.
    let by_name = "UPDATE counted SET n = n + 1 WHERE name = 'two'";
    let other = "UPDATE counted SET id = 7, n = 200 WHERE id = 2";
    let (done, events) = behind(&mut pair, other, by_name).await;
    assert_eq!(done, "affected 1\n");
    let (before, after) = images(&events);
    assert_eq!((&before["n"], &after["n"]), (&200.into(), &201.into()));
    assert_eq!((&before["id"], &after["id"]), (&7.into(), &7.into()));

    // The row is one that the condition does not mean by then.
    let (done, events) = behind(
        &mut pair,
        "UPDATE counted SET n = 0 WHERE id = 1",
        "UPDATE counted SET n = n + 1 WHERE n = 101",
    )
    .await;
    assert_eq!((done.as_str(), events.len()), ("affected 0\n", 0));

    let (done, events) = behind(
        &mut pair,
        "UPDATE counted SET n = 55 WHERE id = 1",
        "DELETE FROM counted WHERE id = 1",
    )
    .await;
    assert_eq!(done, "affected 1\n");
    assert_eq!(images(&events).0["n"], 55);
}

pub(crate) async fn an_upsert_that_is_not_sure_says_so(server: Server) {
    let mut pair = pair(server).await;
    let upsert = "INSERT INTO counted VALUES (1, 1, 'new') ON CONFLICT (id) DO UPDATE SET n = \
         counted.n + 1";
    let (done, events) = behind(&mut pair, "UPDATE counted SET n = 100 WHERE id = 1", upsert).await;
    assert_eq!(done, "affected 1\n");
    let (before, after) = images(&events);
    assert_eq!(after["n"], 101);
    let is_sure = server == Server::Postgres18;
    assert_eq!(events[0].contains("\"before_exact\":null"), is_sure);
    assert_eq!(before["n"] == 100, is_sure, "{before}");

    // The row in the way comes while the statement runs.
    let upsert = "INSERT INTO counted VALUES (9, 1, 'nine') ON CONFLICT (id) DO UPDATE SET n = \
         counted.n + 1";
    let other = "INSERT INTO counted VALUES (9, 90, 'ninety')";
    let (done, events) = behind(&mut pair, other, upsert).await;
    assert_eq!(done, "affected 1\n");
    assert!(events[0].contains("\"operation\":\"UPDATE\""), "{events:?}");
    assert_eq!(events[0].contains("\"before_exact\":null"), is_sure);
    let (before, after) = images(&events);
    assert_eq!(after["n"], 91);
    assert_eq!(before["n"] == 90, is_sure, "{before}");
}

pub(crate) async fn twenty_thousand_rows_are_paired_in_time(server: Server) {
    let mut pair = pair(server).await;
    run(
        &mut pair.inline,
        "INSERT INTO counted SELECT n, n, 'row ' || n FROM generate_series(100, 20099) AS n",
    )
    .await;
    let spliced = pair.plan(
        // The server expects a single row of it.
        "UPDATE counted SET n = n + 1 WHERE id + 0 = n AND id + 1 = n + 1 AND id + 2 = n + 2",
    );
    let extra = extra(&pair.audit, &spliced, &alice());
    let start = Instant::now();
    let done = answer(&mut pair.inline, spliced.text(), &[], &extra, true).await;
    let took = start.elapsed();
    assert_eq!(done, "affected 20000\n");
    assert_eq!(events(&mut pair.inline).await.len(), 20_000);
    // A pairing that looks at every row for every row takes a minute, this one a third of a second.
    assert!(took < Duration::from_secs(5), "{took:?}");
}
