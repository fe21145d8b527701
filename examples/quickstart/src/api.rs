//! The API: plain sqlx queries, compiled once for each database.

use audit_core::{Event, Severity, context, record_id};
use axum::Router;
use axum::extract::{Json, Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post, put};
use sqlx::Pool;
use story::Refusal;
use story::contract::{
    Added, Invoice, Line, MOST_LINES, NewName, NewPassword, NewUser, Reminded, User,
};

use super::{ADD_INVOICE, Database, SAVE_INVOICE, sql, trail};
use crate::api_error::Result;

pub(super) fn routes() -> Router<Pool<Database>> {
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

async fn list_users(State(pool): State<Pool<Database>>) -> Result<Json<Vec<User>>> {
    let users: Vec<(i64, String, String)> =
        sqlx::query_as("SELECT id, name, email FROM users ORDER BY id")
            .fetch_all(&pool)
            .await?;
    Ok(Json(users.into_iter().map(User::from).collect()))
}

async fn add_user(
    State(pool): State<Pool<Database>>,
    Json(user): Json<NewUser>,
) -> Result<(StatusCode, Json<Added>)> {
    let insert = "INSERT INTO users (name, email, password) VALUES (?, ?, ?) RETURNING id";
    let id: i64 = sqlx::query_scalar(sql(insert))
        .bind(user.name)
        .bind(user.email)
        .bind(user.password)
        .fetch_one(&pool)
        .await?;
    Ok((StatusCode::CREATED, Json(Added { id })))
}

async fn rename_user(
    State(pool): State<Pool<Database>>,
    Path(id): Path<i64>,
    Json(user): Json<NewName>,
) -> Result<StatusCode> {
    let done = sqlx::query(sql("UPDATE users SET name = ? WHERE id = ?"))
        .bind(user.name)
        .bind(id)
        .execute(&pool)
        .await?;
    found(done.rows_affected())
}

async fn change_password(
    State(pool): State<Pool<Database>>,
    Path(id): Path<i64>,
    Json(user): Json<NewPassword>,
) -> Result<StatusCode> {
    let done = sqlx::query(sql("UPDATE users SET password = ? WHERE id = ?"))
        .bind(user.password)
        .bind(id)
        .execute(&pool)
        .await?;
    found(done.rows_affected())
}

/// Raw SQL over all rows; those that stay as they are make no event.
async fn tidy_users(State(pool): State<Pool<Database>>) -> Result<StatusCode> {
    let tidy = sqlx::raw_sql("UPDATE users SET email = lower(email)").execute(&pool);
    context::with_reason("one spelling for each address", tidy).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn add_invoice(
    State(pool): State<Pool<Database>>,
    Path((org, number)): Path<(String, i64)>,
    Json(invoice): Json<Invoice>,
) -> Result<StatusCode> {
    let mut transaction = audit_sqlx::begin(&pool).await?;
    sqlx::query(sql(ADD_INVOICE))
        .bind(&org)
        .bind(number)
        .bind(invoice.total::<String>()?)
        .bind(sqlx::types::Json(&invoice.details))
        .execute(&mut *transaction)
        .await?;
    for line in &invoice.lines {
        insert_line(&mut transaction, &org, number, line).await?;
    }
    transaction.commit().await?;
    Ok(StatusCode::CREATED)
}

async fn save_invoice(
    State(pool): State<Pool<Database>>,
    Path((org, number)): Path<(String, i64)>,
    Json(invoice): Json<Invoice>,
) -> Result<StatusCode> {
    sqlx::query(sql(SAVE_INVOICE))
        .bind(org)
        .bind(number)
        .bind(invoice.total::<String>()?)
        .bind(sqlx::types::Json(invoice.details))
        .execute(&pool)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Writes first and counts then: one line too many takes all of them back.
async fn add_lines(
    State(pool): State<Pool<Database>>,
    Path((org, number)): Path<(String, i64)>,
    Json(lines): Json<Vec<Line>>,
) -> Result<StatusCode> {
    let mut transaction = audit_sqlx::begin(&pool).await?;
    for line in &lines {
        insert_line(&mut transaction, &org, number, line).await?;
    }
    let count = "SELECT count(*) FROM invoice_lines WHERE org = ? AND number = ?";
    let count: i64 = sqlx::query_scalar(sql(count))
        .bind(&org)
        .bind(number)
        .fetch_one(&mut *transaction)
        .await?;
    if count > i64::from(MOST_LINES) {
        transaction.rollback().await?;
        return Err(Refusal::TooManyLines.into());
    }
    transaction.commit().await?;
    Ok(StatusCode::CREATED)
}

async fn insert_line(
    connection: &mut <Database as sqlx::Database>::Connection,
    org: &str,
    number: i64,
    line: &Line,
) -> Result<()> {
    let insert = "INSERT INTO invoice_lines (org, number, line_no, item, quantity) \
                  VALUES (?, ?, ?, ?, ?)";
    sqlx::query(sql(insert))
        .bind(org)
        .bind(number)
        .bind(line.line_no)
        .bind(&line.item)
        .bind(line.quantity)
        .execute(connection)
        .await?;
    Ok(())
}

/// One statement, many rows: each is an event.
async fn remind(
    State(pool): State<Pool<Database>>,
    Path(org): Path<String>,
) -> Result<Json<Reminded>> {
    let update = "UPDATE invoices SET status = 'reminded' WHERE org = ? AND status = 'open'";
    let done = sqlx::query(sql(update)).bind(org).execute(&pool).await?;
    let reminded = done.rows_affected();
    Ok(Json(Reminded { reminded }))
}

/// The change of the row records itself; what it means is recorded beside it.
async fn approve(
    State(pool): State<Pool<Database>>,
    Path((org, number)): Path<(String, i64)>,
) -> Result<StatusCode> {
    let mut transaction = audit_sqlx::begin(&pool).await?;
    let update = "UPDATE invoices SET status = 'approved' WHERE org = ? AND number = ?";
    let done = sqlx::query(sql(update))
        .bind(&org)
        .bind(number)
        .execute(&mut *transaction)
        .await?;
    found(done.rows_affected())?;
    let event = Event::custom("invoice.approved")
        .record("invoices", record_id([org, number.to_string()]))
        .label("Invoice approved")
        .severity(Severity::High);
    audit_sqlx::record(&mut *transaction, event).await?;
    transaction.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The lines go with their invoices, by the foreign key; each is an event.
async fn delete_invoices(
    State(pool): State<Pool<Database>>,
    Path(org): Path<String>,
) -> Result<StatusCode> {
    let done = sqlx::query(sql("DELETE FROM invoices WHERE org = ?"))
        .bind(org)
        .execute(&pool)
        .await?;
    found(done.rows_affected())
}

fn found(rows: u64) -> Result<StatusCode> {
    Refusal::unless(rows > 0)?;
    Ok(StatusCode::NO_CONTENT)
}
