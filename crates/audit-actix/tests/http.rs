//! The middleware in a real actix-web server, over real sockets.

#![cfg(test)]

#[path = "http/actor.rs"]
mod actor;
#[path = "http/blocking.rs"]
mod blocking;
#[path = "http/body.rs"]
mod body;
#[path = "http/database.rs"]
mod database;
#[path = "http/denial.rs"]
mod denial;
#[path = "http/errors.rs"]
mod errors;
#[path = "http/facts.rs"]
mod facts;
#[path = "http/isolation.rs"]
mod isolation;
#[path = "http/refusal.rs"]
mod refusal;
#[path = "http/server.rs"]
mod server;
