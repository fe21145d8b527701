//! What is sent: a context that is on the connection is not put on again.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use audit_sqlx::AuditDatabase;
use audit_testkit::{Adapter, Server, World};
use tracing::Level;

use crate::adapter::Executors;
use crate::context::{insert, run, user};

/// What sqlx says of the statements that it runs, as text.
#[derive(Debug, Clone, Default)]
struct Said(Arc<Mutex<Vec<u8>>>);

impl Write for Said {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Said {
    /// The number of statements since the last call.
    fn statements(&self) -> usize {
        let said = std::mem::take(&mut *self.0.lock().unwrap());
        String::from_utf8(said)
            .unwrap()
            .matches("sqlx::query")
            .count()
    }
}

pub(crate) async fn a_context_that_stays_is_put_on_once<DB>(server: Server)
where
    DB: AuditDatabase,
    Executors<DB>: Adapter,
{
    let world = World::<Executors<DB>>::new(server).await;
    let said = Said::default();
    let writer = said.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(Level::DEBUG)
        .with_writer(move || writer.clone())
        .finish();
    // Of this thread, which polls all that is awaited here.
    let _guard = tracing::subscriber::set_default(subscriber);
    let acquire = world.adapter.pool.acquire();
    let mut connection = user("alice").scope(acquire).await.unwrap();
    let alice = user("alice");
    let work = async {
        run(&mut connection, "SELECT 0").await;
        said.statements();
        for sql in ["SELECT 1", &insert(1), "SELECT 2", "DELETE FROM users"] {
            run(&mut connection, sql).await;
        }
        assert_eq!(said.statements(), 4);
        let other = async {
            run(&mut connection, "SELECT 3").await;
            run(&mut connection, "SELECT 4").await;
        };
        user("bob").scope(other).await;
        assert_eq!(said.statements(), 3);
        let mut transaction = connection.begin().await.unwrap();
        run(&mut *transaction, &insert(2)).await;
        said.statements();
        run(&mut *transaction, &insert(3)).await;
        run(&mut *transaction, "SELECT 5").await;
        assert_eq!(said.statements(), 2);
    };
    alice.scope(work).await;
}
