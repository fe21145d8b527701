//! What is sent: a context that is on the connection is not put on again.

use audit_sqlx::AuditDatabase;
use audit_testkit::{Adapter, Server, World};

use crate::adapter::Executors;
use crate::context::{insert, run, user};
use crate::said::{listen, statements};

pub(crate) async fn a_context_that_stays_is_put_on_once<DB>(server: Server)
where
    DB: AuditDatabase,
    Executors<DB>: Adapter,
{
    let world = World::<Executors<DB>>::new(server).await;
    listen();
    let acquire = world.adapter.pool.acquire();
    let mut connection = user("alice").scope(acquire).await.unwrap();
    let alice = user("alice");
    let work = async {
        run(&mut connection, "SELECT 0").await;
        statements();
        for sql in ["SELECT 1", &insert(1), "SELECT 2", "DELETE FROM users"] {
            run(&mut connection, sql).await;
        }
        assert_eq!(statements(), 4);
        let other = async {
            run(&mut connection, "SELECT 3").await;
            run(&mut connection, "SELECT 4").await;
        };
        user("bob").scope(other).await;
        assert_eq!(statements(), 3);
        let mut transaction = connection.begin().await.unwrap();
        run(&mut *transaction, &insert(2)).await;
        statements();
        run(&mut *transaction, &insert(3)).await;
        run(&mut *transaction, "SELECT 5").await;
        assert_eq!(statements(), 2);
    };
    alice.scope(work).await;
}
