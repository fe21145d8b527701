//! Managers of the user's own.

use std::sync::atomic::{AtomicBool, AtomicUsize};

/// What a manager was asked, and what it is to say.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) valid: AtomicUsize,
    pub(crate) broken: AtomicUsize,
    pub(crate) refuses: AtomicBool,
    pub(crate) breaks: AtomicBool,
}

/// Expands to the test of one database: the server, the type of its connections.
macro_rules! managers {
    ($server:expr, $connection:ty) => {
        use std::sync::Arc;
        use std::sync::atomic::Ordering;

        use crate::connections::manager::Told;

        /// A manager of the user's own, which counts what it is asked.
        #[derive(Debug)]
        struct Counts {
            manager: ConnectionManager<$connection>,
            told: Arc<Told>,
        }

        impl ManageConnection for Counts {
            type Connection = $connection;
            type Error = diesel::r2d2::Error;

            fn connect(&self) -> Result<$connection, Self::Error> {
                self.manager.connect()
            }

            fn is_valid(&self, connection: &mut $connection) -> Result<(), Self::Error> {
                self.told.valid.fetch_add(1, Ordering::SeqCst);
                if self.told.refuses.swap(false, Ordering::SeqCst) {
                    return Err(Error::NotFound.into());
                }
                connection.batch_execute("UPDATE t SET v = v + 1")?;
                Ok(())
            }

            fn has_broken(&self, _: &mut $connection) -> bool {
                self.told.broken.fetch_add(1, Ordering::SeqCst);
                self.told.breaks.swap(false, Ordering::SeqCst)
            }
        }

        #[tokio::test(flavor = "multi_thread")]
        async fn a_manager_of_the_users_own_is_asked_as_well() {
            let database = database($server).await;
            let url = database.url().to_owned();
            blocking(move || {
                drop(pool_of_one(&url));
                let told = Arc::new(Told::default());
                let manager = Counts {
                    manager: ConnectionManager::new(&url),
                    told: Arc::clone(&told),
                };
                let manager = AuditedManager::new(manager, audit()).unwrap();
                let pool = Pool::builder().max_size(1).build(manager).unwrap();
                let take = |name: &str, id| {
                    user(name).sync_scope(|| {
                        let mut held = pool.get().unwrap();
                        insert(&mut held, id);
                        session(&mut held)
                    })
                };
                let first = take("alice", 1);
                let asked = |valid, broken| {
                    let counts =
                        [&told.valid, &told.broken].map(|count| count.load(Ordering::SeqCst));
                    assert_eq!(counts, [valid, broken]);
                };
                asked(1, 1);
                assert_eq!(take("bob", 2), first);
                asked(2, 2);
                told.refuses.store(true, Ordering::SeqCst);
                let second = take("carla", 3);
                assert_ne!(second, first);
                asked(4, 3);
                told.breaks.store(true, Ordering::SeqCst);
                assert_eq!(take("dora", 4), second);
                assert_ne!(take("eve", 5), second);
                // The check runs under the context: it changes what is there already.
                let mut held = pool.get().unwrap();
                let log = audit_diesel::log(&mut held).oldest_first().limit(3);
                assert_eq!(actors(&log.load().unwrap()), ["alice", "bob", "bob"]);
            })
            .await;
        }
    };
}
