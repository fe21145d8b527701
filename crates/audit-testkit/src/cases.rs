//! The cases, one function each; every one of them states its outcome for every database.

pub mod cancellation;
pub mod context;
pub mod failure;
pub mod fidelity;
pub mod generated;
pub mod probe;
pub mod rules;
pub mod shape;
pub mod story;
pub mod switch;
pub mod transaction;
pub mod write;

/// Hands the list of all cases to another macro: `callback! { (prefix) group: [case, ..], .. }`.
#[macro_export]
#[doc(hidden)]
macro_rules! each_case {
    ([$($callback:tt)+] ($($prefix:tt)*)) => {
        $($callback)+! {
            ($($prefix)*)
            write: [
                insert_records_the_row,
                multi_row_insert_records_each_row,
                insert_from_select_records_each_row,
                update_records_both_images,
                bulk_update_records_each_row,
                update_of_nothing_records_nothing,
                update_without_a_change_records_nothing,
                update_of_the_key_keeps_the_old_id,
                update_of_a_composite_key_keeps_the_old_id,
                delete_records_the_row,
                delete_of_everything_records_each_row,
                cascading_delete_records_the_children,
                upsert_records_what_it_did,
                upsert_that_does_nothing_records_nothing,
                replace_records_the_row_it_removes,
                values_with_quotes_are_kept,
                odd_names_are_captured,
                a_table_without_a_key_is_known_by_its_hash,
                results_are_the_same_as_without_audit,
                foreign_keys_that_set_null_are_recorded,
                foreign_keys_that_follow_the_key_are_recorded,
                triggers_of_the_application_are_recorded_in_order,
                generated_columns_are_in_the_images,
                writes_through_a_view_are_recorded,
                update_from_another_table_records_each_row,
                delete_by_another_table_records_each_row,
                truncate_is_recorded_where_the_database_tells,
            ],
            transaction: [
                a_commit_keeps_its_events_together,
                a_rollback_leaves_nothing,
                a_savepoint_takes_back_its_part,
                an_error_in_the_middle_leaves_what_was_kept,
                a_refused_statement_leaves_nothing,
                transactions_have_ids_of_their_own,
                racing_writers_of_a_record_are_in_order,
                the_last_writer_of_a_record_is_last,
                a_manual_event_goes_with_its_transaction,
            ],
            context: [
                the_event_says_who_where_and_why,
                a_write_without_a_context_is_unknown,
                a_missing_context_can_be_a_system_actor,
                a_missing_context_can_be_denied,
                two_users_on_one_connection_are_never_mixed,
                a_bare_spawn_is_unknown_and_a_carried_one_is_not,
                suppression_drops_images_but_no_events,
                the_log_is_narrowed_by_each_filter,
            ],
            cancellation: [
                a_checkout_cut_at_every_poll_leaves_a_clean_connection,
                a_begin_cut_at_every_poll_leaves_a_clean_connection,
                a_statement_cut_at_every_poll_leaves_a_clean_connection,
                a_commit_cut_at_every_poll_leaves_a_clean_connection,
                a_rollback_cut_at_every_poll_leaves_a_clean_connection,
                a_release_cut_at_every_poll_leaves_a_clean_connection,
                a_transaction_cut_at_every_poll_leaves_a_clean_connection,
                a_check_cut_at_every_poll_leaves_a_clean_connection,
                a_forgotten_raw_begin_does_not_reach_the_next_borrower,
                a_held_connection_keeps_its_context_until_it_is_stamped,
            ],
            rules: [
                redacted_columns_are_hidden_and_their_change_is_not,
                ignored_columns_make_no_event_alone,
                excluded_tables_and_operations_are_not_recorded,
                changed_snapshots_hold_the_changed_columns,
                included_columns_are_the_only_ones,
                enrichment_is_on_the_event,
                unchanged_updates_are_recorded_when_asked_for,
                hidden_parts_are_hidden_and_their_change_is_not,
                what_cannot_be_taken_apart_is_hidden_whole,
                overlapping_paths_are_hidden_by_the_stronger,
                parts_are_hidden_wherever_an_image_is_made,
                odd_names_in_paths_are_hidden,
                a_path_into_a_column_without_json_hides_the_column,
                drawn_documents_show_what_a_parser_would,
            ],
            fidelity: [
                numbers_are_exact,
                texts_are_exact,
                bytes_are_exact,
                null_is_not_absent,
                a_long_cell_is_cut_and_says_so,
                a_long_key_is_kept,
            ],
            shape: [
                the_log_has_the_columns_of_the_dictionary,
                down_and_up_again_is_as_fresh,
                the_files_can_be_run_by_hand,
                indexes_are_made_when_asked_for,
                the_history_of_a_record_is_found_by_indexes,
            ],
            generated: [
                drawn_statements_replay,
            ],
            story: [
                the_story_gives_the_known_events,
            ],
            failure: [
                a_missing_log_fails_the_change,
                a_locked_log_fails_the_change,
                migrate_can_run_again,
                racing_migrations_agree,
                an_added_column_is_captured_after_migrate,
                check_finds_a_rule_that_fits_nothing,
            ],
            probe: [
                a_check_leaves_nothing,
                check_finds_a_log_that_takes_no_rows,
                check_finds_a_missing_index,
                check_finds_a_probe_without_triggers,
            ],
            switch: [
                the_switch_is_compiled_in_and_its_change_is_an_event,
                the_switch_can_be_for_one_table,
                a_setting_that_means_nothing_is_refused,
            ]
        }
    };
}

