//! What a request writes is recorded under it, from the token to the log.

use actix_web::web;
use audit_core::Audit;
use audit_core::context::with_reason;
use serde_json::json;
use sqlx::SqlitePool;
use sqlx::sqlite::SqlitePoolOptions;

use crate::refusal::{SECRET, YEAR_2100, bearer, verifying};
use crate::server::Server;

type Answer = Result<String, actix_web::Error>;

fn failed(error: impl std::error::Error + 'static) -> actix_web::Error {
    actix_web::error::ErrorInternalServerError(error.to_string())
}

async fn add(pool: web::Data<SqlitePool>, name: web::Path<String>) -> Answer {
    let insert = sqlx::query("INSERT INTO users (name) VALUES (?)").bind(name.into_inner());
    insert.execute(pool.get_ref()).await.map_err(failed)?;
    Ok("added".to_owned())
}

async fn rename(pool: web::Data<SqlitePool>, path: web::Path<(i64, String)>) -> Answer {
    let (id, name) = path.into_inner();
    let mut transaction = audit_sqlx::begin(&pool).await.map_err(failed)?;
    let update = sqlx::query("UPDATE users SET name = ? WHERE id = ?")
        .bind(name)
        .bind(id);
    let update = with_reason("ticket 7", update.execute(&mut *transaction));
    update.await.map_err(failed)?;
    transaction.commit().await.map_err(failed)?;
    Ok("renamed".to_owned())
}

#[actix_web::test]
async fn the_events_of_a_request_name_its_actor_its_id_and_its_route() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!(
        "sqlite://{}?mode=rwc",
        folder.path().join("app.db").display()
    );
    let audit = Audit::builder().service("billing").build().unwrap();
    let pool = audit_sqlx::attach(SqlitePoolOptions::new(), &audit);
    let pool = pool.connect(&url).await.unwrap();
    sqlx::raw_sql("CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)")
        .execute(&pool)
        .await
        .unwrap();
    audit_sqlx::migrate(&pool, &audit).await.unwrap();

    let data = web::Data::new(pool.clone());
    let server = Server::start_with(2, verifying(), move |app| {
        let scope = web::scope("/users")
            .route("/{name}", web::post().to(add))
            .route("/{id}/{name}", web::put().to(rename));
        app.app_data(data.clone()).service(scope);
    });
    let send = async |method, path: &str, user: Option<&str>| {
        let token = user.map(|user| bearer(SECRET, user, YEAR_2100));
        let header = token.as_deref().map(|token| ("authorization", token));
        let headers: Vec<_> = header.into_iter().collect();
        let answer = server.try_send(method, path, &headers).await.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.header("x-request-id").unwrap().to_owned()
    };
    let ids = [
        send("POST", "/users/Ann", Some("alice")).await,
        send("PUT", "/users/1/Anna", Some("bob")).await,
        send("POST", "/users/Ben", None).await,
    ];
    let forged = bearer(&[b'x'; 40], "mallory", YEAR_2100);
    let refused = server
        .try_send("POST", "/users/Mal", &[("authorization", &forged)])
        .await;
    assert_eq!(refused.unwrap().status, 401);

    let log = audit_sqlx::log(&pool).table("users").oldest_first();
    let events = log.list().await.unwrap();
    let seen: Vec<_> = events
        .iter()
        .map(|event| {
            let context = event.context.as_ref().unwrap().to_value();
            json!([
                event.operation.as_str(),
                event.actor_kind.as_str(),
                event.actor_id,
                event.assurance.map(|assurance| assurance.as_str()),
                event.request_id,
                context["method"],
                context["route"],
                context["client_ip"],
            ])
        })
        .collect();
    let [first, second, third] = ids;
    let expected = [
        json!([
            "INSERT",
            "user",
            "alice",
            "verified",
            first,
            "POST",
            "/users/{name}",
            "127.0.0.1"
        ]),
        json!([
            "UPDATE",
            "user",
            "bob",
            "verified",
            second,
            "PUT",
            "/users/{id}/{name}",
            "127.0.0.1"
        ]),
        json!([
            "INSERT",
            "anonymous",
            null,
            null,
            third,
            "POST",
            "/users/{name}",
            "127.0.0.1"
        ]),
    ];
    assert_eq!(seen, expected);
    pool.close().await;
}
