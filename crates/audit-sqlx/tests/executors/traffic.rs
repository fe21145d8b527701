//! What is sent: a context that is on the connection is not put on again.

use std::cell::RefCell;
use std::io::{self, Write};
use std::sync::Once;

use audit_sqlx::AuditDatabase;
use audit_testkit::{Adapter, Server, World};
use tracing::Level;

use crate::adapter::Executors;
use crate::context::{insert, run, user};

thread_local! {
    /// What sqlx said of the statements that this thread polled, as text.
    static SAID: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

struct Said;

impl Write for Said {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        SAID.with_borrow_mut(|said| said.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// For the whole process: one subscriber beside others would miss what they do not ask for.
fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(Level::DEBUG)
            .with_writer(|| Said)
            .finish();
        tracing::subscriber::set_global_default(subscriber).unwrap();
    });
}

/// The number of statements since the last call.
fn statements() -> usize {
    let said = SAID.take();
    String::from_utf8(said)
        .unwrap()
        .matches("sqlx::query")
        .count()
}

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
