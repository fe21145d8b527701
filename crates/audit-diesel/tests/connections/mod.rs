//! What a connection carries, in a pool and without one.

#[macro_use]
mod executors;
#[macro_use]
mod interact;
#[macro_use]
mod manager;
#[macro_use]
mod stored;
#[macro_use]
mod world;

#[cfg(feature = "mysql")]
mod mariadb;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;
