//! What was denied is in the log.

use std::time::{Duration, Instant};

use audit_core::{Audit, Event, Outcome};
use audit_jwt::JwtVerifier;
use audit_lane::{Lane, Overflow};
use audit_testkit::TestDatabase;
use audit_tower::{AuditLayer, Rejection, deny};
use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use http::StatusCode;
use sqlx::SqlitePool;
use sqlx::sqlite::SqlitePoolOptions;

use crate::refusal::{SECRET, bearer};
use crate::server::Server;

const LONG: Duration = Duration::from_secs(60);

async fn patient(State(lane): State<Lane>, Path(id): Path<String>) -> Response {
    let event = Event::custom("patient.open").record("patients", id);
    let event = event.reason("a colleague asked");
    deny(
        &lane,
        event,
        &Rejection::forbidden("not_on_the_ward", "ask the ward"),
    )
    .await
}

struct World {
    database: TestDatabase,
    pool: SqlitePool,
    lane: Lane,
    server: Server,
}

impl World {
    async fn new(room: usize) -> Self {
        let database = TestDatabase::create(audit_testkit::Server::Sqlite).await;
        let audit = Audit::builder().service("clinic").build().unwrap();
        let pool = audit_sqlx::attach(SqlitePoolOptions::new(), &audit);
        let pool = pool.connect(database.url()).await.unwrap();
        audit_sqlx::migrate(&pool, &audit).await.unwrap();
        let sink = audit_sqlx::event_sink(&pool).unwrap();
        let lane = Lane::builder(sink, Overflow::DropNewest).max_events(room);
        let lane = lane.start().unwrap();
        let verifier = JwtVerifier::hs256(SECRET)
            .issuer("https://id.example")
            .audience("api");
        let layer = AuditLayer::new(verifier.build().unwrap()).lane(lane.clone());
        let app = Router::new()
            .route("/patients/{id}", get(patient))
            .layer(layer)
            .with_state(lane.clone());
        let server = Server::start(app).await;
        Self {
            database,
            pool,
            lane,
            server,
        }
    }

    async fn events(&self) -> Vec<Event> {
        assert_eq!(self.lane.shutdown(LONG).await.lost, 0);
        let log = audit_sqlx::log(&self.pool).oldest_first();
        log.list().await.unwrap()
    }
}

#[tokio::test]
async fn a_forged_token_leaves_an_event_without_the_subject_that_it_claims() {
    let world = World::new(10).await;
    let forged = bearer(b"another secret, 32 bytes at the least");
    let headers = [("authorization", forged.as_str()), ("user-agent", "tester")];
    let answer = world.server.get("/patients/7", &headers).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    let [event] = world.events().await.try_into().unwrap();
    assert_eq!(event.action.as_deref(), Some("request.authenticate"));
    assert_eq!(event.outcome, Outcome::Denied);
    assert_eq!(event.reason_code.as_deref(), Some("token_signature"));
    assert_eq!(event.request_id.as_deref(), answer.header("x-request-id"));
    assert_eq!(event.actor_kind.as_str(), "unknown");
    assert_eq!((&event.actor_id, event.assurance), (&None, None));
    let context = event.context.as_ref().unwrap().to_value();
    assert_eq!(context["user_agent"], "tester");
    assert_eq!(context["peer_ip"], "127.0.0.1");
    // Nothing of the token, and not whom it claims to be of.
    let wire = serde_json::to_string(&event).unwrap();
    let parts = forged.trim_start_matches("Bearer ").split('.');
    for part in parts.chain(["alice"]) {
        assert!(!wire.contains(part), "{part}: {wire}");
    }
}

#[tokio::test]
async fn a_handler_denies_by_one_call_in_the_name_of_the_actor() {
    let world = World::new(10).await;
    let headers = [("authorization", bearer(SECRET))];
    let headers = headers
        .each_ref()
        .map(|(name, text)| (*name, text.as_str()));
    let answer = world.server.get("/patients/7", &headers).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert_eq!(answer.json()["error"], "not_on_the_ward");
    let [event] = world.events().await.try_into().unwrap();
    assert_eq!(event.action.as_deref(), Some("patient.open"));
    assert_eq!(event.record_id.as_deref(), Some("7"));
    assert_eq!(event.outcome, Outcome::Denied);
    assert_eq!(event.reason_code.as_deref(), Some("not_on_the_ward"));
    assert_eq!(event.error_message.as_deref(), Some("ask the ward"));
    assert_eq!(event.reason.as_deref(), Some("a colleague asked"));
    assert_eq!(event.actor_id.as_deref(), Some("alice"));
    assert_eq!(event.assurance.unwrap().as_str(), "verified");
    assert_eq!(event.request_id.as_deref(), answer.header("x-request-id"));
}

#[tokio::test]
async fn a_flood_of_forged_tokens_is_answered_while_the_database_takes_nothing() {
    const REQUESTS: usize = 300;
    let world = World::new(20).await;
    let mut raw = world.database.raw().await;
    raw.run("BEGIN IMMEDIATE").await;
    let forged = bearer(b"another secret, 32 bytes at the least");
    let mut times = Vec::new();
    for _ in 0..REQUESTS {
        let start = Instant::now();
        let headers = [("authorization", forged.as_str())];
        let answer = world.server.get("/patients/7", &headers).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        times.push(start.elapsed());
    }
    times.sort();
    let p99 = times[REQUESTS * 99 / 100];
    println!("p50 {:?}, p99 {p99:?}", times[REQUESTS / 2]);
    // SQLite waits 5 s for the lock.
    assert!(p99 < Duration::from_secs(1), "{p99:?}");
    let counts = world.lane.counts();
    assert_eq!(
        (counts.queued, counts.waiting, counts.dropped),
        (20, 20, 280)
    );
    raw.run("ROLLBACK").await;
    let events = world.events().await;
    assert_eq!(events.len(), 21);
    let told = events[20].metadata.as_ref().unwrap().to_value();
    assert_eq!(told["dropped"], 280);
}
