//! Every way to write of Diesel's, proved by the suite's oracle: the events that a write left turn
//! the tables as they were into the tables as they are.

#[macro_use]
mod writes;

#[cfg(feature = "mysql")]
mod mariadb;
#[cfg(all(feature = "postgres", feature = "sqlite"))]
mod multi;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;
mod tables;
