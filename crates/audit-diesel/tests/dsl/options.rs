//! Transactions that are opened with options of ours, as another connection sees them.

/// A number that a query gave.
#[derive(diesel::QueryableByName)]
pub(crate) struct Number {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    pub(crate) n: i64,
}

/// Expands to two attached connections of nobody's to a database with a table and the log.
macro_rules! two {
    ($server:expr, $connection:ty; $($wait:tt)*) => {{
        let database = crate::world::database($server).await;
        let open = || establish::<$connection>(database.url(), audit());
        let mut held = open() $($wait)*.unwrap();
        migrate(&mut held, audit()) $($wait)*.unwrap();
        let other = open() $($wait)*.unwrap();
        (database, held, other)
    }};
}

/// Expands to the tests of what servers have: the server, the type of its connections, an option that
/// it has not, and what waits for a call of the library.
macro_rules! options {
    ($server:expr, $connection:ty, $foreign:ident; $($wait:tt)*) => {
        use audit_diesel::{TransactionOptions, UnsupportedOption};

        use crate::dsl::options::Number;
        use crate::world::{actors, audit, insertion, user};

        type Transactions = <$connection as Connection>::TransactionManager;

        #[tokio::test(flavor = "multi_thread")]
        async fn a_transaction_of_ours_has_options_and_the_context() {
            let (_database, mut held, mut other) = two!($server, $connection; $($wait)*);
            let new = TransactionOptions::new;
            let count = || diesel::sql_query("SELECT count(*) AS n FROM t");
            let cases = [(1, new().read_committed(), 1), (3, new().repeatable_read().read_write(), 0)];
            for (id, options, seen) in cases {
                scoped!(user("alice"), begin_with_options(&mut held, audit(), options) $($wait)*).unwrap();
                let before: Number = count().get_result(&mut held) $($wait)*.unwrap();
                other.batch_execute(&insertion(id)) $($wait)*.unwrap();
                let after: Number = count().get_result(&mut held) $($wait)*.unwrap();
                assert_eq!(after.n - before.n, seen, "{options:?}");
                held.batch_execute(&insertion(id + 1)) $($wait)*.unwrap();
                Transactions::commit_transaction(&mut held) $($wait)*.unwrap();
            }
            let read_only = new().read_only();
            begin_with_options(&mut held, audit(), read_only) $($wait)*.unwrap();
            let refused = begin_with_options(&mut held, audit(), read_only) $($wait)*;
            assert_eq!(refused, Err(Error::AlreadyInTransaction));
            held.batch_execute(&insertion(9)) $($wait)*.unwrap_err();
            Transactions::rollback_transaction(&mut held) $($wait)*.unwrap();
            let foreign = begin_with_options(&mut held, audit(), new().$foreign()) $($wait)*;
            let Err(Error::QueryBuilderError(refused)) = foreign else {
                panic!("{foreign:?}");
            };
            assert!(refused.is::<UnsupportedOption>(), "{refused}");
            let events = events!(&mut held);
            assert_eq!(actors(&events), ["", "alice", "", "alice"]);
        }
    };
}

/// Expands to the test of what PostgreSQL alone has.
macro_rules! options_of_postgres {
    ($server:expr, $connection:ty; $($wait:tt)*) => {
        #[tokio::test(flavor = "multi_thread")]
        async fn a_transaction_of_ours_can_wait_until_it_cannot_fail() {
            let (_database, mut held, _other) = two!($server, $connection; $($wait)*);
            let deferrable = TransactionOptions::new().serializable().read_only().deferrable();
            for (options, of_three) in [(deferrable, 3), (deferrable.not_deferrable(), 2)] {
                begin_with_options(&mut held, audit(), options) $($wait)*.unwrap();
                let set = diesel::sql_query(
                    "SELECT (current_setting('transaction_isolation') = 'serializable')::int::bigint \
                     + current_setting('transaction_read_only')::bool::int \
                     + current_setting('transaction_deferrable')::bool::int AS n",
                );
                let set: Number = set.get_result(&mut held) $($wait)*.unwrap();
                assert_eq!(set.n, of_three);
                Transactions::commit_transaction(&mut held) $($wait)*.unwrap();
            }
        }
    };
}

/// Expands to the test of a level whose locks another connection meets on MariaDB.
macro_rules! options_of_mariadb {
    ($connection:ty; $($wait:tt)*) => {
        #[tokio::test(flavor = "multi_thread")]
        async fn what_a_serializable_transaction_has_read_is_locked() {
            let (_database, mut held, mut other) = two!(Server::MariaDb, $connection; $($wait)*);
            held.batch_execute(&insertion(1)) $($wait)*.unwrap();
            let new = TransactionOptions::new;
            for (options, is_locked) in [(new(), false), (new().serializable(), true), (new(), false)] {
                begin_with_options(&mut held, audit(), options) $($wait)*.unwrap();
                let read = diesel::sql_query("SELECT count(*) AS n FROM t");
                let _: Number = read.get_result(&mut held) $($wait)*.unwrap();
                let lock = diesel::sql_query("SELECT id FROM t FOR UPDATE NOWAIT");
                assert_eq!(lock.execute(&mut other) $($wait)*.is_err(), is_locked);
                Transactions::commit_transaction(&mut held) $($wait)*.unwrap();
            }
        }
    };
}

/// Expands to the test of what SQLite has.
macro_rules! options_of_sqlite {
    ($connection:ty; $($wait:tt)*) => {
        use audit_diesel::{TransactionOptions, UnsupportedOption};

        use crate::world::{actors, audit, insertion, user};

        type Transactions = <$connection as Connection>::TransactionManager;

        #[tokio::test(flavor = "multi_thread")]
        async fn a_transaction_of_ours_takes_its_lock_at_once() {
            // Without a write-ahead log, beside which there are readers all the same.
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("t.db");
            let open = || establish::<$connection>(file.to_str().unwrap(), audit());
            let mut held = open() $($wait)*.unwrap();
            held.batch_execute(crate::world::TABLE) $($wait)*.unwrap();
            migrate(&mut held, audit()) $($wait)*.unwrap();
            let mut other = open() $($wait)*.unwrap();
            let new = TransactionOptions::new;
            let cases = [
                (1, new(), true, true),
                (2, new().immediate(), true, false),
                (3, new().exclusive(), false, false),
            ];
            for (id, options, reads, writes) in cases {
                scoped!(user("alice"), begin_with_options(&mut held, audit(), options) $($wait)*).unwrap();
                let read = other.batch_execute("SELECT id FROM t") $($wait)*;
                assert_eq!(read.is_ok(), reads, "{options:?}");
                let write = other.batch_execute("BEGIN IMMEDIATE; ROLLBACK") $($wait)*;
                assert_eq!(write.is_ok(), writes, "{options:?}");
                held.batch_execute(&insertion(id)) $($wait)*.unwrap();
                Transactions::commit_transaction(&mut held) $($wait)*.unwrap();
            }
            let foreign = begin_with_options(&mut held, audit(), new().serializable()) $($wait)*;
            let Err(Error::QueryBuilderError(refused)) = foreign else {
                panic!("{foreign:?}");
            };
            assert!(refused.is::<UnsupportedOption>(), "{refused}");
            let events = events!(&mut held);
            assert_eq!(actors(&events), ["alice"; 3]);
        }
    };
}
