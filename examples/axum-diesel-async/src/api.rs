//! The API: the query builder, an upsert, a transaction and raw SQL of diesel-async. Compiled once
//! for each database.

use audit_core::{Event, Severity, context, record_id};
use audit_diesel::asynchronous;
use axum::Router;
use axum::extract::{Json, Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post, put};
use diesel::{ExpressionMethods as _, QueryDsl as _};
use diesel_async::{RunQueryDsl as _, SimpleAsyncConnection as _};
use story::Refusal;
use story::contract::{
    self, Added, Invoice, Line, MOST_LINES, NewName, NewPassword, Reminded, User,
};

use super::models::{NewLine, NewUser, SavedInvoice};
use super::schema::{invoice_lines, invoices, users};
use super::server::Database;
use super::{Connection, SAME_INVOICE, insert_user, trail};
use crate::api_error::Result;

pub(super) fn routes() -> Router<Database> {
    Router::new()
        .route("/users", get(list_users).post(add_user))
        .route("/users/{id}/name", put(rename_user))
        .route("/users/{id}/password", put(change_password))
        .route("/users/tidy", post(tidy_users))
        .route("/invoices/{org}", axum::routing::delete(delete_invoices))
        .route("/invoices/{org}/remind", post(remind))
        .route(
            "/invoices/{org}/{number}",
            post(add_invoice).put(save_invoice),
        )
        .route("/invoices/{org}/{number}/lines", post(add_lines))
        .route("/invoices/{org}/{number}/approve", post(approve))
        .merge(trail::routes())
}

async fn list_users(State(database): State<Database>) -> Result<Json<Vec<User>>> {
    let connection = &mut *database.connection().await?;
    let users: Vec<(i64, String, String)> = users::table
        .order(users::id)
        .select((users::id, users::name, users::email))
        .load(connection)
        .await?;
    Ok(Json(users.into_iter().map(User::from).collect()))
}

async fn add_user(
    State(database): State<Database>,
    Json(user): Json<contract::NewUser>,
) -> Result<(StatusCode, Json<Added>)> {
    let connection = &mut *database.connection().await?;
    let id = insert_user(connection, &NewUser::from(user)).await?;
    Ok((StatusCode::CREATED, Json(Added { id })))
}

async fn rename_user(
    State(database): State<Database>,
    Path(id): Path<i64>,
    Json(user): Json<NewName>,
) -> Result<StatusCode> {
    let connection = &mut *database.connection().await?;
    let user = diesel::update(users::table.find(id)).set(users::name.eq(user.name));
    found(user.execute(connection).await?)
}

async fn change_password(
    State(database): State<Database>,
    Path(id): Path<i64>,
    Json(user): Json<NewPassword>,
) -> Result<StatusCode> {
    let connection = &mut *database.connection().await?;
    let user = diesel::update(users::table.find(id)).set(users::password.eq(user.password));
    found(user.execute(connection).await?)
}

/// Raw SQL over all rows; those that stay as they are make no event. The reason comes with the
/// connection, so it is taken out of the pool where the reason holds.
async fn tidy_users(State(database): State<Database>) -> Result<StatusCode> {
    let tidy = async {
        let connection = &mut *database.connection().await?;
        let tidy = connection.batch_execute("UPDATE users SET email = lower(email)");
        Ok(tidy.await?)
    };
    context::with_reason("one spelling for each address", tidy)
        .await
        .map(|()| StatusCode::NO_CONTENT)
}

async fn add_invoice(
    State(database): State<Database>,
    Path((org, number)): Path<(String, i64)>,
    Json(invoice): Json<Invoice>,
) -> Result<StatusCode> {
    let lines = invoice.lines.clone();
    let invoice = saved(&org, number, invoice)?;
    let connection = &mut *database.connection().await?;
    let done = asynchronous::transaction(
        connection,
        &database.audit,
        async |connection: &mut Connection| {
            diesel::insert_into(invoices::table)
                .values(&invoice)
                .execute(connection)
                .await?;
            insert_lines(connection, &org, number, &lines).await
        },
    );
    done.await?;
    Ok(StatusCode::CREATED)
}

