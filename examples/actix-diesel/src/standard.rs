//! What SQLite and PostgreSQL write alike, compiled once for each.

use diesel::prelude::*;

use super::Connection;
use super::models::NewUser;
use super::schema::{invoices, users};

/// What an upsert of an invoice meets.
pub(super) const SAME_INVOICE: (invoices::org, invoices::number) =
    (invoices::org, invoices::number);

pub(super) fn insert_user(connection: &mut Connection, user: &NewUser) -> QueryResult<i64> {
    diesel::insert_into(users::table)
        .values(user)
        .returning(users::id)
        .get_result(connection)
}
