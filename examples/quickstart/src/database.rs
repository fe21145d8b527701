//! What differs between databases.
//!
//! `api.rs`, `schema.rs` and `trail.rs` are plain sqlx, as an application on one database writes them.
//! Here they serve three: each module below names its database and compiles the same files for it.

mod mysql;
mod postgres;
mod sqlite;
