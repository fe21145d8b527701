//! What was denied is in the log.

use std::time::Duration;

use actix_web::{HttpResponse, web};
use audit_actix::{Rejection, deny};
use audit_core::{Audit, Event, Outcome};
use audit_lane::{Lane, Overflow};
use audit_testkit::TestDatabase;
use http::StatusCode;
use sqlx::SqlitePool;
use sqlx::sqlite::SqlitePoolOptions;

use crate::refusal::{SECRET, YEAR_2100, bearer, verifying};
use crate::server::Server;

async fn patient(lane: web::Data<Lane>, id: web::Path<String>) -> HttpResponse {
    let event = Event::custom("patient.open").record("patients", id.into_inner());
    let rejection = Rejection::forbidden("not_on_the_ward", "ask the ward");
    deny(lane.get_ref(), event, &rejection).await
}

async fn pool_and_lane(database: &TestDatabase) -> (SqlitePool, Lane) {
    let audit = Audit::builder().service("clinic").build().unwrap();
    let pool = audit_sqlx::attach(SqlitePoolOptions::new(), &audit);
    let pool = pool.connect(database.url()).await.unwrap();
    audit_sqlx::migrate(&pool, &audit).await.unwrap();
    let sink = audit_sqlx::event_sink(&pool).unwrap();
    let lane = Lane::builder(sink, Overflow::DropNewest).start().unwrap();
    (pool, lane)
}

#[actix_web::test]
async fn what_is_denied_before_and_in_a_handler_is_in_the_log() {
    let database = TestDatabase::create(audit_testkit::Server::Sqlite).await;
    let (pool, lane) = pool_and_lane(&database).await;
    let data = web::Data::new(lane.clone());
    let server = Server::start(verifying().lane(lane.clone()), move |app| {
        app.app_data(data.clone())
            .route("/patients/{id}", web::get().to(patient));
    });
    let forged = bearer(
        b"another secret, 32 bytes at the least",
        "mallory",
        YEAR_2100,
    );
    let refused = server
        .get("/patients/7", &[("authorization", &forged)])
        .await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    let good = bearer(SECRET, "alice", YEAR_2100);
    let denied = server.get("/patients/7", &[("authorization", &good)]).await;
    assert_eq!(denied.status, StatusCode::FORBIDDEN);
    assert_eq!(denied.json()["error"], "not_on_the_ward");
    assert_eq!(lane.shutdown(Duration::from_secs(60)).await.lost, 0);

    let events = audit_sqlx::log(&pool).oldest_first().list().await.unwrap();
    let [first, second] = events.try_into().unwrap();
    assert_eq!(first.action.as_deref(), Some("request.authenticate"));
    assert_eq!(first.reason_code.as_deref(), Some("token_signature"));
    assert_eq!(first.actor_kind.as_str(), "unknown");
    assert_eq!(first.actor_id, None);
    assert_eq!(first.request_id.as_deref(), refused.header("x-request-id"));
    let wire = serde_json::to_string(&first).unwrap();
    let parts = forged.trim_start_matches("Bearer ").split('.');
    for part in parts.chain(["mallory"]) {
        assert!(!wire.contains(part), "{part}: {wire}");
    }
    assert_eq!(second.action.as_deref(), Some("patient.open"));
    assert_eq!(second.record_id.as_deref(), Some("7"));
    assert_eq!(second.reason_code.as_deref(), Some("not_on_the_ward"));
    assert_eq!(second.actor_id.as_deref(), Some("alice"));
    assert_eq!(second.request_id.as_deref(), denied.header("x-request-id"));
    for event in [&first, &second] {
        assert_eq!(event.outcome, Outcome::Denied);
    }
}
