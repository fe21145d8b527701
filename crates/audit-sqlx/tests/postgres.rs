//! What is special to PostgreSQL: every case runs on every version.
#![cfg(feature = "postgres")]
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "test code: a failure is a panic"
)]

#[path = "postgres/altered.rs"]
mod altered;
#[path = "postgres/drift.rs"]
mod drift;
#[path = "postgres/failure.rs"]
mod failure;
#[path = "postgres/migration.rs"]
mod migration;
#[path = "postgres/order.rs"]
mod order;
#[path = "postgres/partitions.rs"]
mod partitions;
#[path = "postgres/probe.rs"]
mod probe;
#[path = "postgres/results.rs"]
mod results;
#[path = "postgres/roles.rs"]
mod roles;
#[path = "postgres/session.rs"]
mod session;
#[path = "postgres/statements.rs"]
mod statements;
#[path = "postgres/tables.rs"]
mod tables;
#[path = "postgres/transactions.rs"]
mod transactions;
#[path = "postgres/values.rs"]
mod values;
#[path = "postgres/world.rs"]
mod world;

/// Expands to one module a version, in it one a group, and in this one test a case, so that each fails
/// by its name.
macro_rules! cases {
    ($($group:ident: [$($case:ident),+ $(,)?]),+ $(,)?) => {
        cases!(@module postgres15, Postgres15, $($group: [$($case),+]),+);
        cases!(@module postgres16, Postgres16, $($group: [$($case),+]),+);
        cases!(@module postgres17, Postgres17, $($group: [$($case),+]),+);
        cases!(@module postgres18, Postgres18, $($group: [$($case),+]),+);
    };
    (@module $module:ident, $server:ident, $($group:ident: [$($case:ident),+]),+) => {
        mod $module {
            $(mod $group {
                $(
                    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                    async fn $case() {
                        crate::$group::$case(audit_testkit::Server::$server).await;
                    }
                )+
            })+
        }
    };
}

