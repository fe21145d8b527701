//! Every way to write through SeaORM and what its options say, on each database.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "test code: a failure is a panic"
)]

mod adapter;
#[path = "orm/connections.rs"]
mod connections;
#[path = "orm/entities.rs"]
mod entities;
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

/// Only MariaDB tells a session how many messages it sent; what SeaORM sends is alike everywhere.
mod messages {
    mod mariadb {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn begin_takes_no_message_more_than_sea_orm() {
            let shop = crate::shop::Shop::<sqlx::MySql>::open(audit_testkit::Server::MariaDb).await;
            crate::transactions::begin_takes_no_message_more_than_sea_orm(shop).await;
        }
    }
}

/// The pool behind a connection is one of sqlx, whichever database it is of.
mod lane {
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_refused_statement_is_recorded_through_the_pool_of_the_connection() {
        let shop = crate::shop::Shop::<sqlx::Sqlite>::open(audit_testkit::Server::Sqlite).await;
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

/// Expands to one test a case and database.
macro_rules! on_each_database {
    ($($cases:ident: [$($case:ident),+ $(,)?]),+ $(,)?) => {
        on_each_database!(@ mariadb, MariaDb, sqlx::MySql; $($cases: [$($case),+]),+);
        on_each_database!(@ postgres15, Postgres15, sqlx::Postgres; $($cases: [$($case),+]),+);
        on_each_database!(@ postgres18, Postgres18, sqlx::Postgres; $($cases: [$($case),+]),+);
        on_each_database!(@ sqlite, Sqlite, sqlx::Sqlite; $($cases: [$($case),+]),+);
    };
    (@ $module:ident, $server:ident, $database:ty; $($cases:ident: [$($case:ident),+]),+) => {
        mod $module {
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    crate::$cases::$case(
                        crate::shop::Shop::<$database>::open(audit_testkit::Server::$server).await,
                    )
                    .await;
                }
            )+)+
        }
    };
}

on_each_database! {
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
