//! Statements that write their own events, against triggers: what one database records by triggers
//! another has to record without.
#![cfg(all(feature = "executor", feature = "postgres"))]
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "test code: a failure is a panic"
)]

#[path = "inline/concurrent.rs"]
mod concurrent;
#[path = "executors/adapter.rs"]
mod executors;
#[path = "inline/pair.rs"]
mod pair;
#[path = "conformance/adapter.rs"]
mod plain;
#[path = "inline/policy.rs"]
mod policy;
#[path = "inline/pool.rs"]
mod pool;
#[path = "executors/said.rs"]
mod said;
#[path = "inline/same.rs"]
mod same;
#[path = "inline/stale.rs"]
mod stale;
#[path = "inline/typed.rs"]
mod typed;
#[path = "inline/uncapturable.rs"]
mod uncapturable;
#[path = "inline/unseen.rs"]
mod unseen;

/// Expands to one module a version and in it one test a case, so that each fails by its name.
macro_rules! cases {
    ($($group:ident: [$($case:ident),+ $(,)?]),+ $(,)?) => {
        cases!(@module postgres15, Postgres15, $($group: [$($case),+]),+);
        cases!(@module postgres16, Postgres16, $($group: [$($case),+]),+);
        cases!(@module postgres17, Postgres17, $($group: [$($case),+]),+);
        cases!(@module postgres18, Postgres18, $($group: [$($case),+]),+);
    };
    (@module $module:ident, $server:ident, $($group:ident: [$($case:ident),+]),+) => {
        mod $module {
            audit_testkit::conformance!(suite, $server, crate::pool::Inline);

            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    crate::$group::$case(audit_testkit::Server::$server).await;
                }
            )+)+
        }
    };
}

cases! {
    concurrent: [
        a_row_that_another_holds_is_recorded_as_it_was_then,
        an_upsert_that_is_not_sure_says_so,
        twenty_thousand_rows_are_paired_in_time,
    ],
    policy: [
        a_recorded_statement_and_its_event_are_one,
        what_cannot_be_captured_is_denied_recorded_or_allowed,
        work_without_a_context_is_refused,
    ],
    same: [
        drawn_statements_are_recorded_as_by_triggers,
        plain_statements_are_recorded_as_by_triggers,
        rules_hold_as_in_triggers,
        values_are_written_alike_whatever_the_session_says,
        a_column_that_comes_later_is_recorded,
        a_role_without_more_than_the_grants_records,
        what_is_given_back_is_called_as_by_the_server,
    ],
    stale: [
        a_column_that_is_dropped_is_planned_anew,
        a_table_that_is_made_later_is_captured,
        a_trigger_that_is_made_later_is_known_in_time,
        what_a_transaction_makes_is_its_own_until_it_ends,
    ],
    typed: [
        a_held_connection_takes_one_message_a_statement,
        every_way_to_run_a_statement_is_captured,
        values_that_do_not_fit_are_refused,
    ],
    uncapturable: [
        a_name_that_means_another_table_is_refused,
        what_cannot_be_captured_is_told_before_it_runs,
        what_changes_nothing_that_is_recorded_runs_as_it_is,
        what_stands_in_the_way_of_a_table_is_told_at_once,
    ],
    unseen: [
        a_row_that_may_not_be_paired_is_refused_below_18,
        names_of_both_rows_are_those_of_the_server,
        row_security_stands_in_the_way,
        rows_of_other_tables_do_not_change_unseen,
        what_triggers_record_is_not_recorded_twice,
    ],
}
