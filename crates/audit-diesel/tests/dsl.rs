//! Every way to write of Diesel's, proved by the suite's oracle: the events that a write left turn
//! the tables as they were into the tables as they are.
#![expect(clippy::unwrap_used, reason = "test code: a failure is a panic")]

#[path = "dsl/writes.rs"]
#[macro_use]
mod writes;

mod adapter;
#[cfg(feature = "mysql")]
#[path = "dsl/mariadb.rs"]
mod mariadb;
#[cfg(all(feature = "postgres", feature = "sqlite"))]
#[path = "dsl/multi.rs"]
mod multi;
#[cfg(feature = "postgres")]
#[path = "dsl/postgres.rs"]
mod postgres;
#[cfg(feature = "sqlite")]
#[path = "dsl/sqlite.rs"]
mod sqlite;
#[path = "dsl/tables.rs"]
mod tables;
