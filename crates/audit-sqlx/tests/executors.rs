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
#[path = "executors/macros.rs"]
mod macros;
#[path = "conformance/adapter.rs"]
mod plain;
#[path = "executors/said.rs"]
mod said;
#[path = "executors/scope.rs"]
mod scope;
#[path = "executors/traffic.rs"]
mod traffic;
#[macro_use]
#[path = "executors/typed.rs"]
mod typed;
#[path = "executors/unclear.rs"]
mod unclear;

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

/// Expands to the module of one database: the suite, what it does not look at, and what is only there.
macro_rules! database {
    ($module:ident, $server:ident, $database:ty, $($own:tt)*) => {
        mod $module {
            audit_testkit::conformance!(suite, $server, crate::adapter::Executors<$database>);

            cases! {
                $server,
                context::a_held_connection_has_the_context_of_each_task::<$database>,
                context::a_transaction_has_the_context_of_each_task::<$database>,
                context::nobody_inherits_the_context_of_the_last_user::<$database>,
                context::what_is_rolled_back_brings_no_old_context::<$database>,
                cut::what_is_cut_on_a_held_connection_reaches_nobody_else::<$database>,
            }

            $($own)*
        }
    };
}

/// Expands to the module of one version of PostgreSQL.
macro_rules! postgres {
    ($module:ident, $server:ident) => {
        database! {
            $module, $server, sqlx::Postgres,
            cases! {
                $server,
                scope::nothing_stays_on_the_session,
                traffic::a_context_that_stays_is_put_on_once::<sqlx::Postgres>,
                unclear::a_begin_that_fails_leaves_nothing_that_commits_by_itself,
                unclear::a_chained_transaction_brings_no_old_context,
                unclear::an_idle_connection_with_an_open_transaction_is_refused::<sqlx::Postgres>,
                unclear::what_is_cut_in_a_failed_transaction_reaches_nobody_else,
            }
            typed!($server, sqlx::Postgres, ["$1", "$2"]);
        }
    };
}

postgres!(postgres15, Postgres15);
postgres!(postgres16, Postgres16);
postgres!(postgres17, Postgres17);
postgres!(postgres18, Postgres18);
database! {
    mariadb, MariaDb, sqlx::MySql,
    cases! {
        MariaDb,
        scope::the_id_of_a_transaction_ends_with_it,
        traffic::a_context_that_stays_is_put_on_once::<sqlx::MySql>,
        unclear::an_idle_connection_with_an_open_transaction_is_refused::<sqlx::MySql>,
    }
    typed!(MariaDb, sqlx::MySql, ["?", "?"]);
}
database! {
    sqlite, Sqlite, sqlx::Sqlite,
    cases! {
        Sqlite,
        macros::statements_of_macros_are_audited,
        scope::a_pool_that_is_not_attached_is_refused,
        unclear::a_new_table_is_audited_on_an_idle_connection,
    }
    typed!(Sqlite, sqlx::Sqlite, ["?1", "?2"]);
}
