//! What PostgreSQL has alone.

use super::Elsewhere::{Case, Group, NotThere, Untested};
use super::{
    Elsewhere, MARIADB_DEFERRED, Matter, OWN_TRIGGERS, REFUSED, SQLITE_ACCOUNTS, SQLITE_LOAD,
    SQLITE_PARTITIONS, SQLITE_ROUTINES,
};

pub(super) const MATTERS: &[Matter] = &[
    ("what_only_others_have_is_refused", [REFUSED, REFUSED]),
    (
        "altered",
        [
            Case("a_table_that_changed_is_found_and_fails_typed"),
            Case("a_change_of_the_schema_reaches_idle_connections_at_checkout_and_fails_held_ones"),
        ],
    ),
    (
        "drift",
        [
            Case("check_installs_what_drifted_when_asked_to"),
            Case("a_trigger_that_was_dropped_is_a_finding_and_is_put_back_where_asked_for"),
        ],
    ),
    ("failure", [Group("failures"), Group("failures")]),
    ("migration", [Group("migrations"), Group("processes")]),
    ("order", [OWN_TRIGGERS, OWN_TRIGGERS]),
    (
        "ids_grow_with_the_events_and_carry_their_time",
        [
            Case("each_operation_is_recorded_with_who_did_it"),
            Case("the_last_writer_of_a_record_is_last"),
        ],
    ),
    (
        "a_before_trigger_of_the_application_is_in_the_image",
        [
            Case("triggers_of_the_application_stay_and_come_after_ours"),
            Case("what_a_trigger_does_before_a_write_is_recorded_ahead_of_it"),
        ],
    ),
    ("partitions", [PARTITIONED, SQLITE_PARTITIONS]),
    (
        "a_child_that_comes_later_is_found",
        [MARIADB_INHERITANCE, SQLITE_INHERITANCE],
    ),
    (
        "foreign_keys_reach_partitions_and_the_table_itself",
        [
            NotThere(
                "a partitioned table has no foreign keys; of the table itself: as `a tree is followed \
                 as deep as the server goes`",
                "https://mariadb.com/kb/en/partitioning-limitations/",
            ),
            Case("drawn_statements_replay"),
        ],
    ),
    ("results", [Group("results"), Group("results")]),
    ("probe", [Group("probe"), Group("probe")]),
    ("roles", [Group("roles"), SQLITE_ACCOUNTS]),
    (
        "session",
        [
            Group("sessions"),
            Case("two_users_on_one_connection_are_never_mixed"),
        ],
    ),
    (
        "copy_records_each_row",
        [
            Case("loaded_files_and_procedures_are_recorded"),
            SQLITE_LOAD,
        ],
    ),
    (
        "copy_is_recorded_through_views_filters_and_errors",
        [
            Case("loaded_files_and_procedures_are_recorded"),
            SQLITE_LOAD,
        ],
    ),
    ("merge_records_what_it_did", [MARIADB_MERGE, SQLITE_MERGE]),
    (
        "merge_reaches_every_partition",
        [MARIADB_MERGE, SQLITE_MERGE],
    ),
    (
        "merge_by_source_records_what_it_did",
        [MARIADB_MERGE, SQLITE_MERGE],
    ),
    (
        "statements_within_a_statement_are_recorded",
        [MARIADB_WITH, SQLITE_WITH],
    ),
    (
        "statements_on_one_table_within_a_statement_are_recorded_once",
        [MARIADB_WITH, SQLITE_WITH],
    ),
    (
        "views_and_their_triggers_are_seen_in_their_tables",
        [
            Case("writes_through_a_view_are_recorded"),
            Case("writes_through_a_view_are_recorded"),
        ],
    ),
    (
        "functions_and_procedures_are_captured",
        [
            Case("functions_events_and_xa_are_recorded"),
            SQLITE_ROUTINES,
        ],
    ),
    (
        "a_deferred_constraint_takes_its_events_with_it",
        [
            MARIADB_DEFERRED,
            Case("a_deferred_key_that_is_broken_at_commit_leaves_no_event"),
        ],
    ),
    (
        "foreign_keys_carry_the_actor_to_the_children",
        [
            Case("children_go_with_their_parent_over_several_levels"),
            Case("cascading_delete_records_the_children"),
        ],
    ),
    (
        "truncate_names_each_table_it_empties",
        [
            Case("truncate_is_recorded_where_the_database_tells"),
            Case("truncate_is_recorded_where_the_database_tells"),
        ],
    ),
    (
        "upserts_of_every_kind_record_what_they_did",
        [
            Case("an_upsert_is_the_insert_or_the_update_that_it_was"),
            Case("every_conflict_policy_is_recorded_as_it_ended"),
        ],
    ),
    (
        "partitions_are_known_by_their_root",
        [PARTITIONED, SQLITE_PARTITIONS],
    ),
    (
        "partitions_made_later_are_captured",
        [PARTITIONED, SQLITE_PARTITIONS],
    ),
    (
        "truncating_a_root_is_one_event_and_each_partition_its_own",
        [
            Case("truncate_is_recorded_where_the_database_tells"),
            SQLITE_PARTITIONS,
        ],
    ),
    (
        "a_row_that_moves_to_another_partition_is_a_delete_and_an_insert",
        [PARTITIONED, SQLITE_PARTITIONS],
    ),
    (
        "inheritance_children_keep_their_columns",
        [MARIADB_INHERITANCE, SQLITE_INHERITANCE],
    ),
    (
        "foreign_tables_are_captured",
        [
            Untested(
                "a table of another server has an engine of its own",
                "https://mariadb.com/kb/en/federatedx-storage-engine-overview/",
            ),
            NotThere(
                "a virtual table takes no trigger",
                "https://sqlite.org/lang_createvtab.html",
            ),
        ],
    ),
    (
        "tables_of_one_name_in_two_schemas_are_told_apart",
        [
            Case("another_database_is_audited_into_the_log_of_this_one"),
            Case("a_table_of_an_attached_database_is_not_taken_for_the_one_of_the_main"),
        ],
    ),
    (
        "columns_named_like_anything_of_ours_are_captured",
        [
            Case("odd_names_are_recorded"),
            Case("odd_names_are_captured"),
        ],
    ),
    (
        "unlogged_tables_are_captured_and_temporary_ones_are_not",
        [
            Case("only_tables_are_audited_and_all_of_them"),
            Case("a_temporary_table_of_the_same_name_is_not_taken_for_the_audited_one"),
        ],
    ),
    (
        "row_level_security_hides_nothing_from_the_log",
        [
            NotThere(
                "rights are those on tables and columns",
                "https://mariadb.com/kb/en/grant/",
            ),
            SQLITE_ACCOUNTS,
        ],
    ),
    (
        "tables_named_like_ours_change_nothing",
        [
            Case("a_temporary_table_hides_the_log_from_its_session"),
            Case("a_temporary_table_that_hides_the_log_fails_the_write_and_is_a_finding"),
        ],
    ),
    (
        "wide_tables_are_captured",
        [
            Untested(
                "a table has at most 1017 columns",
                "https://mariadb.com/kb/en/innodb-limitations/",
            ),
            Case("wide_tables_are_captured_and_too_wide_ones_are_a_finding"),
        ],
    ),
    (
        "tables_with_the_longest_names_are_told_apart",
        [
            Case("odd_names_are_recorded"),
            Case("odd_names_are_captured"),
        ],
    ),
    (
        "keys_that_change_places_keep_their_old_ids",
        [
            NotThere(
                "a key is checked row by row",
                "https://mariadb.com/kb/en/constraint/",
            ),
            NotThere(
                "a key is checked row by row",
                "https://sqlite.org/lang_createtable.html",
            ),
        ],
    ),
    (
        "transactions_as_text_are_captured",
        [
            Case("a_transaction_ended_by_hand_keeps_its_id_until_the_connection_is_returned"),
            Case("a_savepoint_takes_back_its_part"),
        ],
    ),
    ("values", [Group("values"), Group("values")]),
];

const SQLITE_INHERITANCE: Elsewhere = NotThere(
    "no table inherits from another",
    "https://sqlite.org/lang_createtable.html",
);

const SQLITE_MERGE: Elsewhere = NotThere(
    "no MERGE is among its statements",
    "https://sqlite.org/lang.html",
);

const SQLITE_WITH: Elsewhere = NotThere(
    "what stands in WITH is a SELECT",
    "https://sqlite.org/lang_with.html",
);

const MARIADB_INHERITANCE: Elsewhere = NotThere(
    "no table inherits from another",
    "https://mariadb.com/kb/en/create-table/",
);

const MARIADB_MERGE: Elsewhere = NotThere(
    "no MERGE is among its statements",
    "https://mariadb.com/kb/en/sql-statements/",
);

const MARIADB_WITH: Elsewhere = NotThere(
    "what stands in WITH is a SELECT",
    "https://mariadb.com/kb/en/with/",
);

const PARTITIONED: Elsewhere = Case("partitioned_tables_are_recorded");
