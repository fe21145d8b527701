//! The trail for those who are known: as a list and as a file, who changed a record, a table as it was,
//! and undo. Compiled once for each database.

use audit_core::{Event, LogReader};
use audit_sqlx::LogError;
use audit_store::Trail;
use audit_tower::attachment;
use axum::Router;
use axum::extract::{Json, Path, Query, Request, State};
use axum::http::Uri;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::get;
use sqlx::Pool;
use story::answers::{self, History, Plan, Record, TableThen, Undo};
use story::contract::{At, Filters, Form, Newest, Undoing};

use super::Database;
use crate::api_error::Result;

pub(super) fn routes() -> Router<Pool<Database>> {
    Router::new()
        .route("/audit", get(list))
        .route("/audit/export/{form}", get(export))
        .route("/audit/records/{table}/{*key}", get(history))
        .route("/audit/tables/{table}", get(table_then))
        .route("/audit/requests/{id}/undo", get(plan_undo).post(undo))
        .route_layer(from_fn(authenticated))
}

async fn authenticated(request: Request, next: Next) -> Result<Response> {
    answers::authenticated()?;
    Ok(next.run(request).await)
}

/// The trail, newest first.
async fn list(
    State(pool): State<Pool<Database>>,
    Query(filters): Query<Filters>,
) -> Result<Json<Vec<Event>>> {
    let log = audit_sqlx::log(&pool).matching(filters.into());
    Ok(Json(log.list().await?))
}

/// The trail as a file, page by page as the client takes it.
async fn export(
    State(pool): State<Pool<Database>>,
    Path(form): Path<Form>,
    Query(filters): Query<Filters>,
) -> Result<Response> {
    let format = form.format();
    let headers = format.headers("audit_logs");
    let download = trail(&pool).download(&filters.into(), format).await?;
    Ok(attachment(headers, download))
}

/// Who changed a record, and which fields.
async fn history(
    State(pool): State<Pool<Database>>,
    uri: Uri,
    Query(newest): Query<Newest>,
) -> Result<Json<History>> {
    let record = Record::in_path(uri.path())?;
    let history: Result<History> = History::of(&mut trail(&pool), record, &newest).await;
    history.map(Json)
}

/// A table as it was.
async fn table_then(
    State(pool): State<Pool<Database>>,
    Path(table): Path<String>,
    Query(at): Query<At>,
) -> Result<Json<TableThen>> {
    let then: Result<TableThen> = TableThen::of(&mut trail(&pool), table, &at).await;
    then.map(Json)
}

/// What it takes to take a request back.
async fn plan_undo(
    State(pool): State<Pool<Database>>,
    Path(id): Path<String>,
) -> Result<Json<Plan>> {
    let undo: Result<Undo> = Undo::of(&mut trail(&pool), id).await;
    Ok(Json(undo?.plan()))
}

/// Takes a request back, all of it or nothing, as the actor of this request.
async fn undo(
    State(pool): State<Pool<Database>>,
    Path(id): Path<String>,
    Query(Undoing { reason }): Query<Undoing>,
) -> Result<Json<Plan>> {
    let undo: Result<Undo> = Undo::of(&mut trail(&pool), id).await;
    let undo = undo?;
    let mut transaction = audit_sqlx::begin(&pool).await?;
    let mut writer = audit_sqlx::writer(&mut *transaction);
    let done: Result<Plan> = undo.apply(reason, &mut writer).await;
    let done = done?;
    transaction.commit().await?;
    Ok(Json(done))
}

fn trail(pool: &Pool<Database>) -> Trail<impl LogReader<Error = LogError> + use<>> {
    Trail::of(audit_sqlx::log(pool))
}
