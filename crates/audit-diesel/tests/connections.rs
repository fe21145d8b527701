//! What a connection carries, in a pool and without one.
#![expect(clippy::unwrap_used, reason = "test code: a failure is a panic")]

#[path = "connections/world.rs"]
#[macro_use]
mod world;

#[cfg(feature = "mysql")]
#[path = "connections/mariadb.rs"]
mod mariadb;
#[cfg(feature = "postgres")]
#[path = "connections/postgres.rs"]
mod postgres;
#[cfg(feature = "sqlite")]
#[path = "connections/sqlite.rs"]
mod sqlite;
