//! What is special to PostgreSQL: every case runs on the oldest and on the newest version.
#![cfg(feature = "postgres")]
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "test code: a failure is a panic"
)]

#[path = "postgres/altered.rs"]
mod altered;
#[path = "postgres/roles.rs"]
mod roles;
#[path = "postgres/tables.rs"]
mod tables;
#[path = "postgres/world.rs"]
mod world;

/// Expands to one module a version and in it one test a case, so that each fails by its name.
macro_rules! cases {
    ($($group:ident: [$($case:ident),+ $(,)?]),+ $(,)?) => {
        cases!(@module postgres15, Postgres15, $($group: [$($case),+]),+);
        cases!(@module postgres18, Postgres18, $($group: [$($case),+]),+);
    };
    (@module $module:ident, $server:ident, $($group:ident: [$($case:ident),+]),+) => {
        mod $module {
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
    altered: [
        a_dropped_column_is_left_out,
        a_renamed_column_keeps_its_rule,
        a_retyped_column_is_written_in_its_new_type,
        a_renamed_key_is_still_the_key,
        a_dropped_key_gives_way_to_a_hash,
        an_added_column_is_seen_at_once,
        a_change_of_an_added_column_alone_is_an_event,
        a_renamed_table_is_still_captured,
        partitions_are_read_by_the_columns_of_their_root,
    ],
    roles: [
        an_application_without_rights_writes_events_and_nothing_else,
        an_application_cannot_lend_itself_a_trigger_of_ours,
        an_application_records_its_events_without_choosing_who_or_when,
        words_that_no_reader_knows_are_refused,
        nothing_on_the_callers_path_runs_with_the_owners_rights,
        the_owner_of_a_partitioned_table_can_add_partitions,
        the_check_tells_who_can_erase,
        a_cast_to_json_is_a_finding,
    ],
    tables: [
        partitions_are_known_by_their_root,
        a_row_that_moves_to_another_partition_is_a_delete_and_an_insert,
        partitions_made_later_are_captured,
        truncating_a_root_is_one_event_and_each_partition_its_own,
        inheritance_children_keep_their_columns,
        foreign_tables_are_captured,
        tables_of_one_name_in_two_schemas_are_told_apart,
        columns_named_like_anything_of_ours_are_captured,
        unlogged_tables_are_captured_and_temporary_ones_are_not,
        row_level_security_hides_nothing_from_the_log,
    ],
}
