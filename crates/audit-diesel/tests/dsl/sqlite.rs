//! What Diesel writes on SQLite alone.

use audit_testkit::Server;
use diesel::SqliteConnection;
use diesel::sql_types::{Integer, Text};
use diesel::upsert::excluded;

writes!(Server::Sqlite, SqliteConnection);

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_are_returned() {
    let told = proved!(Server::Sqlite, SqliteConnection, "", |held| {
        // Diesel returns many rows of one statement on its own type alone.
        let rows: Vec<Person> = diesel::insert_into(people::table)
            .values(vec![person(1, "a"), person(2, "b")])
            .returning(Person::as_returning())
            .get_results(&mut *held)
            .unwrap();
        assert_eq!(rows, [person(1, "a"), person(2, "b")]);
        let id: i32 = diesel::update(people::table.find(2))
            .set(people::name.eq("c"))
            .returning(people::id)
            .get_result(&mut held)
            .unwrap();
        assert_eq!(id, 2);
        let gone: Person = diesel::delete(people::table.find(1))
            .get_result(&mut held)
            .unwrap();
        assert_eq!(gone, person(1, "a"));
    });
    assert_eq!(told, ["INSERT 1", "INSERT 2", "UPDATE 2", "DELETE 1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn upserts() {
    let told = proved!(Server::Sqlite, SqliteConnection, "", |held| {
        let upsert = |held: &mut SqliteConnection, name: &str| {
            diesel::insert_into(people::table)
                .values(person(1, name))
                .on_conflict(people::id)
                .do_update()
                .set(people::name.eq(excluded(people::name)))
                .execute(held)
                .unwrap();
        };
        upsert(&mut held, "a");
        upsert(&mut held, "b");
        diesel::insert_into(people::table)
            .values(person(1, "c"))
            .on_conflict_do_nothing()
            .execute(&mut held)
            .unwrap();
        diesel::insert_or_ignore_into(people::table)
            .values(person(1, "d"))
            .execute(&mut held)
            .unwrap();
        diesel::replace_into(people::table)
            .values(person(1, "e"))
            .execute(&mut held)
            .unwrap();
    });
    assert_eq!(told, ["INSERT 1", "UPDATE 1", "DELETE 1", "INSERT 1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_that_lock_at_once() {
    let told = proved!(Server::Sqlite, SqliteConnection, "", |held| {
        held.immediate_transaction(|held| {
            let insert = diesel::sql_query("INSERT INTO people VALUES (?, ?, NULL)");
            insert
                .bind::<Integer, _>(1)
                .bind::<Text, _>("a")
                .execute(held)
        })
        .unwrap();
        held.exclusive_transaction(|held| diesel::delete(people::table).execute(held))
            .unwrap();
    });
    assert_eq!(told, ["INSERT 1", "DELETE 1"]);
}

diesel::table! {
    things (id) {
        id -> Integer,
        data -> Json,
        weight -> Double,
        bytes -> Binary,
        at -> Timestamp,
        done -> Bool,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn types_of_diesel() {
    let more = "CREATE TABLE things (id INTEGER PRIMARY KEY, data TEXT NOT NULL, \
         weight DOUBLE NOT NULL, bytes BLOB NOT NULL, at TIMESTAMP NOT NULL, done BOOLEAN NOT NULL)";
    let told = proved!(Server::Sqlite, SqliteConnection, more, |held| {
        let at = chrono::DateTime::from_timestamp(1_700_000_000, 123_456_000).unwrap();
        diesel::insert_into(things::table)
            .values((
                things::data.eq(serde_json::json!({"a": [1, 2.5, "x"]})),
                things::weight.eq(0.1 + 0.2),
                things::bytes.eq(vec![0_u8, 255]),
                things::at.eq(at.naive_utc()),
                things::done.eq(true),
            ))
            .execute(&mut held)
            .unwrap();
        diesel::update(things::table)
            .set((things::weight.eq(f64::MAX), things::done.eq(false)))
            .execute(&mut held)
            .unwrap();
    });
    assert_eq!(told, ["INSERT 1", "UPDATE 1"]);
}
