//! diesel-async: what its pools hand out, what is written through its query builder, and what
//! connections carry. The conformance suite is in `asynchronous.rs`.
#![cfg(all(
    feature = "async-mysql",
    feature = "async-postgres",
    feature = "async-sqlite"
))]

#[path = "asynchronous/adapter.rs"]
mod adapter;
#[path = "adapter/broken.rs"]
mod broken;
#[path = "asynchronous/connections.rs"]
mod connections;
mod dsl {
    #[macro_use]
    mod options;
    #[macro_use]
    mod writes;
    #[macro_use]
    mod mariadb;
    #[macro_use]
    mod postgres;
    #[macro_use]
    mod sqlite;

    mod asynchronous;
    mod tables;
}
#[path = "asynchronous/executors.rs"]
mod executors;
#[path = "asynchronous/pipelines.rs"]
mod pipelines;
#[path = "asynchronous/pool.rs"]
mod pool;
#[path = "asynchronous/pools.rs"]
mod pools;
#[path = "asynchronous/scopes.rs"]
mod scopes;
#[path = "asynchronous/stored.rs"]
mod stored;
mod world;
