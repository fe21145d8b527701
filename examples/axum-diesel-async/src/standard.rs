//! What SQLite and PostgreSQL write alike, compiled once for each.

use diesel::QueryResult;
use diesel_async::RunQueryDsl as _;

use super::Connection;
use super::models::NewUser;
use super::schema::{invoices, users};

/// What an upsert of an invoice meets.
pub(super) const SAME_INVOICE: (invoices::org, invoices::number) =
    (invoices::org, invoices::number);

pub(super) async fn insert_user(connection: &mut Connection, user: &NewUser) -> QueryResult<i64> {
    diesel::insert_into(users::table)
        .values(user)
        .returning(users::id)
        .get_result(connection)
        .await
}