/// An upsert.
async fn save_invoice(
    State(database): State<Database>,
    Path((org, number)): Path<(String, i64)>,
    Json(invoice): Json<Invoice>,
) -> Result<StatusCode> {
    let invoice = saved(&org, number, invoice)?;
    let connection = &mut *database.connection().await?;
    diesel::insert_into(invoices::table)
        .values(&invoice)
        .on_conflict(SAME_INVOICE)
        .do_update()
        .set(&invoice)
        .execute(connection)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

fn saved(org: &str, number: i64, invoice: Invoice) -> Result<SavedInvoice> {
    Ok(SavedInvoice {
        org: org.to_owned(),
        number,
        total: invoice.total()?,
        details: invoice.details,
    })
}

/// Writes first and counts then: one line too many takes all of them back.
async fn add_lines(
    State(database): State<Database>,
    Path((org, number)): Path<(String, i64)>,
    Json(lines): Json<Vec<Line>>,
) -> Result<StatusCode> {
    let connection = &mut *database.connection().await?;
    let done = asynchronous::transaction(
        connection,
        &database.audit,
        async |connection: &mut Connection| {
            insert_lines(connection, &org, number, &lines).await?;
            let count: i64 = invoice_lines::table
                .filter(invoice_lines::org.eq(&org))
                .filter(invoice_lines::number.eq(number))
                .count()
                .get_result(connection)
                .await?;
            match count > i64::from(MOST_LINES) {
                true => Err(Refusal::TooManyLines.into()),
                false => Ok(StatusCode::CREATED),
            }
        },
    );
    done.await
}

async fn insert_lines(
    connection: &mut Connection,
    org: &str,
    number: i64,
    lines: &[Line],
) -> Result<()> {
    for line in lines {
        let line = NewLine {
            org,
            number,
            line_no: line.line_no,
            item: &line.item,
            quantity: line.quantity,
        };
        diesel::insert_into(invoice_lines::table)
            .values(&line)
            .execute(connection)
            .await?;
    }
    Ok(())
}

/// One statement, many rows: each is an event.
async fn remind(
    State(database): State<Database>,
    Path(org): Path<String>,
) -> Result<Json<Reminded>> {
    let connection = &mut *database.connection().await?;
    let open = invoices::table
        .filter(invoices::org.eq(org))
        .filter(invoices::status.eq("open"));
    let done = diesel::update(open).set(invoices::status.eq("reminded"));
    let reminded = done.execute(connection).await? as u64;
    Ok(Json(Reminded { reminded }))
}

/// The change of the row records itself; what it means is recorded beside it.
async fn approve(
    State(database): State<Database>,
    Path((org, number)): Path<(String, i64)>,
) -> Result<StatusCode> {
    let connection = &mut *database.connection().await?;
    let done = asynchronous::transaction(
        connection,
        &database.audit,
        async |connection: &mut Connection| {
            let done = diesel::update(invoices::table.find((&org, number)))
                .set(invoices::status.eq("approved"))
                .execute(connection)
                .await?;
            Refusal::unless(done > 0)?;
            let event = Event::custom("invoice.approved")
                .record("invoices", record_id([org.clone(), number.to_string()]))
                .label("Invoice approved")
                .severity(Severity::High);
            asynchronous::record(connection, event).await?;
            Ok(StatusCode::NO_CONTENT)
        },
    );
    done.await
}

/// The lines go with their invoices, by the foreign key; each is an event.
async fn delete_invoices(
    State(database): State<Database>,
    Path(org): Path<String>,
) -> Result<StatusCode> {
    let connection = &mut *database.connection().await?;
    let invoices = invoices::table.filter(invoices::org.eq(org));
    found(diesel::delete(invoices).execute(connection).await?)
}

fn found(rows: usize) -> Result<StatusCode> {
    Refusal::unless(rows > 0)?;
    Ok(StatusCode::NO_CONTENT)
}
