//! The trail on real databases: one module a database, one test a case.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "test code: a failure is a panic"
)]

mod store {
    pub(crate) mod as_of;
    pub(crate) mod batches;
    pub(crate) mod changed;
    pub(crate) mod circles;
    pub(crate) mod conflicts;
    pub(crate) mod conversion;
    pub(crate) mod documents;
    pub(crate) mod events;
    pub(crate) mod export;
    pub(crate) mod filters;
    pub(crate) mod follow;
    pub(crate) mod gaps;
    pub(crate) mod history;
    pub(crate) mod holds;
    pub(crate) mod indexes;
    pub(crate) mod libraries;
    pub(crate) mod memory;
    pub(crate) mod optimize;
    pub(crate) mod pages;
    pub(crate) mod partitions;
    pub(crate) mod property;
    pub(crate) mod record;
    pub(crate) mod removal;
    pub(crate) mod retention;
    pub(crate) mod stats;
    pub(crate) mod tenant;
    pub(crate) mod typed;
    pub(crate) mod undo;
    pub(crate) mod world;
}

use store::world::{PARTITIONED, Partitioned};

/// Expands to a test for each case.
macro_rules! tests {
    ($server:ident, $database:ty, $how:expr, $($case:ident :: $name:ident),+ $(,)?) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            let case = crate::store::$case::$name::<$database>(audit_testkit::Server::$server);
            let how: Option<crate::Partitioned> = $how;
            match how {
                Some(how) => crate::PARTITIONED.scope(how, case).await,
                None => case.await,
            }
        })+
    };
}

/// Expands to what holds on every log, whatever it is kept in.
macro_rules! every_log {
    ($server:ident, $database:ty, $how:expr) => {
        tests! { $server, $database, $how,
                as_of::a_column_that_is_hidden_is_the_only_gap,
                as_of::a_filtered_table_is_what_a_full_read_showed_then,
                as_of::a_part_of_a_document_is_compared,
                as_of::a_record_is_what_a_full_read_showed_then,
                as_of::a_table_of_many_keys_is_given_once,
                as_of::images_of_changes_make_what_a_full_read_showed,
                as_of::nothing_is_there_once_a_table_was_emptied,
                as_of::what_cannot_be_compared_is_given,
                as_of::what_was_never_recorded_is_a_gap,
                batches::a_batch_is_found_by_the_primary_key,
                changed::images_of_changes_tell_what_whole_ones_do,
                circles::rows_that_need_each_other_are_a_conflict,
                circles::rows_that_take_each_other_along_are_a_conflict,
                circles::a_circle_that_is_skipped_puts_nothing_off,
                circles::what_waits_for_a_circle_is_skipped_with_it,
                circles::a_row_that_needs_another_is_in_no_circle,
                circles::a_change_of_something_else_lets_nothing_go,
                documents::a_column_that_takes_no_null_any_more_is_a_conflict,
                documents::a_document_of_a_column_that_took_no_null_comes_back,
                documents::documents_are_undone_and_redone,
                documents::what_took_no_null_when_it_was_noted_is_told,
                documents::what_may_be_null_or_a_document_is_told,
                export::a_download_is_the_file,
                export::a_file_reads_back_as_the_events,
                filters::random_queries_find_what_a_model_finds,
                filters::fields_are_found_whatever_else_a_document_holds,
                filters::a_text_is_found_in_every_place_that_is_searched,
                filters::an_id_leads_to_its_event,
                follow::what_is_given_is_in_pages_and_only_once,
                gaps::a_record_that_came_without_images_is_unknown,
                gaps::events_meet_over_one_without_images,
                gaps::images_that_do_not_meet_are_a_gap,
                gaps::what_a_tenant_cannot_see_is_a_gap,
                gaps::what_an_event_does_not_show_is_no_such_gap,
                gaps::what_an_event_without_images_did_is_a_gap,
                gaps::what_happened_while_capture_was_off_is_a_gap,
                gaps::what_no_event_tells_is_a_gap,
                gaps::who_no_event_tells_is_not_guessed,
                libraries::every_library_tells_what_a_full_read_showed_then,
                optimize::an_index_that_is_missing_is_made,
                optimize::sizes_are_those_of_the_database,
                optimize::statistics_that_are_old_are_made_anew,
                pages::every_event_of_the_first_page_is_on_one_page,
                pages::a_list_goes_back_as_it_went_on,
                pages::a_span_of_time_is_that_of_the_first_page,
                pages::an_event_has_its_neighbours,
                record::a_record_is_one_over_changes_of_its_key,
                record::each_field_is_blamed_on_who_set_it,
                holds::a_batch_is_given_once,
                holds::a_hold_is_an_event_and_stays_in_its_table,
                holds::a_hold_never_loses_the_race_with_a_batch,
                retention::policies_and_holds_leave_what_a_model_leaves,
                holds::a_transaction_that_sees_the_past_keeps_what_is_held,
                holds::purges_at_once_remove_each_event_once,
                holds::what_cannot_be_placed_or_released_is_told,
                holds::what_is_held_meanwhile_stays,
                holds::who_may_not_remove_is_told,
                stats::numbers_are_those_of_a_model,
                tenant::a_tenant_follows_and_downloads_its_own_events,
                tenant::a_tenant_is_told_what_its_own_events_tell,
                tenant::a_tenant_sees_its_own_events_alone,
                typed::a_value_has_the_type_of_its_column,
                typed::columns_that_changed_are_read_as_they_were,
                typed::what_an_alteration_did_is_a_gap,
                undo::random_work_is_undone_and_redone,
                undo::every_value_comes_back_as_it_was,
                undo::a_unique_value_goes_back_the_way_it_came,
                undo::a_cascade_comes_back_with_its_parent,
                undo::rows_in_a_circle_are_undone_and_redone,
                conflicts::a_record_that_came_or_went_in_between_is_a_conflict,
                conflicts::what_happened_in_between_is_a_conflict,
                conflicts::what_has_changed_since_is_a_conflict_by_field,
                conflicts::what_waits_for_a_conflict_is_skipped_with_it,
                conflicts::what_waits_for_what_is_back_is_not_skipped,
                conflicts::a_child_of_another_key_keeps_its_parent,
                conflicts::a_child_that_left_holds_nobody_back,
                conflicts::what_others_refer_to_does_not_go,
                conflicts::what_the_log_does_not_hold_is_missing,
                conflicts::what_nothing_can_take_back_is_told,
                conflicts::a_key_that_grew_is_told_and_touches_no_row,
                undo::a_database_goes_back_to_an_event,
                undo::a_key_that_another_took_is_free_again,
        }
    };
}

