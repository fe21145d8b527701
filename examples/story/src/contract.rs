//! The HTTP API that every example serves.
//!
//! | request | body | answer |
//! |---|---|---|
//! | `GET /users` | | 200, a list of [`User`] in the order of their ids |
//! | `POST /users` | [`NewUser`] | 201, [`Added`] |
//! | `PUT /users/{id}/name` | [`NewName`] | 204 |
//! | `PUT /users/{id}/password` | [`NewPassword`] | 204 |
//! | `POST /users/tidy` | | 204 |
//! | `POST /invoices/{org}/{number}` | [`Invoice`] | 201 |
//! | `PUT /invoices/{org}/{number}` | [`Invoice`], whose lines are left aside | 204, whether it was there or not |
//! | `POST /invoices/{org}/{number}/lines` | a list of [`Line`] | 201 |
//! | `POST /invoices/{org}/{number}/approve` | | 204 |
//! | `POST /invoices/{org}/remind` | | 200, [`Reminded`] |
//! | `DELETE /invoices/{org}` | | 204 |
//! | `GET /audit` | [`Filters`], as the query | 200, a list of [`Event`](audit_core::Event), newest first |
//! | `GET /audit/export/{form}` | [`Filters`], as the query | 200, the same as a file in a [`Form`]; the limit is the length of a page |
//! | `GET /audit/records/{table}/{key}` | [`Newest`], as the query | 200, a [`History`](crate::answers::History); a key of several columns is several segments |
//! | `GET /audit/tables/{table}` | [`At`], as the query | 200, a [`TableThen`](crate::answers::TableThen) |
//! | `GET /audit/requests/{id}/undo` | | 200, the [`Plan`](crate::answers::Plan) |
//! | `POST /audit/requests/{id}/undo` | [`Undoing`], as the query | 200, the plan, and what was done |
//!
//! Whoever tidies does it with a reason, `one spelling for each address`. An approval records the
//! business event `invoice.approved` beside the change of the row.
//!
//! What cannot be done is answered with the status of a [`Refusal`] and
//! `{"error": ".."}`, a token that does not hold with 401. What is below `/audit` needs a token; an
//! undo against which something stands is answered with 409, `error` and `plan`, and changes nothing.
//! Its changes are events of the request that asked for it, whose id is in the header `x-request-id`:
//! taking that back is the redo. There is no authorisation: anybody may do anything, and it is recorded
//! who did.

use std::str::FromStr;

use audit_core::query::LogQuery;
use audit_store::export::{Csv, Format};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Refusal;

/// The most lines of an invoice.
pub const MOST_LINES: u32 = 3;
/// The most events or records of one answer about a record or a table.
pub const MOST_LISTED: u32 = 1000;
/// How many there are unless asked for.
const LISTED: u32 = 100;

/// A user to add.
#[derive(Debug, Clone, Deserialize)]
pub struct NewUser {
    /// What the user is called.
    pub name: String,
    /// Where to write to.
    pub email: String,
    /// Kept as it comes, to show that the log does not; an application keeps a salted hash.
    pub password: String,
}

/// The id of what was added.
#[derive(Debug, Clone, Serialize)]
pub struct Added {
    /// The id.
    pub id: i64,
}

/// A user as others see it.
#[derive(Debug, Clone, Serialize)]
pub struct User {
    /// Its id.
    pub id: i64,
    /// What the user is called.
    pub name: String,
    /// Where to write to.
    pub email: String,
}

impl From<(i64, String, String)> for User {
    fn from((id, name, email): (i64, String, String)) -> Self {
        Self { id, name, email }
    }
}

/// What a user is called from now on.
#[derive(Debug, Clone, Deserialize)]
pub struct NewName {
    /// The name.
    pub name: String,
}

/// What a user signs in with from now on.
#[derive(Debug, Clone, Deserialize)]
pub struct NewPassword {
    /// As in [`NewUser`].
    pub password: String,
}

/// An invoice to add, or what is to become of one.
#[derive(Debug, Clone, Deserialize)]
pub struct Invoice {
    /// A decimal, such as `199.90`; see [`Invoice::total()`].
    pub total: String,
    /// Any JSON.
    pub details: Value,
    /// What is sold; may be left out.
    #[serde(default)]
    pub lines: Vec<Line>,
}

