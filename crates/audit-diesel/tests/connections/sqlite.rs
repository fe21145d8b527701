//! SQLite.

use audit_testkit::Server;
use diesel::SqliteConnection;

connections!(
    Server::Sqlite,
    SqliteConnection,
    (
        "CREATE TEMP TABLE IF NOT EXISTS who AS SELECT hex(randomblob(8)) AS name",
        "(SELECT name FROM who)"
    )
);

executors!(Server::Sqlite, SqliteConnection);
interacts!(Server::Sqlite, SqliteConnection);
managers!(Server::Sqlite, SqliteConnection);
stored!(Server::Sqlite, SqliteConnection, sqlite);

#[tokio::test(flavor = "multi_thread")]
async fn a_column_is_dropped_where_no_trigger_stands_in_the_way() {
    let database = database(Server::Sqlite).await;
    let url = database.url().to_owned();
    blocking(move || {
        let pool = pool_of_one(&url);
        let mut held = user("alice").sync_scope(|| pool.get()).unwrap();
        insert(&mut held, 1);
        let drop = "ALTER TABLE t DROP COLUMN v";
        held.batch_execute(drop).unwrap_err();
        audit_diesel::unaudited(&mut held, audit(), |held| held.batch_execute(drop)).unwrap();
        held.batch_execute("INSERT INTO t VALUES (2)").unwrap();
        let events = events(&mut held);
        assert_eq!(actors(&events), ["alice", "alice"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_that_changed_is_seen_at_the_next_checkout() {
    let database = database(Server::Sqlite).await;
    let url = database.url().to_owned();
    blocking(move || {
        let pool = pool_of_one(&url);
        drop(pool.get().unwrap());
        let mut other = SqliteConnection::establish(&url).unwrap();
        other
            .batch_execute("ALTER TABLE t ADD COLUMN w INTEGER")
            .unwrap();
        let mut held = pool.get().unwrap();
        held.batch_execute("INSERT INTO t VALUES (1, 2, 3)")
            .unwrap();
        let events = events(&mut held);
        let image = events.first().and_then(|event| event.after_data.as_ref());
        assert_eq!(image.unwrap().as_str(), r#"{"id":1,"v":2,"w":3}"#);
    })
    .await;
}
