//! One type for connections of several databases.

use audit_testkit::{Server, TestDatabase};
use diesel::prelude::*;

use crate::dsl::tables::{TABLES, carla, people, person, told};

/// A connection to either.
#[derive(diesel::MultiConnection)]
enum Either {
    Postgres(PgConnection),
    Sqlite(SqliteConnection),
}

async fn either_is_audited(server: Server) {
    let database = TestDatabase::create(server).await;
    // Stays open: the last one that closes locks a file of SQLite for a moment, and Diesel's own do
    // not wait.
    let mut raw = database.raw().await;
    raw.run(TABLES).await;
    let url = database.url().to_owned();
    let work = move || {
        let audit = audit_core::Audit::builder().build().unwrap();
        let mut connection = match server {
            Server::Sqlite => Either::Sqlite(audit_diesel::establish(&url, &audit).unwrap()),
            _ => Either::Postgres(audit_diesel::establish(&url, &audit).unwrap()),
        };
        match &mut connection {
            Either::Postgres(inner) => audit_diesel::migrate(inner, &audit).unwrap(),
            Either::Sqlite(inner) => audit_diesel::migrate(inner, &audit).unwrap(),
        };
        diesel::insert_into(people::table)
            .values(person(1, "a"))
            .execute(&mut connection)
            .unwrap();
        diesel::update(people::table.find(1))
            .set(people::name.eq("b"))
            .execute(&mut connection)
            .unwrap();
        match &mut connection {
            Either::Postgres(inner) => audit_diesel::log(inner).oldest_first().load().unwrap(),
            Either::Sqlite(inner) => audit_diesel::log(inner).oldest_first().load().unwrap(),
        }
    };
    let events = carla()
        .scope(async { audit_core::context::spawn_blocking(work).await })
        .await;
    assert_eq!(told(&events.unwrap()), ["INSERT 1", "UPDATE 1"]);
}

mod sqlite {
    #[tokio::test(flavor = "multi_thread")]
    async fn either_is_audited() {
        super::either_is_audited(audit_testkit::Server::Sqlite).await;
    }
}

mod postgres15 {
    #[tokio::test(flavor = "multi_thread")]
    async fn either_is_audited() {
        super::either_is_audited(audit_testkit::Server::Postgres15).await;
    }
}
