//! The macros of sqlx that check a statement when they are compiled, here against `.sqlx`.

use audit_testkit::{Server, World, alice};

use crate::adapter::Executors;
use crate::context::actors;

#[derive(Debug, PartialEq)]
struct User {
    id: i64,
    name: String,
}

pub(crate) async fn statements_of_macros_are_audited(server: Server) {
    let world = World::<Executors<sqlx::Sqlite>>::new(server).await;
    let events = world
        .prove(async |adapter| {
            let work = async {
                let pool = &adapter.pool;
                sqlx::query!("INSERT INTO users (id, name) VALUES (?, ?)", 1, "Ann")
                    .execute(pool)
                    .await
                    .unwrap();
                let mut transaction = pool.begin().await.unwrap();
                let changed = sqlx::query!(
                    "UPDATE users SET name = ? WHERE id = ? RETURNING id, name",
                    "Anna",
                    1
                )
                .fetch_one(&mut *transaction)
                .await
                .unwrap();
                assert_eq!((changed.id, changed.name.as_str()), (1, "Anna"));
                let users = sqlx::query_as!(User, "SELECT id, name FROM users")
                    .fetch_all(&mut *transaction)
                    .await
                    .unwrap();
                let name = "Anna".to_owned();
                assert_eq!(users, [User { id: 1, name }]);
                let count = sqlx::query_scalar!("SELECT count(*) FROM users")
                    .fetch_one(&mut *transaction)
                    .await
                    .unwrap();
                assert_eq!(count, 1);
                transaction.commit().await.unwrap();
            };
            alice().scope(work).await;
        })
        .await;
    assert_eq!(actors(&events), [("1", "alice"), ("1", "alice")]);
}