/// Expands to the tests of one database.
macro_rules! database {
    ($module:ident, $server:ident, $database:ty) => {
        mod $module {
            every_log! { $server, $database, None }
            tests! { $server, $database, None,
                // Of many events, and of what is the same where they are in partitions.
                follow::ten_thousand_late_commits_are_given_once,
                memory::a_longer_log_takes_no_more_memory,
                indexes::each_shape_of_query_takes_the_index_that_is_named,
            }
        }
    };
}

/// Expands to the tests of one database that has partitions.
macro_rules! partitioned {
    ($module:ident, $server:ident, $database:ty) => {
        mod $module {
            every_log! { $server, $database, Some(crate::Partitioned::Split) }
            tests! { $server, $database, Some(crate::Partitioned::Converted),
                indexes::each_shape_of_query_takes_the_index_that_is_named,
                optimize::an_index_is_made_while_others_write,
            }
            tests! { $server, $database, None,
                conversion::a_conversion_stops_no_writer,
                conversion::a_conversion_waits_for_open_transactions,
                optimize::events_without_a_month_are_seen_whatever_is_estimated,
                optimize::the_next_months_are_made,
                partitions::a_span_of_time_reads_its_partitions_alone,
                removal::a_removal_that_fails_is_told_as_one,
                conversion::an_interrupted_conversion_is_ended,
                conversion::events_without_a_month_get_one,
                conversion::migrations_go_on_as_before,
                removal::a_month_that_a_policy_keeps_stays,
                removal::a_month_that_is_held_stays,
                removal::months_leave_with_an_event,
                partitions::two_changes_do_not_run_at_once,
                conversion::what_cannot_be_taken_along_is_told,
                conversion::what_is_on_the_log_stays_on_it,
            }
        }
    };
}

database!(mariadb, MariaDb, sqlx::MySql);
database!(postgres15, Postgres15, sqlx::Postgres);
database!(postgres16, Postgres16, sqlx::Postgres);
database!(postgres17, Postgres17, sqlx::Postgres);
database!(postgres18, Postgres18, sqlx::Postgres);
database!(sqlite, Sqlite, sqlx::Sqlite);
/// Expands to tests of one server that others do not have: by what many do at once, or by its tables.
macro_rules! shared {
    ($module:ident, $server:ident, $database:ty, $($case:ident :: $name:ident),+ $(,)?) => {
        mod $module {
            tests! { $server, $database, None, $($case :: $name),+ }
        }
    };
}

shared!(
    mariadb_shared,
    MariaDb,
    sqlx::MySql,
    optimize::an_index_is_made_while_others_write,
    optimize::an_index_that_nobody_reads_is_told,
    optimize::statistics_are_seen_whatever_the_database_is_called,
);
shared!(
    postgres18_shared,
    Postgres18,
    sqlx::Postgres,
    indexes::a_search_takes_an_index_of_trigrams,
    optimize::an_index_is_made_while_others_write,
    optimize::an_index_that_nobody_reads_is_told,
    optimize::an_index_that_was_begun_is_ended,
    optimize::a_part_of_an_index_that_was_begun_is_ended,
    optimize::what_is_left_of_a_broken_off_reindex_is_told,
);
shared!(
    postgres15_tables,
    Postgres15,
    sqlx::Postgres,
    as_of::a_partition_that_was_emptied_is_a_gap,
);
shared!(
    postgres18_tables,
    Postgres18,
    sqlx::Postgres,
    as_of::a_partition_that_was_emptied_is_a_gap,
);
partitioned!(mariadb_partitioned, MariaDb, sqlx::MySql);
partitioned!(postgres15_partitioned, Postgres15, sqlx::Postgres);
partitioned!(postgres18_partitioned, Postgres18, sqlx::Postgres);

#[tokio::test]
async fn sqlite_has_no_partitions() {
    store::partitions::a_database_without_partitions_says_so().await;
}

#[tokio::test]
async fn more_events_than_one_plan_takes_are_refused() {
    store::undo::more_events_than_one_plan_takes_are_refused().await;
}