/// Makes one test of each case for a database: the module is named after the server, so that a
/// run can be narrowed to it.
///
/// Expands to `mod $module { #[tokio::test] async fn case() { run_case(.., case::<$adapter>) } .. }`.
#[macro_export]
macro_rules! conformance {
    ($module:ident, $server:ident, $adapter:ty) => {
        $crate::each_case!([$crate::conformance] ($module, $server, $adapter));
    };
    (($module:ident, $server:ident, $adapter:ty)
        $($group:ident: [$($case:ident),+ $(,)?]),+ $(,)?) => {
        mod $module {
            #[expect(unused_imports, reason = "the adapter may be named by a path")]
            use super::*;
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    let case = $crate::cases::$group::$case::<$adapter>;
                    $crate::run_case::<$adapter, _>($crate::Server::$server, stringify!($case), case).await;
                }
            )+)+
        }
    };
}

/// Makes the tests of [`conformance!`](crate::conformance) for the cases of cancellation alone: what
/// another pool of a library adds to the suite, which runs through one.
#[macro_export]
macro_rules! cancellation {
    ($module:ident, $server:ident, $adapter:ty) => {
        $crate::each_case!([$crate::cancellation] ($module, $server, $adapter));
    };
    ($test:tt write: $write:tt, transaction: $transaction:tt, context: $context:tt,
        cancellation: $cancellation:tt, $($more:tt)*) => {
        $crate::conformance!($test cancellation: $cancellation);
    };
}

/// Makes the tests of [`conformance!`](crate::conformance) for the story, transactions and context
/// alone: what types that carry a context add to the suite, which runs through the pool beneath.
#[macro_export]
macro_rules! executors {
    ($module:ident, $server:ident, $adapter:ty) => {
        $crate::each_case!([$crate::executors] ($module, $server, $adapter));
    };
    ($test:tt write: $write:tt, transaction: $transaction:tt, context: $context:tt,
        cancellation: $cancellation:tt, rules: $rules:tt, fidelity: $fidelity:tt, shape: $shape:tt,
        generated: $generated:tt, story: $story:tt, $($more:tt)*) => {
        $crate::conformance!(
            $test transaction: $transaction, context: $context, story: $story
        );
    };
}

/// Expands to the names of all cases by group.
macro_rules! names {
    (() $($group:ident: [$($case:ident),+ $(,)?]),+ $(,)?) => {
        &[$((stringify!($group), &[$(stringify!($case)),+])),+]
    };
}

/// The names of all cases, by group.
pub const CASES: &[(&str, &[&str])] = each_case!([names]());
