//! MariaDB and MySQL.

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
#[path = "../trail.rs"]
mod trail;

pub(crate) use server::Server;

use bigdecimal::BigDecimal;
use diesel::dsl::{DuplicatedKeys, sql};
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use models::NewUser;
use schema::users;

schema!(Numeric, Json);

type Connection = MysqlConnection;
type Total = BigDecimal;

const KIND: story::Kind = story::Kind::MySql;

/// What each connection of the pool is told.
const SETTINGS: &str = "SET innodb_lock_wait_timeout = 5";

/// What an upsert of an invoice meets.
const SAME_INVOICE: DuplicatedKeys = DuplicatedKeys;

fn insert_user(connection: &mut Connection, user: &NewUser) -> QueryResult<i64> {
    diesel::insert_into(users::table)
        .values(user)
        .execute(connection)?;
    diesel::select(sql::<BigInt>("CAST(last_insert_id() AS SIGNED)")).get_result(connection)
}