cases! {
    altered: [
        a_dropped_column_is_left_out,
        a_renamed_column_keeps_its_rule,
        a_retyped_column_is_written_in_its_new_type,
        a_retyped_column_is_compared_and_written_by_its_new_type,
        equal_texts_that_differ_are_a_change,
        a_renamed_key_is_still_the_key,
        a_dropped_key_gives_way_to_a_hash,
        an_added_column_is_seen_at_once,
        a_change_of_an_added_column_alone_is_an_event,
        a_renamed_table_is_still_captured,
        partitions_are_read_by_the_columns_of_their_root,
        types_that_change_are_written_as_they_are_by_then,
        a_generated_column_that_comes_later_stops_no_write,
        a_document_that_was_altered_stays_hidden,
    ],
    drift: [
        whatever_is_changed_is_found_and_mended,
        what_surrounds_the_log_is_found,
        what_no_trigger_can_see_is_found_where_it_is,
        an_index_that_was_not_finished_is_found,
        an_after_trigger_of_the_application_makes_row_triggers,
        triggers_and_functions_go_with_the_rules_and_the_tables,
        drift_is_denied_or_installed_as_the_settings_say,
    ],
    failure: [
        a_log_that_is_gone_or_reshaped_fails_every_write,
        a_locked_log_is_worth_another_try,
        a_log_that_may_not_be_written_refuses_the_change,
        a_write_without_a_context_is_refused_by_a_code_of_its_own,
        errors_of_the_application_are_not_ours,
        a_change_that_is_refused_leaves_the_connection_usable,
        a_log_that_cannot_grow_fails_the_change,
    ],
    migration: [
        a_second_run_changes_nothing,
        down_and_up_again_is_as_if_new,
        the_columns_are_those_of_the_model,
        many_at_once_on_an_empty_database_agree,
        a_role_that_may_not_make_schemas_can_migrate_into_one,
        writers_are_not_hurt_while_it_runs,
    ],
    order: [
        ids_grow_with_the_events_and_carry_their_time,
        triggers_of_the_application_come_after,
        a_before_trigger_of_the_application_is_in_the_image,
        triggers_that_write_the_same_row_are_replayed,
        a_write_to_another_row_of_the_statement_may_be_ahead_of_it,
    ],
    partitions: [
        an_audited_table_can_become_a_partition,
        an_audited_root_becomes_a_partition_without_its_triggers,
        a_table_under_a_root_without_triggers_is_still_captured,
        a_detached_partition_is_found_and_captured_again,
        partitions_in_another_schema_are_their_roots,
        a_foreign_partition_is_captured_through_its_root,
        a_child_that_comes_later_is_found,
        foreign_keys_reach_partitions_and_the_table_itself,
    ],
    results: [
        answers_are_those_of_a_database_without_audit,
        what_answers_alike_is_recorded,
    ],
    probe: [
        triggers_that_do_not_fire_are_found,
        a_connection_that_wrote_under_a_rule_is_found,
        a_log_that_takes_no_rows_is_found,
        events_that_are_changed_on_their_way_are_found,
        connections_that_lose_their_context_are_found,
        a_locked_log_is_no_gap,
        probes_do_not_meet,
    ],
    roles: [
        an_application_without_rights_writes_events_and_nothing_else,
        an_application_cannot_lend_itself_a_trigger_of_ours,
        an_application_records_its_events_without_choosing_who_or_when,
        an_application_cannot_pass_a_late_event_off_as_another,
        words_that_no_reader_knows_are_refused,
        nothing_on_the_callers_path_runs_with_the_owners_rights,
        the_owner_of_a_partitioned_table_can_add_partitions,
        the_check_tells_who_can_erase,
        a_cast_to_json_is_a_finding,
        an_application_proves_capture_without_rights,
        only_the_owner_turns_capture_off_and_is_named,
    ],
    session: [
        values_are_written_alike_whatever_the_session_says,
        a_session_is_left_as_it_was,
        anything_can_be_said_in_a_context,
        the_transaction_scope_leaves_nothing_on_the_session,
        a_stamp_outside_a_scope_is_the_fallback,
        a_hash_is_that_of_the_rfc_and_its_key_is_nowhere,
        a_connection_taken_past_the_checkout_hook_is_nobodys,
    ],
    statements: [
        copy_records_each_row,
        merge_records_what_it_did,
        statements_within_a_statement_are_recorded,
        views_and_their_triggers_are_seen_in_their_tables,
        functions_and_procedures_are_captured,
        a_deferred_constraint_takes_its_events_with_it,
        foreign_keys_carry_the_actor_to_the_children,
        truncate_names_each_table_it_empties,
        merge_reaches_every_partition,
        merge_by_source_records_what_it_did,
        upserts_of_every_kind_record_what_they_did,
        copy_is_recorded_through_views_filters_and_errors,
        statements_on_one_table_within_a_statement_are_recorded_once,
        what_only_others_have_is_refused,
    ],
    tables: [
        partitions_are_known_by_their_root,
        partitions_made_later_are_captured,
        truncating_a_root_is_one_event_and_each_partition_its_own,
        inheritance_children_keep_their_columns,
        foreign_tables_are_captured,
        tables_of_one_name_in_two_schemas_are_told_apart,
        columns_named_like_anything_of_ours_are_captured,
        unlogged_tables_are_captured_and_temporary_ones_are_not,
        row_level_security_hides_nothing_from_the_log,
        a_row_that_moves_to_another_partition_is_a_delete_and_an_insert,
        tables_named_like_ours_change_nothing,
        wide_tables_are_captured,
        tables_with_the_longest_names_are_told_apart,
    ],
    transactions: [
        keys_that_change_places_keep_their_old_ids,
        transactions_as_text_are_captured,
    ],
    values: [
        every_type_is_exact,
        an_altered_table_is_written_the_same,
        a_change_of_any_type_is_seen_by_its_bytes,
        long_keys_are_kept_and_found,
        giant_cells_are_cut_and_the_rest_stays,
        an_image_that_is_too_long_loses_its_longest_cells,
        rules_hold_for_every_kind_of_trigger,
        generated_columns_are_in_the_images_when_they_are_stored,
        types_within_types_are_exact,
        keys_of_any_type_are_texts,
    ],
}
