//! The lane on real databases: one module a database, one test a case.
#![expect(
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "test code: a failure is a panic"
)]

mod lane {
    pub(crate) mod crash;
    pub(crate) mod ends;
    pub(crate) mod events;
    pub(crate) mod failures;
    pub(crate) mod overflow;
    pub(crate) mod stuck;
    pub(crate) mod world;
}

/// Expands to the tests of one database.
macro_rules! database {
    ($module:ident, $server:ident, $database:ty) => {
        database! { $module, $server, $database,
            crash::a_process_that_is_killed_loses_nothing_that_it_spilled,
            ends::a_lost_event_is_told_without_another_one,
            ends::a_shutdown_that_was_cut_off_is_taken_over_by_the_next,
            ends::what_a_shutdown_lost_the_next_one_tells_too,
            ends::what_comes_after_the_end_goes_into_the_file,
            ends::what_was_dropped_is_told_by_the_next_lane_of_the_file,
            events::a_follower_sees_an_event_that_waited,
            events::an_event_has_the_context_of_the_call_that_sent_it,
            events::an_event_that_is_refused_holds_up_no_other,
            events::every_text_arrives_as_it_was,
            events::what_is_written_again_is_there_once,
            failures::a_refused_statement_leaves_an_event_when_all_else_is_rolled_back,
            failures::a_statement_without_the_right_to_it_is_denied,
            failures::what_succeeds_and_what_gets_no_answer_is_told_apart,
            overflow::a_sender_waits_for_room_and_no_longer,
            overflow::a_stalled_database_slows_nobody_and_fills_no_memory,
            overflow::what_is_left_at_the_end_is_told_or_kept,
            overflow::what_was_spilled_is_written_when_the_database_is_back,
            stuck::a_connection_without_an_answer_is_given_up,
            stuck::an_event_that_only_fails_holds_up_no_other,
        }
    };
    ($module:ident, $server:ident, $database:ty, $($case:ident :: $name:ident),+ $(,)?) => {
        mod $module {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                crate::lane::$case::$name::<$database>(audit_testkit::Server::$server).await;
            })+
        }
    };
}

database!(mariadb, MariaDb, sqlx::MySql);
database!(postgres15, Postgres15, sqlx::Postgres);
database!(postgres16, Postgres16, sqlx::Postgres);
database!(postgres17, Postgres17, sqlx::Postgres);
database!(postgres18, Postgres18, sqlx::Postgres);
database!(sqlite, Sqlite, sqlx::Sqlite);
