//! The statements that put the context on a connection, where the triggers read it, and take it
//! off.

pub mod mysql;
pub mod postgres;
pub mod sqlite;
