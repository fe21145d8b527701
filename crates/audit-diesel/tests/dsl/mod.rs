//! Every way to write of Diesel's, proved by the suite's oracle: the events that a write left turn
//! the tables as they were into the tables as they are.

#[macro_use]
mod options;
#[macro_use]
mod writes;
#[cfg(feature = "mysql")]
#[macro_use]
mod mariadb;
#[cfg(feature = "postgres")]
#[macro_use]
mod postgres;
#[cfg(feature = "sqlite")]
#[macro_use]
mod sqlite;

mod blocking;
#[cfg(all(feature = "postgres", feature = "sqlite"))]
mod multi;
mod tables;
