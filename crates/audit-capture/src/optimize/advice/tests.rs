use serde_json::{Value, json};

use super::*;

const SEEN: LogSight = LogSight {
    has_log: true,
    has_statistics: true,
    has_sizes: true,
    has_reads: true,
};

fn figures(events: u64, more: Value) -> LogFigures {
    let mut text = json!({"events": events, "table_bytes": null, "tables": [], "indexes": []});
    if let (Some(text), Value::Object(more)) = (text.as_object_mut(), more) {
        text.extend(more);
    }
    LogFigures::parse(&text.to_string()).unwrap()
}

fn table(name: &str, events: u64, changed: u64, dead: u64, is_analyzed: bool) -> Value {
    json!({"name": name, "events": events, "changed": changed, "dead": dead, "is_analyzed": is_analyzed})
}

fn kinds(figures: &LogFigures) -> Vec<(&'static str, Vec<String>)> {
    let advice = advise(Dialect::Postgres, SEEN, figures, &[]).into_iter();
    let told = advice.map(|advice| {
        let statements = advice.steps.into_iter().map(|step| step.statement);
        (advice.matter.kind(), statements.collect())
    });
    told.collect()
}

fn wanted(opt_in: Option<LogIndex>, is_asked: bool) -> WantedIndex {
    WantedIndex {
        name: "audit_logs_actor".to_owned(),
        statement:
            "CREATE INDEX IF NOT EXISTS audit_logs_actor\n    ON audit.audit_logs (actor_id);\n"
                .to_owned(),
        leads_to: "events by `actor_id`".to_owned(),
        opt_in,
        is_asked,
    }
}

fn of_index(dialect: Dialect, figures: &LogFigures, index: WantedIndex) -> Vec<Advice> {
    advise(dialect, SEEN, figures, &[index])
}

