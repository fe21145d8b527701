//! What MariaDB has alone.

use super::Elsewhere::{Case, Group, NotThere, Untested};
use super::{
    Elsewhere, Matter, OWN_TRIGGERS, PAST_THE_HOOK, POSTGRES_REPLACE, REFUSED, SQLITE_ACCOUNTS,
    SQLITE_LOAD, SQLITE_PARTITIONS, SQLITE_ROUTINES,
};

pub(super) const MATTERS: &[Matter] = &[
    ("what_only_others_have_is_refused", [REFUSED, REFUSED]),
    (
        "cascades",
        [
            Case("foreign_keys_carry_the_actor_to_the_children"),
            Case("cascading_delete_records_the_children"),
        ],
    ),
    (
        "children_follow_the_key_of_their_parent",
        [FOLLOWED_KEYS, FOLLOWED_KEYS],
    ),
    (
        "children_are_found_behind_an_older_snapshot",
        [
            Case("foreign_keys_carry_the_actor_to_the_children"),
            ONE_WRITER,
        ],
    ),
    (
        "without_foreign_key_checks_nothing_cascades",
        [
            Case("triggers_that_do_not_fire_are_found"),
            Untested(
                "what a cascade does is seen by the child's own triggers, and without it they do not fire",
                "https://sqlite.org/pragma.html",
            ),
        ],
    ),
    ("failures", [Group("failure"), Group("failures")]),
    (
        "a_full_log_refuses_the_change",
        [
            Case("a_log_that_cannot_grow_fails_the_change"),
            Case("a_full_database_undoes_the_change_with_its_event"),
        ],
    ),
    (
        "a_log_that_is_locked_for_too_long_fails_the_change",
        [
            Case("a_locked_log_is_worth_another_try"),
            Case("a_database_that_is_locked_for_too_long_undoes_the_change"),
        ],
    ),
    (
        "a_deadlock_keeps_its_number_and_leaves_nothing",
        [
            Untested(
                "the server ends one of the transactions",
                "https://www.postgresql.org/docs/15/explicit-locking.html",
            ),
            NotThere(
                "a second writer waits for the whole file",
                "https://sqlite.org/lockingv3.html",
            ),
        ],
    ),
    (
        "families",
        [
            Case("drawn_statements_replay"),
            Case("drawn_statements_replay"),
        ],
    ),
    (
        "replaced_parents_take_their_children",
        [
            POSTGRES_REPLACE,
            Case("every_conflict_policy_is_recorded_as_it_ended"),
        ],
    ),
    ("a_versioned_child_goes_with_its_parent", VERSIONS),
    ("migrations", [Group("migration"), Group("processes")]),
    (
        "another_database_is_audited_into_the_log_of_this_one",
        [
            Case("tables_of_one_name_in_two_schemas_are_told_apart"),
            Case("an_attached_database_is_a_finding"),
        ],
    ),
    ("probe", [Group("probe"), Group("probe")]),
    ("results", [Group("results"), Group("results")]),
    (
        "an_update_that_sets_the_insert_id_answers_without_it",
        [
            Case("answers_are_those_of_a_database_without_audit"),
            Case("the_last_row_id_stays_the_applications"),
        ],
    ),
    ("roles", [Group("roles"), SQLITE_ACCOUNTS]),
    (
        "sessions",
        [
            Group("session"),
            Case("two_users_on_one_connection_are_never_mixed"),
        ],
    ),
    (
        "each_operation_is_recorded_with_who_did_it",
        [WHO_WHERE_AND_WHY, WHO_WHERE_AND_WHY],
    ),
    (
        "replace_records_the_rows_it_removes",
        [
            POSTGRES_REPLACE,
            Case("every_conflict_policy_is_recorded_as_it_ended"),
        ],
    ),
    (
        "an_upsert_is_the_insert_or_the_update_that_it_was",
        [
            Case("upserts_of_every_kind_record_what_they_did"),
            Case("upsert_records_what_it_did"),
        ],
    ),
    (
        "a_row_that_ignore_skips_is_no_event",
        [
            POSTGRES_IGNORE,
            Case("every_conflict_policy_is_recorded_as_it_ended"),
        ],
    ),
    (
        "a_skipped_row_is_found_behind_an_older_snapshot",
        [POSTGRES_IGNORE, ONE_WRITER],
    ),
    (
        "several_tables_at_once_are_recorded",
        [
            NotThere(
                "UPDATE and DELETE change one table",
                "https://www.postgresql.org/docs/15/sql-update.html",
            ),
            NotThere(
                "UPDATE and DELETE change one table",
                "https://sqlite.org/lang_update.html",
            ),
        ],
    ),
    (
        "order_and_limit_are_followed",
        [
            NotThere(
                "UPDATE and DELETE have no ORDER BY and LIMIT",
                "https://www.postgresql.org/docs/15/sql-update.html",
            ),
            NotThere(
                "the SQLite that is linked is not built with `SQLITE_ENABLE_UPDATE_DELETE_LIMIT`",
                "https://sqlite.org/lang_update.html",
            ),
        ],
    ),
    ("truncate_is_not_seen", [TRUNCATE, TRUNCATE]),
    (
        "loaded_files_and_procedures_are_recorded",
        [Case("copy_records_each_row"), SQLITE_LOAD],
    ),
    (
        "results_are_those_of_the_statement",
        [Group("results"), Group("results")],
    ),
    (
        "partitioned_tables_are_recorded",
        [Group("partitions"), SQLITE_PARTITIONS],
    ),
    ("odd_names_are_recorded", [ODD_NAMES, ODD_NAMES]),
    (
        "names_that_differ_in_case_are_two_tables",
        [
            ODD_NAMES,
            NotThere(
                "the case of a name makes no difference",
                "https://sqlite.org/lang_createtable.html",
            ),
        ],
    ),
    (
        "triggers_of_the_application_stay_and_come_after_ours",
        [OWN_TRIGGERS, OWN_TRIGGERS],
    ),
    (
        "a_statement_that_fails_in_the_middle_leaves_nothing",
        [NOTHING_LEFT, NOTHING_LEFT],
    ),
    (
        "skipped_rows_of_a_table_without_a_key_are_no_events",
        [
            POSTGRES_IGNORE,
            Case("every_conflict_policy_is_recorded_as_it_ended"),
        ],
    ),
    (
        "a_retyped_column_is_found_and_fails_no_write",
        [
            Case("a_retyped_column_is_written_in_its_new_type"),
            NotThere(
                "no ALTER gives a column another type",
                "https://sqlite.org/lang_altertable.html",
            ),
        ],
    ),
    (
        "only_tables_are_audited_and_all_of_them",
        [
            Case("unlogged_tables_are_captured_and_temporary_ones_are_not"),
            Case("a_temporary_table_of_the_same_name_is_not_taken_for_the_audited_one"),
        ],
    ),
    ("versioned_rows_and_portions_of_time_are_recorded", VERSIONS),
    (
        "functions_events_and_xa_are_recorded",
        [
            Case("functions_and_procedures_are_captured"),
            SQLITE_ROUTINES,
        ],
    ),
    (
        "a_key_of_ten_kibibytes_is_kept_where_an_index_takes_its_head",
        [
            Case("long_keys_are_kept_and_found"),
            Case("a_long_key_is_kept"),
        ],
    ),
    (
        "every_character_set_keeps_its_text",
        [
            Case("texts_are_exact"),
            Case("a_text_that_is_no_utf_8_is_kept_as_its_bytes"),
        ],
    ),
    (
        "connections_taken_without_waiting_are_nobodys",
        [PAST_THE_HOOK, PAST_THE_HOOK],
    ),
    (
        "a_log_without_transactions_is_a_finding",
        [
            NotThere(
                "every table has transactions",
                "https://www.postgresql.org/docs/15/mvcc-intro.html",
            ),
            NotThere(
                "every table has transactions",
                "https://sqlite.org/transactional.html",
            ),
        ],
    ),
    ("values", [Group("values"), Group("values")]),
];

const ONE_WRITER: Elsewhere = NotThere(
    "nobody writes between the snapshot and the write of a transaction",
    "https://sqlite.org/isolation.html",
);

const POSTGRES_IGNORE: Elsewhere = NotThere(
    "UPDATE has no IGNORE",
    "https://www.postgresql.org/docs/15/sql-update.html",
);

const FOLLOWED_KEYS: Elsewhere = Case("foreign_keys_that_follow_the_key_are_recorded");

const ODD_NAMES: Elsewhere = Case("odd_names_are_captured");

const NOTHING_LEFT: Elsewhere = Case("a_refused_statement_leaves_nothing");

const TRUNCATE: Elsewhere = Case("truncate_is_recorded_where_the_database_tells");

const WHO_WHERE_AND_WHY: Elsewhere = Case("the_event_says_who_where_and_why");

const VERSIONS: [Elsewhere; 2] = [
    NotThere(
        "no table keeps the versions of its rows",
        "https://www.postgresql.org/docs/15/sql-createtable.html",
    ),
    NotThere(
        "no table keeps the versions of its rows",
        "https://sqlite.org/lang_createtable.html",
    ),
];
