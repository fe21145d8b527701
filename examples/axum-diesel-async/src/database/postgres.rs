//! PostgreSQL.

#[expect(clippy::duplicate_mod, reason = "compiled once for each database")]
#[path = "../api.rs"]
mod api;
#[expect(clippy::duplicate_mod, reason = "compiled once for each database")]
#[path = "../models.rs"]
mod models;
#[expect(clippy::duplicate_mod, reason = "compiled once for each database")]
#[path = "../server.rs"]
mod server;
#[expect(clippy::duplicate_mod, reason = "compiled once for each database")]
#[path = "../standard.rs"]
mod standard;
#[expect(clippy::duplicate_mod, reason = "compiled once for each database")]
#[path = "../trail.rs"]
mod trail;

pub(crate) use server::Server;

use bigdecimal::BigDecimal;
use diesel_async::AsyncPgConnection;

use standard::{SAME_INVOICE, insert_user};

schema!(Numeric, Jsonb);

type Connection = AsyncPgConnection;
type Total = BigDecimal;

const KIND: story::Kind = story::Kind::Postgres;

/// What each connection is told.
const SETTINGS: &str = "SET lock_timeout = '5s'";