impl Invoice {
    /// The total, in the type that a database library has for decimals; texts are one.
    ///
    /// # Errors
    /// [`Refusal::NoTotal`] when it is no decimal of at most ten digits and two more behind a point.
    pub fn total<T: FromStr>(&self) -> Result<T, Refusal> {
        let (whole, rest) = self.total.split_once('.').unwrap_or((&self.total, "0"));
        let are_digits = |text: &str, most| {
            (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
        };
        let total = self.total.parse().ok();
        total
            .filter(|_| are_digits(whole, 10) && are_digits(rest, 2))
            .ok_or_else(|| Refusal::NoTotal(self.total.clone()))
    }
}

/// A line of an invoice, which has at most [`MOST_LINES`].
#[derive(Debug, Clone, Deserialize)]
pub struct Line {
    /// Its place in the invoice.
    pub line_no: i64,
    /// What is sold.
    pub item: String,
    /// How many.
    pub quantity: i64,
}

/// What became of open invoices.
#[derive(Debug, Clone, Serialize)]
pub struct Reminded {
    /// How many there were.
    pub reminded: u64,
}

/// Which events to list; without a filter the newest of all.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filters {
    table: Option<String>,
    record: Option<String>,
    actor: Option<String>,
    request: Option<String>,
    since: Option<String>,
    until: Option<String>,
    limit: Option<u32>,
}

impl From<Filters> for LogQuery {
    fn from(filters: Filters) -> Self {
        let mut query = Self::new();
        if let Some(table) = filters.table {
            query = query.table(table);
        }
        if let Some(record) = filters.record {
            query = query.record(record);
        }
        if let Some(actor) = filters.actor {
            query = query.actor(actor);
        }
        if let Some(request) = filters.request {
            query = query.request(request);
        }
        if let Some(since) = filters.since {
            query = query.since(since);
        }
        if let Some(until) = filters.until {
            query = query.until(until);
        }
        if let Some(limit) = filters.limit {
            query = query.limit(limit);
        }
        query
    }
}

/// How many of the newest events of a record are asked for.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Newest {
    limit: Option<u32>,
}

impl Newest {
    /// How many at most; 100 unless asked for.
    ///
    /// # Errors
    /// [`Refusal::NoLimit`] for none, and for more than [`MOST_LISTED`].
    pub(crate) fn limit(&self) -> Result<usize, Refusal> {
        listed(self.limit)
    }
}

/// When a table is looked at.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct At {
    /// `90m` before now, `yesterday`, `monday`, `2026-01-31`, or an instant such as
    /// `2026-01-31T09:00:00Z`; a day is its beginning, in UTC.
    pub(crate) at: String,
    limit: Option<u32>,
}

impl At {
    /// As [`Newest::limit`].
    pub(crate) fn limit(&self) -> Result<usize, Refusal> {
        listed(self.limit)
    }
}

fn listed(limit: Option<u32>) -> Result<usize, Refusal> {
    let limit = limit.unwrap_or(LISTED);
    match limit {
        1..=MOST_LISTED => Ok(limit as usize),
        _ => Err(Refusal::NoLimit(limit)),
    }
}

/// How a request is taken back.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Undoing {
    /// Why; kept with its events.
    pub reason: Option<String>,
}

/// The form of a file.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// See [`Format::CloudEvents`].
    CloudEvents,
    /// See [`Format::Csv`].
    Csv,
    /// See [`Format::Ecs`].
    Ecs,
    /// See [`Format::Json`].
    Json,
    /// See [`Format::Ndjson`].
    Ndjson,
    /// See [`Format::Ocsf`].
    Ocsf,
}

impl Form {
    /// The format, which writes the file.
    #[must_use]
    pub fn format(self) -> Format {
        match self {
            Self::CloudEvents => Format::CloudEvents,
            Self::Csv => Format::Csv(Csv::default()),
            Self::Ecs => Format::Ecs,
            Self::Json => Format::Json,
            Self::Ndjson => Format::Ndjson,
            Self::Ocsf => Format::Ocsf,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_total_is_a_decimal_of_two_places() {
        fn total<T: FromStr>(text: &str) -> Result<T, Refusal> {
            let body = format!(r#"{{"total": "{text}", "details": null}}"#);
            serde_json::from_str::<Invoice>(&body).unwrap().total()
        }
        for text in ["0", "199.90", "0.1", "9999999999.99"] {
            let total: String = total(text).unwrap();
            assert_eq!(total, text);
        }
        for text in ["", ".5", "1.", "1.234", "-1", "1e3", "10000000000", "a lot"] {
            assert!(total::<String>(text).is_err(), "{text}");
        }
    }
}
