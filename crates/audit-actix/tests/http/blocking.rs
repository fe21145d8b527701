//! A pool that blocks, as Diesel's: handlers write on other threads.

use actix_web::web;
use audit_actix::block;
use audit_core::{ActorKind, Audit};
use audit_diesel::AuditedManager;
use diesel::SqliteConnection;
use diesel::connection::SimpleConnection as _;
use diesel::r2d2::{ConnectionManager, Pool};

use crate::refusal::{SECRET, YEAR_2100, bearer, verifying};
use crate::server::Server;

type Diesel = Pool<AuditedManager<ConnectionManager<SqliteConnection>>>;

/// Inserts a row, on a thread that the context is brought to or on a bare one.
async fn add(pool: web::Data<Diesel>, path: web::Path<(String, u32)>) -> &'static str {
    let (way, id) = path.into_inner();
    let insert = move || {
        let text = format!("INSERT INTO t VALUES ({id})");
        pool.get().unwrap().batch_execute(&text).unwrap();
    };
    match way.as_str() {
        "carried" => block(insert).await.unwrap(),
        _ => web::block(insert).await.unwrap(),
    }
    "added"
}

#[actix_web::test]
async fn a_bare_web_block_writes_as_nobody_and_block_as_the_actor() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("app.db");
    let audit = Audit::builder().build().unwrap();
    let manager = ConnectionManager::new(file.to_str().unwrap());
    // One connection, which each has after the other.
    let pool = Pool::builder().max_size(1);
    let pool: Diesel = pool
        .build(AuditedManager::new(manager, &audit).unwrap())
        .unwrap();
    let mut connection = pool.get().unwrap();
    connection
        .batch_execute("CREATE TABLE t (id INTEGER PRIMARY KEY)")
        .unwrap();
    audit_diesel::migrate(&mut connection, &audit).unwrap();
    drop(connection);

    let data = web::Data::new(pool.clone());
    let server = Server::start_with(2, verifying(), move |app| {
        app.app_data(data.clone())
            .route("/{way}/{id}", web::post().to(add));
    });
    let requests = [
        ("carried", 1, "alice"),
        ("bare", 2, "alice"),
        ("bare", 3, "bob"),
        ("carried", 4, "bob"),
    ];
    for (way, id, user) in requests {
        let token = bearer(SECRET, user, YEAR_2100);
        let path = format!("/{way}/{id}");
        let answer = server
            .try_send("POST", &path, &[("authorization", &token)])
            .await;
        assert_eq!(answer.unwrap().status, 200);
    }

    let log = audit_diesel::log(&mut pool.get().unwrap())
        .oldest_first()
        .load();
    let events = log.unwrap();
    let seen: Vec<_> = events
        .iter()
        .map(|event| (event.actor_kind, event.actor_id.as_deref()))
        .collect();
    let nobody = (ActorKind::Unknown, None);
    let expected = [
        (ActorKind::User, Some("alice")),
        nobody,
        nobody,
        (ActorKind::User, Some("bob")),
    ];
    assert_eq!(seen, expected);
}
