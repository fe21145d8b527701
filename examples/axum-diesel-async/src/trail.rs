//! The trail for those who are known: as a list and as a file, who changed a record, a table as it was,
//! and undo. Compiled once for each database.

use audit_core::Event;
use audit_diesel::asynchronous;
use audit_store::Trail;
use audit_store::export::{Download, Progress};
use audit_tower::attachment;
use axum::Router;
use axum::extract::{Json, Path, Query, Request, State};
use axum::http::Uri;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::get;
use story::answers::{self, History, Plan, Record, TableThen, Undo};
use story::contract::{At, Filters, Form, Newest, Undoing};

use super::Connection;
use super::server::Database;
use crate::api_error::{ApiError, Result};

pub(super) fn routes() -> Router<Database> {
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
    State(database): State<Database>,
    Query(filters): Query<Filters>,
) -> Result<Json<Vec<Event>>> {
    let connection = &mut *database.connection().await?;
    let log = asynchronous::log(connection).matching(filters.into());
    Ok(Json(log.list().await?))
}

/// The trail as a file, page by page as the client takes it; a connection is taken for each.
async fn export(
    State(database): State<Database>,
    Path(form): Path<Form>,
    Query(filters): Query<Filters>,
) -> Result<Response> {
    let format = form.format();
    let headers = format.headers("audit_logs");
    let progress = Progress::new(&filters.into(), format);
    let download = Download::by(
        (database, progress),
        |(database, mut progress)| async move {
            let connection = &mut *database.connection().await?;
            let mut trail = Trail::of(asynchronous::log(connection));
            let piece = progress.next(&mut trail).await?;
            Ok::<_, ApiError>((piece, (database, progress)))
        },
    );
    Ok(attachment(headers, download.await?))
}

/// Who changed a record, and which fields.
async fn history(
    State(database): State<Database>,
    uri: Uri,
    Query(newest): Query<Newest>,
) -> Result<Json<History>> {
    let record = Record::in_path(uri.path())?;
    let connection = &mut *database.connection().await?;
    let history: Result<History> = History::of(
        &mut Trail::of(asynchronous::log(connection)),
        record,
        &newest,
    )
    .await;
    history.map(Json)
}

/// A table as it was.
async fn table_then(
    State(database): State<Database>,
    Path(table): Path<String>,
    Query(at): Query<At>,
) -> Result<Json<TableThen>> {
    let connection = &mut *database.connection().await?;
    let then: Result<TableThen> =
        TableThen::of(&mut Trail::of(asynchronous::log(connection)), table, &at).await;
    then.map(Json)
}

/// What it takes to take a request back.
async fn plan_undo(State(database): State<Database>, Path(id): Path<String>) -> Result<Json<Plan>> {
    let connection = &mut *database.connection().await?;
    let undo: Result<Undo> = Undo::of(&mut Trail::of(asynchronous::log(connection)), id).await;
    Ok(Json(undo?.plan()))
}

/// Takes a request back, all of it or nothing, as the actor of this request.
async fn undo(
    State(database): State<Database>,
    Path(id): Path<String>,
    Query(Undoing { reason }): Query<Undoing>,
) -> Result<Json<Plan>> {
    let connection = &mut *database.connection().await?;
    let undo: Result<Undo> = Undo::of(&mut Trail::of(asynchronous::log(connection)), id).await;
    let undo = undo?;
    let work = async |connection: &mut Connection| {
        undo.apply(reason, &mut asynchronous::writer(connection))
            .await
    };
    let done: Result<Plan> = asynchronous::transaction(connection, &database.audit, work).await;
    done.map(Json)
}
