//! The shop's tables in a database of their own, made by SeaORM from its entities.

use std::ops::Deref;

use audit_core::Event;
use audit_testkit::{Adapter, Server, World, alice, in_words};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbErr, EntityTrait, QueryResult, Schema, Set, Statement,
    StreamTrait, TransactionTrait,
};

use crate::adapter::{Audited, SeaOrm};
use crate::entities::{customer, customer_tag, line, purchase, tag};

/// An adapter with what SeaORM runs statements on.
pub(crate) trait Sea: Adapter {
    type Connection: ConnectionTrait + StreamTrait + TransactionTrait;

    fn connection(&self) -> &Self::Connection;

    fn plain(&self) -> &DatabaseConnection;
}

impl<DB> Sea for SeaOrm<DB>
where
    Self: Adapter,
{
    type Connection = DatabaseConnection;

    fn connection(&self) -> &DatabaseConnection {
        &self.connection
    }

    fn plain(&self) -> &DatabaseConnection {
        &self.connection
    }
}

impl<DB> Sea for Audited<DB>
where
    Self: Adapter,
{
    type Connection = audit_seaorm::AuditedConnection;

    fn connection(&self) -> &audit_seaorm::AuditedConnection {
        &self.connection
    }

    fn plain(&self) -> &DatabaseConnection {
        self.connection.as_connection()
    }
}

/// One whose connection is SeaORM's own.
pub(crate) trait Plain: Sea<Connection = DatabaseConnection> {}

impl<A: Sea<Connection = DatabaseConnection>> Plain for A {}

/// A database with the shop's tables, attached and migrated.
pub(crate) struct Shop<A> {
    pub(crate) world: World<A>,
}

impl<A: Sea> Deref for Shop<A> {
    type Target = DatabaseConnection;

    fn deref(&self) -> &Self::Target {
        self.world.adapter.plain()
    }
}

impl<A: Sea> Shop<A> {
    pub(crate) async fn open(server: Server) -> Self {
        let world = World::<A>::unmigrated(server, "", 1, |audit| audit).await;
        let shop = Self { world };
        shop.create(customer::Entity).await;
        shop.create(purchase::Entity).await;
        shop.create(line::Entity).await;
        shop.create(tag::Entity).await;
        shop.create(customer_tag::Entity).await;
        shop.world.migrate().await;
        shop
    }

    async fn create(&self, entity: impl EntityTrait) {
        let schema = Schema::new(self.get_database_backend());
        for statement in schema.create_enum_from_entity(entity) {
            self.execute(&statement).await.unwrap();
        }
        let table = schema.create_table_from_entity(entity);
        self.execute(&table).await.unwrap();
    }

    /// Does work as Alice and proves that the events tell exactly what changed and by whom; gives
    /// each as operation and table.
    pub(crate) async fn prove(
        &self,
        work: impl AsyncFnOnce(&A::Connection) -> Result<(), DbErr>,
    ) -> Vec<String> {
        let events = self.events(work).await;
        let words = events.iter().map(|event| {
            let table = event.table_name.as_deref().unwrap_or_default();
            format!("{} {table}", event.operation.as_str())
        });
        words.collect()
    }

    /// The same, which gives the events.
    pub(crate) async fn events(
        &self,
        work: impl AsyncFnOnce(&A::Connection) -> Result<(), DbErr>,
    ) -> Vec<Event> {
        let prove = self.world.prove(async |adapter| {
            alice().scope(work(adapter.connection())).await.unwrap();
        });
        let events = prove.await;
        assert!(
            events
                .iter()
                .all(|event| event.actor_id.as_deref() == Some("alice")),
            "{}",
            in_words(&events)
        );
        events
    }

    /// One row of a query without binds.
    pub(crate) async fn row(&self, connection: &impl ConnectionTrait, sql: &str) -> QueryResult {
        let statement = Statement::from_string(self.get_database_backend(), sql);
        connection.query_one_raw(statement).await.unwrap().unwrap()
    }
}

/// A customer who is not there yet.
pub(crate) fn customer(email: &str) -> customer::ActiveModel {
    customer::ActiveModel {
        email: Set(email.to_owned()),
        tier: Set(customer::Tier::Basic),
        balance: Set("10.5000".parse().unwrap()),
        is_open: Set(true),
        ..Default::default()
    }
}

/// A line of an order.
pub(crate) fn line(number: i32, item: &str) -> line::ActiveModel {
    line::ActiveModel {
        org: Set("acme".to_owned()),
        number: Set(number),
        item: Set(item.to_owned()),
    }
}