#[test]
fn statistics_are_missed_from_a_thousand_events_on() {
    let missing = |events| {
        figures(
            events,
            json!({"tables": [table("audit_logs", events, 0, 0, false)]}),
        )
    };
    assert_eq!(kinds(&missing(999)), []);
    let analyze = vec![r#"ANALYZE audit."audit_logs""#.to_owned()];
    assert_eq!(kinds(&missing(1_000)), [("no_statistics", analyze)]);
}

#[test]
fn statistics_are_old_when_more_than_a_fifth_has_changed() {
    let changed = |rows| {
        figures(
            10_000,
            json!({"tables": [table("audit_logs", 10_000, rows, 0, true)]}),
        )
    };
    assert_eq!(kinds(&changed(2_000)), []);
    assert_eq!(kinds(&changed(2_001))[0].0, "stale_statistics");
    // A fifth of few rows is none.
    let few = figures(
        1_500,
        json!({"tables": [table("audit_logs", 1_500, 999, 0, true)]}),
    );
    assert_eq!(kinds(&few), []);
}

#[test]
fn dead_rows_are_freed_and_the_log_is_never_cut() {
    let dead = figures(
        10_000,
        json!({"tables": [table("audit_logs", 10_000, 5_000, 2_001, true)]}),
    );
    let vacuum = vec![r#"VACUUM (ANALYZE, TRUNCATE false) audit."audit_logs""#.to_owned()];
    assert_eq!(kinds(&dead), [("dead_rows", vacuum)]);
}

#[test]
fn partitions_are_analyzed_together_or_each() {
    let parts = |is_analyzed| {
        json!({"tables": [
            table("audit_logs", 0, 0, 0, is_analyzed),
            table("audit_logs_past", 5_000, 0, 0, false),
            table("audit_logs_2026_11", 5_000, 0, 0, true),
        ]})
    };
    let together = vec![r#"ANALYZE audit."audit_logs""#.to_owned()];
    assert_eq!(
        kinds(&figures(10_000, parts(false))),
        [("no_statistics", together)]
    );
    let one = vec![r#"ANALYZE audit."audit_logs_past""#.to_owned()];
    assert_eq!(
        kinds(&figures(10_000, parts(true))),
        [("no_statistics", one)]
    );
}

#[test]
fn an_index_that_may_be_is_told_of_a_large_log_alone() {
    let may = || wanted(Some(LogIndex::Actor), false);
    assert_eq!(
        of_index(Dialect::Postgres, &figures(99_999, json!({})), may()),
        []
    );
    let told = of_index(Dialect::Postgres, &figures(100_000, json!({})), may());
    assert_eq!(told[0].matter.kind(), "opt_in_index");
    assert!(
        told[0].matter.is_note() && told[0].steps.is_empty(),
        "{told:?}"
    );
}

#[test]
fn a_missing_index_is_made_while_others_write_where_that_is_possible() {
    let made = |dialect| {
        let told = of_index(dialect, &figures(0, json!({})), wanted(None, true)).remove(0);
        assert_eq!(told.matter.kind(), "missing_index");
        let statement = told.steps[0].statement.replace("\n    ", " ");
        (told.is_safe, statement, told.steps[0].tries)
    };
    let create = |what: &str, end: &str| {
        format!(
            "CREATE INDEX{what} IF NOT EXISTS audit_logs_actor ON audit.audit_logs (actor_id){end}"
        )
    };
    let (concurrently, online) = (" CONCURRENTLY", " WAIT 1 ALGORITHM = INPLACE LOCK = NONE");
    assert_eq!(made(Dialect::Postgres), (true, create(concurrently, ""), 1));
    assert_eq!(made(Dialect::MySql), (true, create("", online), 3));
    assert_eq!(made(Dialect::Sqlite), (false, create("", ""), 1));
}

#[test]
fn an_index_that_was_begun_is_made_anew_and_never_dropped() {
    let index = json!({"name": "audit_logs_actor", "is_unique": false, "bytes": 1, "reads": 1});
    let begun = json!({"indexes": [index], "unfinished": ["audit_logs_actor"]});
    let told = of_index(Dialect::Postgres, &figures(0, begun), wanted(None, true));
    assert_eq!(told[0].matter.kind(), "unfinished_index");
    assert_eq!(told[0].steps.len(), 1);
    assert_eq!(
        told[0].steps[0].statement,
        r#"REINDEX INDEX CONCURRENTLY audit."audit_logs_actor""#
    );
}

#[test]
fn an_index_of_partitions_is_made_of_those_that_lack_it() {
    let index = json!({"name": "audit_logs_actor", "is_unique": false, "bytes": 1, "reads": 1,
        "lacking": ["audit_logs_2026_11", "audit_logs_2026_12"]});
    let begun = json!({"indexes": [index], "leaves": ["audit_logs_past", "audit_logs_2026_11",
        "audit_logs_2026_12"], "unfinished": ["audit_logs_2026_12_actor"]});
    let told = of_index(Dialect::Postgres, &figures(0, begun), wanted(None, true));
    let steps = told[0]
        .steps
        .iter()
        .map(|step| step.statement.replace("\n    ", " "));
    let steps: Vec<String> = steps.collect();
    assert_eq!(steps.len(), 4);
    assert_eq!(
        steps[0],
        r#"CREATE INDEX CONCURRENTLY IF NOT EXISTS "audit_logs_2026_11_actor" ON audit."audit_logs_2026_11" (actor_id)"#
    );
    assert!(steps[1].contains(
        r#"ALTER INDEX audit."audit_logs_actor" ATTACH PARTITION audit."audit_logs_2026_11_actor";"#
    ));
    assert_eq!(
        steps[2],
        r#"REINDEX INDEX CONCURRENTLY audit."audit_logs_2026_12_actor""#
    );
}

#[test]
fn what_is_left_of_an_index_that_was_made_anew_is_told_and_not_dropped() {
    let begun = json!({"unfinished": ["audit_logs_record_ccnew", "audit_logs_record_ccold1", "own_account"]});
    let told = of_index(Dialect::Postgres, &figures(0, begun), wanted(None, false));
    let told: Vec<_> = told
        .iter()
        .map(|advice| {
            let statement = advice.steps[0].statement.as_str();
            (advice.matter.kind(), advice.is_safe, statement)
        })
        .collect();
    assert_eq!(
        told,
        [
            (
                "leftover_index",
                false,
                r#"DROP INDEX CONCURRENTLY audit."audit_logs_record_ccnew""#
            ),
            (
                "leftover_index",
                false,
                r#"DROP INDEX CONCURRENTLY audit."audit_logs_record_ccold1""#
            ),
            (
                "unfinished_index",
                true,
                r#"REINDEX INDEX CONCURRENTLY audit."own_account""#
            ),
        ]
    );
}

#[test]
fn an_index_that_nobody_reads_is_told_unless_every_log_has_it() {
    let index = |reads: Value| {
        json!({"indexes": [
            {"name": "audit_logs_actor", "is_unique": false, "bytes": 1, "reads": reads},
            {"name": "audit_logs_pkey", "is_unique": true, "bytes": 1, "reads": 0},
        ], "counts_since": "2026-11-01"})
    };
    let told = |reads, opt_in| {
        let told = of_index(
            Dialect::Postgres,
            &figures(10, index(reads)),
            wanted(opt_in, false),
        );
        let told = told.into_iter().map(|advice| advice.matter.to_string());
        told.collect::<Vec<_>>().join("; ")
    };
    let unread = told(json!(0), Some(LogIndex::Actor));
    assert!(
        unread.starts_with("nothing has read the index `audit_logs_actor` since 2026-11-01"),
        "{unread}"
    );
    assert_eq!(told(json!(1), Some(LogIndex::Actor)), "");
    assert_eq!(told(json!(null), Some(LogIndex::Actor)), "");
    assert_eq!(told(json!(0), None), "");
}

#[test]
fn what_cannot_be_seen_is_said() {
    let blind = LogSight {
        has_statistics: false,
        has_reads: false,
        ..SEEN
    };
    let told = advise(Dialect::MySql, blind, &figures(0, json!({})), &[]).into_iter();
    let told: Vec<String> = told.map(|advice| advice.matter.to_string()).collect();
    assert!(
        told[0].contains("grant it PROCESS") && told[1].contains("userstat"),
        "{told:?}"
    );
}

fn partitioned(end: &str, rest: u64, is_unfinished: bool) -> LogPartitions {
    let text = json!({
        "now": "2026-11-28T12:00:00Z", "has_log": true, "key": "RANGE (occurred_at)",
        "is_unfinished": is_unfinished, "obstacles": [], "partitions": [
            {"name": "audit_logs_2026_12", "ends_at": end, "is_rest": false, "rows": 5, "bytes": 5},
            {"name": "audit_logs_future", "is_rest": true, "rows": rest, "bytes": 5},
        ],
    });
    LogPartitions::parse(&text.to_string()).unwrap()
}

#[test]
fn the_month_after_this_one_has_a_partition() {
    let advise = |log: LogPartitions, dialect, has_rest| {
        let told = log.advise(dialect, has_rest, Vec::new()).into_iter();
        let told = told.map(|advice| (advice.matter.kind(), advice.is_safe));
        told.collect::<Vec<_>>()
    };
    let told = |log: LogPartitions, dialect| {
        let has_rest = log.rest().unwrap().rows > 0;
        advise(log, dialect, has_rest)
    };
    let log = partitioned;
    let (postgres, maria) = (Dialect::Postgres, Dialect::MySql);
    assert_eq!(told(log("2027-01-01T00:00:00Z", 0, false), postgres), []);
    let late = "2026-12-01T00:00:00Z";
    assert_eq!(told(log(late, 0, false), maria), [("missing_months", true)]);
    // Writers would wait on MariaDB until the events have moved.
    assert_eq!(
        told(log(late, 7, false), postgres),
        [("events_in_rest", true)]
    );
    assert_eq!(
        told(log(late, 7, false), maria),
        [("events_in_rest", false)]
    );
    assert_eq!(
        told(log(late, 7, true), maria),
        [("unfinished_partitions", false)]
    );
    // What is estimated is not what is there.
    assert_eq!(
        advise(log(late, 0, false), maria, true),
        [("events_in_rest", false)]
    );
    assert_eq!(
        advise(log(late, 7, false), maria, false),
        [("missing_months", true)]
    );
}
