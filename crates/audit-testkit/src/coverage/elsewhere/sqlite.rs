//! What SQLite has alone.

use super::Elsewhere::{Case, Group, NotThere, Untested};
use super::{
    Elsewhere, MARIADB_DEFERRED, Matter, OWN_TRIGGERS, PAST_THE_HOOK, POSTGRES_REPLACE, REFUSED,
};

pub(super) const MATTERS: &[Matter] = &[
    ("what_only_others_have_is_refused", [REFUSED, REFUSED]),
    (
        "strict_and_rowid_less_tables_are_captured",
        [Group("values"), Group("values")],
    ),
    (
        "an_attached_database_is_a_finding",
        [
            Case("tables_of_one_name_in_two_schemas_are_told_apart"),
            Case("another_database_is_audited_into_the_log_of_this_one"),
        ],
    ),
    (
        "a_temporary_table_that_hides_the_log_fails_the_write_and_is_a_finding",
        [
            Case("tables_named_like_ours_change_nothing"),
            Case("a_temporary_table_hides_the_log_from_its_session"),
        ],
    ),
    (
        "replace_is_seen_as_an_insert_while_the_application_has_triggers",
        [
            POSTGRES_REPLACE,
            Case("replace_records_the_rows_it_removes"),
        ],
    ),
    (
        "a_column_is_dropped_by_unaudited_and_not_otherwise",
        [
            Case("a_dropped_column_is_left_out"),
            Case("a_table_that_changed_is_found_and_fails_typed"),
        ],
    ),
    (
        "unaudited_that_is_cut_gives_no_connection_without_triggers_back",
        TRIGGERS_OF_TABLES,
    ),
    (
        "a_change_of_the_schema_reaches_idle_connections_at_checkout_and_fails_held_ones",
        [
            Case("an_added_column_is_seen_at_once"),
            Case("a_table_that_changed_is_found_and_fails_typed"),
        ],
    ),
    (
        "sixteen_pools_that_migrate_at_once_agree_every_time",
        [
            Case("many_at_once_on_an_empty_database_agree"),
            Case("sixteen_at_once_agree"),
        ],
    ),
    ("other_programs_write_without_events", TRIGGERS_OF_TABLES),
    (
        "rebuilt",
        [
            Case("a_retyped_column_is_written_in_its_new_type"),
            Case("a_table_that_changed_is_found_and_fails_typed"),
        ],
    ),
    (
        "the_shape_of_a_table_is_noted_each_time_it_changes",
        [
            Group("altered"),
            Case("a_retyped_column_is_found_and_fails_no_write"),
        ],
    ),
    (
        "an_attached_pool_works_in_memory_and_keeps_user_hooks",
        IN_MEMORY,
    ),
    (
        "a_pool_that_is_not_attached_is_told_how_to_be",
        [LOST_CONTEXTS, LOST_CONTEXTS],
    ),
    (
        "a_lazy_pool_stamps_its_first_connection",
        [
            Case("two_users_on_one_connection_are_never_mixed"),
            Case("two_users_on_one_connection_are_never_mixed"),
        ],
    ),
    (
        "a_connection_taken_past_the_checkout_hook_is_nobodys",
        [
            PAST_THE_HOOK,
            Case("connections_taken_without_waiting_are_nobodys"),
        ],
    ),
    (
        "wide_tables_are_captured_and_too_wide_ones_are_a_finding",
        [
            Case("wide_tables_are_captured"),
            Untested(
                "a table has at most 1017 columns",
                "https://mariadb.com/kb/en/innodb-limitations/",
            ),
        ],
    ),
    (
        "a_trigger_that_was_dropped_is_a_finding_and_is_put_back_where_asked_for",
        [
            Case("drift_is_denied_or_installed_as_the_settings_say"),
            Case("check_installs_what_drifted_when_asked_to"),
        ],
    ),
    (
        "what_is_not_hidden_of_a_document_keeps_its_bytes",
        [
            Case("a_document_that_was_altered_stays_hidden"),
            Case("a_document_that_is_none_is_kept_as_a_text"),
        ],
    ),
    ("failures", [Group("failure"), Group("failures")]),
    (
        "a_full_database_undoes_the_change_with_its_event",
        [
            Case("a_log_that_cannot_grow_fails_the_change"),
            Case("a_full_log_refuses_the_change"),
        ],
    ),
    (
        "a_database_that_is_locked_for_too_long_undoes_the_change",
        [
            Case("a_locked_log_is_worth_another_try"),
            Case("a_log_that_is_locked_for_too_long_fails_the_change"),
        ],
    ),
    (
        "a_checkout_knows_whether_the_triggers_fit_the_schema_or_says_why_not",
        TRIGGERS_OF_TABLES,
    ),
    ("probe", [Group("probe"), Group("probe")]),
    (
        "processes",
        [
            Case("many_at_once_on_an_empty_database_agree"),
            Case("sixteen_processes_at_once_agree"),
        ],
    ),
    ("results", [Group("results"), Group("results")]),
    (
        "the_total_of_changes_has_the_events_as_well",
        [
            NotThere(
                "a session counts no rows over its statements",
                "https://www.postgresql.org/docs/15/functions-info.html",
            ),
            NotThere(
                "`ROW_COUNT` is that of the last statement",
                "https://mariadb.com/kb/en/row_count/",
            ),
        ],
    ),
    (
        "every_conflict_policy_is_recorded_as_it_ended",
        [
            Case("upserts_of_every_kind_record_what_they_did"),
            Case("a_row_that_ignore_skips_is_no_event"),
        ],
    ),
    (
        "a_write_or_rollback_takes_the_events_of_its_transaction_with_it",
        [
            Case("a_rollback_leaves_nothing"),
            Case("a_rollback_leaves_nothing"),
        ],
    ),
    (
        "a_deferred_key_that_is_broken_at_commit_leaves_no_event",
        [
            Case("a_deferred_constraint_takes_its_events_with_it"),
            MARIADB_DEFERRED,
        ],
    ),
    (
        "a_temporary_table_of_the_same_name_is_not_taken_for_the_audited_one",
        [
            Case("tables_named_like_ours_change_nothing"),
            Untested(
                "a trigger is none of a temporary table",
                "https://mariadb.com/kb/en/create-trigger/",
            ),
        ],
    ),
    (
        "a_table_of_an_attached_database_is_not_taken_for_the_one_of_the_main",
        [
            Case("tables_of_one_name_in_two_schemas_are_told_apart"),
            Case("another_database_in_use_changes_nothing"),
        ],
    ),
    (
        "keys_that_the_database_gives_are_in_the_events",
        [
            Case("answers_are_those_of_a_database_without_audit"),
            Case("results_are_those_of_the_statement"),
        ],
    ),
    (
        "every_change_of_a_table_without_rowids_is_recorded",
        [
            Case("update_of_a_composite_key_keeps_the_old_id"),
            Case("composite_keys_are_followed"),
        ],
    ),
    (
        "a_table_that_appears_is_captured_at_the_next_checkout",
        [
            Case("triggers_and_functions_go_with_the_rules_and_the_tables"),
            Untested(
                "a new table has no triggers until `migrate`, and `check` says so",
                "https://mariadb.com/kb/en/create-trigger/",
            ),
        ],
    ),
    ("triggers", [OWN_TRIGGERS, OWN_TRIGGERS]),
    ("values", [Group("values"), Group("values")]),
];

const LOST_CONTEXTS: Elsewhere = Case("connections_that_lose_their_context_are_found");

const TRIGGERS_OF_TABLES: [Elsewhere; 2] = [
    NotThere(
        "triggers are those of a table, whoever is connected",
        "https://www.postgresql.org/docs/15/sql-createtrigger.html",
    ),
    NotThere(
        "triggers are those of a table, whoever is connected",
        "https://mariadb.com/kb/en/create-trigger/",
    ),
];

const IN_MEMORY: [Elsewhere; 2] = [
    NotThere(
        "a database is that of a server",
        "https://www.postgresql.org/docs/15/tutorial-arch.html",
    ),
    NotThere(
        "a database is that of a server",
        "https://mariadb.com/kb/en/create-database/",
    ),
];
