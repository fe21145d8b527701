//! The executors: the conformance suite through them, and what is special to them.
#![cfg(feature = "executor")]
#![expect(
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "test code: a failure is a panic"
)]

#[path = "executors/adapter.rs"]
mod adapter;
#[path = "executors/context.rs"]
mod context;
#[path = "executors/cut.rs"]
mod cut;
#[path = "conformance/adapter.rs"]
mod plain;
#[path = "executors/scope.rs"]
mod scope;
#[path = "executors/traffic.rs"]
mod traffic;
#[path = "executors/typed.rs"]
mod typed;

use adapter::Executors;

audit_testkit::conformance!(mariadb, MariaDb, Executors<sqlx::MySql>);
audit_testkit::conformance!(postgres15, Postgres15, Executors<sqlx::Postgres>);
audit_testkit::conformance!(postgres16, Postgres16, Executors<sqlx::Postgres>);
audit_testkit::conformance!(postgres17, Postgres17, Executors<sqlx::Postgres>);
audit_testkit::conformance!(postgres18, Postgres18, Executors<sqlx::Postgres>);
audit_testkit::conformance!(sqlite, Sqlite, Executors<sqlx::Sqlite>);

/// Expands to one test a case, so that each fails by its name.
macro_rules! cases {
    ($server:ident, $($group:ident::$case:ident$(::<$database:ty>)?),+ $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                crate::$group::$case$(::<$database>)?(audit_testkit::Server::$server).await;
            }
        )+
    };
}

/// Expands to the cases of every database, and then its own.
macro_rules! special {
    ($module:ident, $server:ident, $database:ty, $($own:tt)*) => {
        mod $module {
            cases! {
                $server,
                context::a_held_connection_has_the_context_of_each_task::<$database>,
                context::a_transaction_has_the_context_of_each_task::<$database>,
                context::nobody_inherits_the_context_of_the_last_user::<$database>,
                context::what_is_rolled_back_brings_no_old_context::<$database>,
                cut::what_is_cut_on_a_held_connection_reaches_nobody_else::<$database>,
                $($own)*
            }
        }
    };
}

/// What the suite does not look at.
mod special {
    special!(
        mariadb,
        MariaDb,
        sqlx::MySql,
        scope::the_id_of_a_transaction_ends_with_it,
        traffic::a_context_that_stays_is_put_on_once::<sqlx::MySql>,
    );
    special!(
        postgres15,
        Postgres15,
        sqlx::Postgres,
        scope::nothing_stays_on_the_session,
        traffic::a_context_that_stays_is_put_on_once::<sqlx::Postgres>,
    );
    special!(sqlite, Sqlite, sqlx::Sqlite,);
}
