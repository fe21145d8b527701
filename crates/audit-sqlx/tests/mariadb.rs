//! What is special to MySQL and MariaDB.
#![cfg(feature = "mysql")]
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "test code: a failure is a panic"
)]

/// Every test is in here, so that the tests of one server can be chosen by the start of the name.
mod mariadb {
    mod cascades;
    mod failures;
    mod families;
    mod migrations;
    mod probe;
    mod results;
    mod roles;
    mod sessions;
    mod statements;
    mod tables;
    mod values;
    mod world;
}
