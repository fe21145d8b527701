//! The trail for those who are known: as a list and as a file, who changed a record, a table as it was,
//! and undo. Each runs on a thread that may block. Compiled once for each database.

use actix_web::body::MessageBody;
use actix_web::dev::{HttpServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::{Next, from_fn};
use actix_web::web::{Data, Json, Path, Query, resource, scope};
use actix_web::{Error, HttpRequest, HttpResponse, ResponseError as _};
use audit_actix::attachment;
use audit_core::Event;
use audit_core::log::Blocking;
use audit_store::export::{Download, Progress};
use audit_store::{Trail, finish};
use story::answers::{self, History, Plan, Record, TableThen, Undo};
use story::contract::{At, Filters, Form, Newest, Undoing};

use super::server::Database;
use crate::api_error::{ApiError, Result};

pub(super) fn routes() -> impl HttpServiceFactory + 'static {
    scope("/audit")
        .service(resource("").get(list))
        .service(resource("/export/{form}").get(export))
        .service(resource("/records/{table}/{key:.+}").get(history))
        .service(resource("/tables/{table}").get(table_then))
        .service(resource("/requests/{id}/undo").get(plan_undo).post(undo))
        .wrap(from_fn(authenticated))
}

async fn authenticated(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> std::result::Result<ServiceResponse<impl MessageBody>, Error> {
    if let Err(refusal) = answers::authenticated() {
        let answer = ApiError::from(refusal).error_response();
        return Ok(request.into_response(answer).map_into_right_body());
    }
    Ok(next.call(request).await?.map_into_left_body())
}

/// The trail, newest first.
async fn list(
    database: Data<Database>,
    Query(filters): Query<Filters>,
) -> Result<Json<Vec<Event>>> {
    let events = database.run(|connection, _| {
        let log = audit_diesel::log(connection).matching(filters.into());
        Ok(log.load()?)
    });
    Ok(Json(events.await?))
}

/// The trail as a file, page by page as the client takes it; a connection and a blocking thread are
/// taken for each.
async fn export(
    database: Data<Database>,
    form: Path<Form>,
    Query(filters): Query<Filters>,
) -> Result<HttpResponse> {
    let format = form.format();
    let headers = format.headers("audit_logs");
    let progress = Progress::new(&filters.into(), format);
    let download = Download::by(
        (database, progress),
        |(database, mut progress)| async move {
            let read = database.run(move |connection, _| {
                let mut trail = Trail::blocking(audit_diesel::log(connection));
                let piece = finish(progress.next(&mut trail))?;
                Ok((piece, progress))
            });
            let (piece, progress) = read.await?;
            Ok::<_, ApiError>((piece, (database, progress)))
        },
    );
    Ok(attachment(headers, download.await?))
}

/// Who changed a record, and which fields.
async fn history(
    database: Data<Database>,
    request: HttpRequest,
    Query(newest): Query<Newest>,
) -> Result<Json<History>> {
    let record = Record::in_path(request.uri().path())?;
    let history = database.run(move |connection, _| {
        let mut trail = Trail::blocking(audit_diesel::log(connection));
        finish(History::of(&mut trail, record, &newest))
    });
    history.await.map(Json)
}

/// A table as it was.
async fn table_then(
    database: Data<Database>,
    table: Path<String>,
    Query(at): Query<At>,
) -> Result<Json<TableThen>> {
    let then = database.run(move |connection, _| {
        let mut trail = Trail::blocking(audit_diesel::log(connection));
        finish(TableThen::of(&mut trail, table.into_inner(), &at))
    });
    then.await.map(Json)
}

/// What it takes to take a request back.
async fn plan_undo(database: Data<Database>, id: Path<String>) -> Result<Json<Plan>> {
    let undo = database.run(move |connection, _| {
        let mut trail = Trail::blocking(audit_diesel::log(connection));
        finish(Undo::of(&mut trail, id.into_inner()))
    });
    Ok(Json(undo.await?.plan()))
}

/// Takes a request back, all of it or nothing, as the actor of this request.
async fn undo(
    database: Data<Database>,
    id: Path<String>,
    Query(Undoing { reason }): Query<Undoing>,
) -> Result<Json<Plan>> {
    let done = database.run(move |connection, audit| {
        let mut trail = Trail::blocking(audit_diesel::log(connection));
        let undo: Result<Undo> = finish(Undo::of(&mut trail, id.into_inner()));
        let undo = undo?;
        audit_diesel::transaction(connection, audit, |connection| {
            let mut writer = Blocking(audit_diesel::writer(connection));
            finish(undo.apply(reason, &mut writer))
        })
    });
    done.await.map(Json)
}
