//! The rows that Diesel reads and writes, compiled once for each database.

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use serde_json::Value;
use story::contract;

use super::Total;
use super::schema::{invoice_lines, invoices, users};

#[derive(Insertable)]
#[diesel(table_name = users)]
pub(super) struct NewUser {
    name: String,
    email: String,
    password: String,
}

impl From<contract::NewUser> for NewUser {
    fn from(user: contract::NewUser) -> Self {
        Self {
            name: user.name,
            email: user.email,
            password: user.password,
        }
    }
}

/// An invoice to insert, or what is to become of the one that is there.
#[derive(Insertable, AsChangeset)]
#[diesel(table_name = invoices, primary_key(org, number))]
pub(super) struct SavedInvoice {
    pub(super) org: String,
    pub(super) number: i64,
    pub(super) total: Total,
    pub(super) details: Value,
}

#[derive(Insertable)]
#[diesel(table_name = invoice_lines)]
pub(super) struct NewLine<'a> {
    pub(super) org: &'a str,
    pub(super) number: i64,
    pub(super) line_no: i64,
    pub(super) item: &'a str,
    pub(super) quantity: i64,
}

/// How many tables there are that are not ours.
#[derive(QueryableByName)]
pub(super) struct Others {
    #[diesel(sql_type = BigInt)]
    pub(super) others: i64,
}
