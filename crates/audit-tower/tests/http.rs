//! The middleware in a real axum server, over real sockets.

#![cfg(test)]

#[path = "http/actor.rs"]
mod actor;
#[path = "http/body.rs"]
mod body;
#[path = "http/denial.rs"]
mod denial;
#[path = "http/existing.rs"]
mod existing;
#[path = "http/facts.rs"]
mod facts;
#[path = "http/isolation.rs"]
mod isolation;
#[path = "http/refusal.rs"]
mod refusal;
#[path = "http/server.rs"]
mod server;
