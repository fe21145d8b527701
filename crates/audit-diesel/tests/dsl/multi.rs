//! One type for connections of several databases.

use audit_core::Audit;
use audit_diesel::AttachError;
use audit_testkit::{Server, TestDatabase};
use diesel::connection::{SimpleConnection as _, TransactionManager as _};
use diesel::prelude::*;
use diesel::r2d2::{self, ConnectionManager, CustomizeConnection, Pool, PooledConnection};
use diesel::result::Error;

use crate::dsl::tables::{TABLES, carla, people, person, told};
use crate::world::{actors, audit, insertion, user};

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
        let audit = Audit::builder().build().unwrap();
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

/// Attaches each connection that a pool opens.
#[derive(Debug)]
struct Attaches(Audit);

impl CustomizeConnection<Either, r2d2::Error> for Attaches {
    fn on_acquire(&self, connection: &mut Either) -> Result<(), r2d2::Error> {
        let attached = match connection {
            Either::Postgres(inner) => audit_diesel::attach(inner, &self.0),
            Either::Sqlite(inner) => audit_diesel::attach(inner, &self.0),
        };
        attached.map_err(|error| match error {
            AttachError::Database(error) => error.into(),
            other => Error::QueryBuilderError(Box::new(other)).into(),
        })
    }
}

/// Takes a connection out of a pool and puts the context on it.
fn take(pool: &Pool<ConnectionManager<Either>>) -> PooledConnection<ConnectionManager<Either>> {
    let mut connection = pool.get().unwrap();
    match &mut *connection {
        Either::Postgres(inner) => audit_diesel::stamp(inner).unwrap(),
        Either::Sqlite(inner) => audit_diesel::stamp(inner).unwrap(),
    }
    connection
}

/// As the README has it for a pool.
async fn either_is_stamped(server: Server) {
    let database = crate::world::database(server).await;
    let url = database.url().to_owned();
    let work = move || {
        drop(audit_diesel::establish::<SqliteConnection>(":memory:", audit()).unwrap());
        let pool = Pool::builder().max_size(1);
        let pool = pool.connection_customizer(Box::new(Attaches(audit().clone())));
        let pool = pool.build(ConnectionManager::<Either>::new(&url)).unwrap();
        match &mut *pool.get().unwrap() {
            Either::Postgres(inner) => audit_diesel::migrate(inner, audit()).unwrap(),
            Either::Sqlite(inner) => audit_diesel::migrate(inner, audit()).unwrap(),
        };
        for (name, id) in [("alice", 1), ("bob", 2)] {
            let insert = || take(&pool).batch_execute(&insertion(id)).unwrap();
            user(name).sync_scope(insert);
        }
        let mut held = take(&pool);
        held.batch_execute(&insertion(3)).unwrap();
        user("carla").sync_scope(|| {
            match &mut *held {
                Either::Postgres(inner) => audit_diesel::begin(inner, audit()),
                Either::Sqlite(inner) => audit_diesel::begin(inner, audit()),
            }
            .unwrap();
        });
        held.batch_execute(&insertion(4)).unwrap();
        <Either as Connection>::TransactionManager::commit_transaction(&mut *held).unwrap();
        match &mut *held {
            Either::Postgres(inner) => audit_diesel::log(inner).oldest_first().load().unwrap(),
            Either::Sqlite(inner) => audit_diesel::log(inner).oldest_first().load().unwrap(),
        }
    };
    let events = tokio::task::spawn_blocking(work).await.unwrap();
    assert_eq!(actors(&events), ["alice", "bob", "", "carla"]);
}

mod sqlite {
    #[tokio::test(flavor = "multi_thread")]
    async fn either_is_audited() {
        super::either_is_audited(audit_testkit::Server::Sqlite).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn either_is_stamped() {
        super::either_is_stamped(audit_testkit::Server::Sqlite).await;
    }
}

mod postgres15 {
    #[tokio::test(flavor = "multi_thread")]
    async fn either_is_audited() {
        super::either_is_audited(audit_testkit::Server::Postgres15).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn either_is_stamped() {
        super::either_is_stamped(audit_testkit::Server::Postgres15).await;
    }
}
