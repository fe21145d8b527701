//! The API: entities, bulk statements, a transaction and raw SQL of SeaORM.

use audit_core::{Event, Severity, context, record_id};
use axum::Router;
use axum::extract::{Json, Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post, put};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait, DatabaseConnection, EntityTrait as _,
    NotSet, PaginatorTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, Set,
    Unchanged,
};
use story::Refusal;
use story::contract::{
    Added, Invoice, Line, MOST_LINES, NewName, NewPassword, NewUser, Reminded, User,
};

use crate::api_error::Result;
use crate::entities::{invoice_lines, invoices, users};
use crate::trail;

pub(crate) fn routes() -> Router<DatabaseConnection> {
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

async fn list_users(State(connection): State<DatabaseConnection>) -> Result<Json<Vec<User>>> {
    let users = users::Entity::find()
        .order_by_asc(users::Column::Id)
        .select_only()
        .columns([users::Column::Id, users::Column::Name, users::Column::Email])
        .into_tuple::<(i64, String, String)>()
        .all(&connection)
        .await?;
    Ok(Json(users.into_iter().map(User::from).collect()))
}

async fn add_user(
    State(connection): State<DatabaseConnection>,
    Json(user): Json<NewUser>,
) -> Result<(StatusCode, Json<Added>)> {
    let user = users::ActiveModel {
        id: NotSet,
        name: Set(user.name),
        email: Set(user.email),
        password: Set(user.password),
    };
    let user = user.insert(&connection).await?;
    Ok((StatusCode::CREATED, Json(Added { id: user.id })))
}

async fn rename_user(
    State(connection): State<DatabaseConnection>,
    Path(id): Path<i64>,
    Json(user): Json<NewName>,
) -> Result<StatusCode> {
    let user = users::ActiveModel {
        id: Unchanged(id),
        name: Set(user.name),
        ..Default::default()
    };
    user.update(&connection).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn change_password(
    State(connection): State<DatabaseConnection>,
    Path(id): Path<i64>,
    Json(user): Json<NewPassword>,
) -> Result<StatusCode> {
    let user = users::ActiveModel {
        id: Unchanged(id),
        password: Set(user.password),
        ..Default::default()
    };
    user.update(&connection).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Raw SQL over all rows; those that stay as they are make no event.
async fn tidy_users(State(connection): State<DatabaseConnection>) -> Result<StatusCode> {
    let tidy = connection.execute_unprepared("UPDATE users SET email = lower(email)");
    context::with_reason("one spelling for each address", tidy).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn add_invoice(
    State(connection): State<DatabaseConnection>,
    Path((org, number)): Path<(String, i64)>,
    Json(invoice): Json<Invoice>,
) -> Result<StatusCode> {
    let transaction = audit_seaorm::begin(&connection).await?;
    invoices::Entity::insert(model(&org, number, &invoice)?)
        .exec_without_returning(&transaction)
        .await?;
    insert_lines(&transaction, &org, number, invoice.lines).await?;
    transaction.commit().await?;
    Ok(StatusCode::CREATED)
}

/// An upsert.
async fn save_invoice(
    State(connection): State<DatabaseConnection>,
    Path((org, number)): Path<(String, i64)>,
    Json(invoice): Json<Invoice>,
) -> Result<StatusCode> {
    let update = OnConflict::columns([invoices::Column::Org, invoices::Column::Number])
        .update_columns([invoices::Column::Total, invoices::Column::Details])
        .to_owned();
    invoices::Entity::insert(model(&org, number, &invoice)?)
        .on_conflict(update)
        .exec_without_returning(&connection)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

fn model(org: &str, number: i64, invoice: &Invoice) -> Result<invoices::ActiveModel> {
    Ok(invoices::ActiveModel {
        org: Set(org.to_owned()),
        number: Set(number),
        total: Set(invoice.total()?),
        status: NotSet,
        details: Set(invoice.details.clone()),
    })
}

/// Writes first and counts then: one line too many takes all of them back.
async fn add_lines(
    State(connection): State<DatabaseConnection>,
    Path((org, number)): Path<(String, i64)>,
    Json(lines): Json<Vec<Line>>,
) -> Result<StatusCode> {
    let transaction = audit_seaorm::begin(&connection).await?;
    insert_lines(&transaction, &org, number, lines).await?;
    let count = invoice_lines::Entity::find()
        .filter(invoice_lines::Column::Org.eq(&org))
        .filter(invoice_lines::Column::Number.eq(number))
        .count(&transaction)
        .await?;
    if count > u64::from(MOST_LINES) {
        transaction.rollback().await?;
        return Err(Refusal::TooManyLines.into());
    }
    transaction.commit().await?;
    Ok(StatusCode::CREATED)
}

/// One statement, many rows: each is an event.
async fn insert_lines(
    connection: &impl ConnectionTrait,
    org: &str,
    number: i64,
    lines: Vec<Line>,
) -> Result<()> {
    let lines = lines.into_iter().map(|line| invoice_lines::ActiveModel {
        org: Set(org.to_owned()),
        number: Set(number),
        line_no: Set(line.line_no),
        item: Set(line.item),
        quantity: Set(line.quantity),
    });
    let insert = invoice_lines::Entity::insert_many(lines);
    insert.exec_without_returning(connection).await?;
    Ok(())
}

/// One statement, many rows: each is an event.
async fn remind(
    State(connection): State<DatabaseConnection>,
    Path(org): Path<String>,
) -> Result<Json<Reminded>> {
    let done = invoices::Entity::update_many()
        .col_expr(invoices::Column::Status, Expr::value("reminded"))
        .filter(invoices::Column::Org.eq(org))
        .filter(invoices::Column::Status.eq("open"))
        .exec(&connection)
        .await?;
    let reminded = done.rows_affected;
    Ok(Json(Reminded { reminded }))
}

/// The change of the row records itself; what it means is recorded beside it.
async fn approve(
    State(connection): State<DatabaseConnection>,
    Path((org, number)): Path<(String, i64)>,
) -> Result<StatusCode> {
    let transaction = audit_seaorm::begin(&connection).await?;
    let done = invoices::Entity::update_many()
        .col_expr(invoices::Column::Status, Expr::value("approved"))
        .filter(invoices::Column::Org.eq(&org))
        .filter(invoices::Column::Number.eq(number))
        .exec(&transaction)
        .await?;
    Refusal::unless(done.rows_affected > 0)?;
    let event = Event::custom("invoice.approved")
        .record("invoices", record_id([org, number.to_string()]))
        .label("Invoice approved")
        .severity(Severity::High);
    audit_seaorm::record(&transaction, event).await?;
    transaction.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The lines go with their invoices, by the foreign key; each is an event.
async fn delete_invoices(
    State(connection): State<DatabaseConnection>,
    Path(org): Path<String>,
) -> Result<StatusCode> {
    let done = invoices::Entity::delete_many()
        .filter(invoices::Column::Org.eq(org))
        .exec(&connection)
        .await?;
    Refusal::unless(done.rows_affected > 0)?;
    Ok(StatusCode::NO_CONTENT)
}
