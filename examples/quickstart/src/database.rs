//! What differs between databases.
//!
//! The queries of `api.rs` and `schema.rs` are plain sqlx, as an application on one database
//! writes them. Here they serve three: each module below names its database and compiles the same
//! two files for it.

mod mysql;
mod postgres;
mod sqlite;
