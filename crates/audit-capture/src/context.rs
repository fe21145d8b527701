//! The statements that put the context on a connection, where the triggers read it, and take it
//! off. SQLite needs none: its functions are called with binds.

pub mod mysql;
pub mod postgres;
