//! Every way to write through SeaORM and what its options say, on each database.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "test code: a failure is a panic"
)]

mod adapter;
#[path = "orm/connections.rs"]
mod connections;
#[path = "orm/cut.rs"]
mod cut;
#[path = "orm/entities.rs"]
mod entities;
#[path = "orm/executors.rs"]
mod executors;
#[path = "orm/migrator.rs"]
mod migrator;
#[path = "orm/reading.rs"]
mod reading;
#[path = "orm/shop.rs"]
mod shop;
#[path = "orm/transactions.rs"]
mod transactions;
#[path = "orm/writes.rs"]
mod writes;

use adapter::{Audited, SeaOrm};

/// Only MariaDB tells a session how many messages it sent; what SeaORM sends is alike everywhere.
mod messages {
    mod mariadb {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn begin_takes_no_message_more_than_sea_orm() {
            let shop = crate::shop::Shop::<crate::SeaOrm<sqlx::MySql>>::open(
                audit_testkit::Server::MariaDb,
            )
            .await;
            crate::transactions::begin_takes_no_message_more_than_sea_orm(shop).await;
        }

        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn a_context_that_stays_is_put_on_once() {
            let server = audit_testkit::Server::MariaDb;
            let shop = crate::shop::Shop::<crate::Audited<sqlx::MySql>>::open(server).await;
            crate::transactions::a_context_that_stays_is_put_on_once(shop).await;
        }
    }
}

/// The pool behind a connection is one of sqlx, whichever database it is of.
mod lane {
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_refused_statement_is_recorded_through_the_pool_of_the_connection() {
        let shop =
            crate::shop::Shop::<crate::SeaOrm<sqlx::Sqlite>>::open(audit_testkit::Server::Sqlite)
                .await;
        crate::transactions::a_refused_statement_is_recorded_by_a_lane(shop).await;
    }
}

/// Expands to one test a database, which opens its own.
macro_rules! races {
    ($($module:ident => $server:ident),+ $(,)?) => {
        mod races {
            $(mod $module {
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn processes_that_run_the_migrator_at_once_agree() {
                    let server = audit_testkit::Server::$server;
                    crate::migrator::processes_that_run_it_at_once_agree(server).await;
                }
            })+
        }
    };
}

races! {
    mariadb => MariaDb,
    postgres15 => Postgres15,
    postgres18 => Postgres18,
    sqlite => Sqlite,
}

/// Expands to one test a case and database, through an adapter.
macro_rules! on_each_database {
    ($adapter:ident: $($cases:ident: [$($case:ident),+ $(,)?]),+ $(,)?) => {
        on_each_database!(@ mariadb, MariaDb, $adapter<sqlx::MySql>; $($cases: [$($case),+]),+);
        on_each_database!(@ postgres15, Postgres15, $adapter<sqlx::Postgres>; $($cases: [$($case),+]),+);
        on_each_database!(@ postgres18, Postgres18, $adapter<sqlx::Postgres>; $($cases: [$($case),+]),+);
        on_each_database!(@ sqlite, Sqlite, $adapter<sqlx::Sqlite>; $($cases: [$($case),+]),+);
    };
    (@ $module:ident, $server:ident, $adapter:ty; $($cases:ident: [$($case:ident),+]),+) => {
        mod $module {
            use super::*;

            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    crate::$cases::$case(
                        crate::shop::Shop::<$adapter>::open(audit_testkit::Server::$server).await,
                    )
                    .await;
                }
            )+)+
        }
    };
}

on_each_database! {
    SeaOrm:
    writes: [
        a_model_is_inserted_updated_saved_and_deleted,
        many_are_inserted_updated_and_deleted,
        what_is_returned_is_recorded_once,
        rows_are_deleted_by_their_id,
        conflicts_are_recorded_as_what_they_did,
        composite_keys_are_recorded,
        every_type_of_value_is_recorded,
        related_models_are_written_with_their_links,
        statements_of_the_application_are_recorded,
        a_stream_is_read_and_its_connection_goes_back,
    ],
    transactions: [
        a_nested_transaction_takes_back_its_part,
        a_closure_that_fails_leaves_nothing,
        a_closure_that_succeeds_is_recorded_as_one_transaction,
        a_configured_transaction_is_recorded,
        a_transaction_that_is_dropped_leaves_nothing,
        a_refused_event_is_a_capture_error,
    ],
    connections: [
        the_options_are_kept,
        hooks_of_the_application_run_beside_ours,
        a_lazy_connection_is_opened_when_it_is_used,
        a_connection_that_is_not_attached_is_refused,
        the_log_is_narrowed,
        work_without_triggers_can_alter_a_table,
    ],
    reading: [
        the_entity_reads_what_the_log_reads,
        the_entity_narrows_in_the_database,
    ],
    migrator: [
        the_migrator_runs_again_after_a_change_of_rules,
        the_migrator_captures_a_new_table,
        the_migrator_keeps_track_beside_that_of_the_application,
        the_migrator_takes_nothing_back,
        a_tool_runs_the_migrator_after_that_of_the_application,
        a_tool_starts_afresh,
    ],
}

/// What runs through the types that know the context of each statement.
mod executor {
    use super::Audited;

    on_each_database! {
        Audited:
        writes: [
            a_model_is_inserted_updated_saved_and_deleted,
            many_are_inserted_updated_and_deleted,
            what_is_returned_is_recorded_once,
            rows_are_deleted_by_their_id,
            conflicts_are_recorded_as_what_they_did,
            every_type_of_value_is_recorded,
            related_models_are_written_with_their_links,
            statements_of_the_application_are_recorded,
            a_stream_is_read_and_its_connection_goes_back,
        ],
        cut: [what_is_cut_in_a_transaction_reaches_nobody_else],
        executors: [
            closures_and_options_are_those_of_sea_orm,
            each_statement_has_the_context_of_its_task,
            what_ends_out_of_order_commits_nothing,
            what_is_read_is_what_sea_orm_reads,
            what_is_rolled_back_brings_no_old_context,
        ],
    }
}
