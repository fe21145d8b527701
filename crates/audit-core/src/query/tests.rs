use super::*;
use crate::{DataClass, Operation, Severity};

fn now() -> DateTime<Utc> {
    "2026-01-31T09:00:00Z".parse().unwrap()
}

fn conditions(query: &LogQuery, dialect: Dialect) -> (String, Vec<String>) {
    let bound = query.to_sql(dialect, now()).unwrap();
    let (_, rest) = bound.text.split_once(" FROM ").unwrap();
    let binds = bound.binds.into_iter().map(|bind| match bind {
        Bind::Text(text) => text,
        other => panic!("{other:?} is no text"),
    });
    (rest.to_owned(), binds.collect())
}

#[test]
fn values_are_bound_and_never_in_the_text() {
    let query = LogQuery::new()
        .table("users'; --")
        .record("42")
        .since("24h")
        .limit(5);
    let (text, binds) = conditions(&query, Dialect::Postgres);
    assert_eq!(
        text,
        "(SELECT * FROM (SELECT occurred_at, id FROM audit.audit_logs WHERE (left(record_id, 128) \
         IN (left($1, 128)) AND record_id IN ($2)) AND table_name IN ($3) AND occurred_at >= \
         $4::text::timestamptz ORDER BY occurred_at DESC, id DESC LIMIT 5) AS by_record_id \
         UNION SELECT * FROM (SELECT occurred_at, id FROM audit.audit_logs WHERE \
         (left(previous_record_id, 128) IN (left($5, 128)) AND previous_record_id IN ($6)) AND \
         table_name IN ($7) AND occurred_at >= $8::text::timestamptz ORDER BY occurred_at DESC, \
         id DESC LIMIT 5) AS by_previous_record_id) AS found JOIN audit.audit_logs USING \
         (occurred_at, id) ORDER BY occurred_at DESC, id DESC LIMIT 5"
    );
    assert_eq!(binds[3], "2026-01-30T09:00:00.000000Z");
}

#[test]
fn mariadb_finds_a_short_key_by_what_the_index_has_alone() {
    let record = |key: String| {
        let query = LogQuery::new().record(key);
        conditions(&query, Dialect::MySql).0
    };
    let short = record("é".repeat(127));
    assert!(short.contains("WHERE (record_prefix IN (?) AND CAST(record_prefix AS BINARY) IN (CAST(? AS BINARY))) ORDER"));
    let long = record("é".repeat(128));
    assert!(long.contains("WHERE (record_prefix IN (left(?, 128)) AND (record_id IN (?) AND"));
}

#[test]
fn an_empty_query_has_no_condition() {
    let (text, binds) = conditions(&LogQuery::new().oldest_first(), Dialect::Sqlite);
    assert_eq!(text, "main.audit_logs ORDER BY occurred_at, id LIMIT 100");
    assert!(binds.is_empty());
}

#[test]
fn of_one_filter_any_value_will_do_and_all_filters_must_hold() {
    let query = LogQuery::new()
        .actor(["ann", "ben"])
        .actor(vec!["ben".to_owned()])
        .operation([Operation::Update, Operation::Delete])
        .severity(Severity::High)
        .data_class(DataClass::Public)
        .compliance(["sox", "gdpr"]);
    let (text, binds) = conditions(&query, Dialect::Postgres);
    assert_eq!(
        text,
        "audit.audit_logs WHERE actor_id IN ($1, $2) AND actor_id IN ($3) AND operation IN ($4, $5) \
         AND severity IN ($6) AND data_class IN ($7) AND $8 = ANY(compliance) AND $9 = \
         ANY(compliance) ORDER BY occurred_at DESC, id DESC LIMIT 100"
    );
    assert_eq!(
        binds,
        [
            "ann", "ben", "ben", "UPDATE", "DELETE", "high", "public", "sox", "gdpr"
        ]
    );
}

#[test]
fn a_position_is_a_range_of_times_and_an_order_of_ids() {
    let id = "0190a1b2-0000-7000-8000-00000000000a".parse().unwrap();
    let position = Position {
        occurred_at: now(),
        id,
    };
    let query = LogQuery::new().after(position).limit(3).one_more();
    let (text, binds) = conditions(&query, Dialect::MySql);
    assert_eq!(
        text,
        "audit_logs WHERE occurred_at <= ? AND (occurred_at < ? OR id < UNHEX(?)) ORDER BY \
         occurred_at DESC, id DESC LIMIT 4"
    );
    assert_eq!(binds[2], "0190A1B200007000800000000000000A");
    let (text, _) = conditions(&query.reversed(), Dialect::Postgres);
    assert!(
        text.contains("id > $3::text::uuid) ORDER BY occurred_at, id LIMIT 4"),
        "{text}"
    );
}

#[test]
fn a_second_query_narrows_the_first() {
    let fence = LogQuery::new().tenant("acme").limit(7);
    let both = fence.and(LogQuery::new().tenant("other").oldest_first().limit(9));
    let (text, binds) = conditions(&both, Dialect::Sqlite);
    assert_eq!(
        text,
        "main.audit_logs WHERE tenant_id IN (?) AND tenant_id IN (?) ORDER BY occurred_at, id \
         LIMIT 7"
    );
    assert_eq!(binds, ["acme", "other"]);
}

#[test]
fn what_cannot_be_asked_is_refused() {
    let refused = |query: LogQuery| {
        query
            .to_sql(Dialect::Postgres, now())
            .unwrap_err()
            .to_string()
    };
    for (query, message) in [
        (
            LogQuery::new().since("5yy"),
            "`5yy` is no time; write a duration such as",
        ),
        (LogQuery::new().until("h"), "`h` is no time"),
        (
            LogQuery::new().limit(0),
            "the limit is 0; ask for 1 to 10000 events at once",
        ),
        (LogQuery::new().limit(10_001), "the limit is 10001;"),
        (
            LogQuery::new().since("1h").until("2h"),
            "nothing lies between `2026-01-31T08:00:00",
        ),
        (
            LogQuery::new().actor(Vec::<String>::new()),
            "the filter `actor_id` names no value",
        ),
        (
            LogQuery::new().record(Vec::<String>::new()),
            "the filter `record_id` names no value",
        ),
        (
            LogQuery::new().compliance(Vec::<String>::new()),
            "the filter `compliance` names no",
        ),
        (
            LogQuery::new().id(Vec::<uuid::Uuid>::new()),
            "the filter `id` names no value",
        ),
        (
            LogQuery::new().actor(vec!["a"; 1001]),
            "the filters name 1001 values; ask for at most",
        ),
        (
            LogQuery::new().table("a\0"),
            "a text of the query has a NUL character",
        ),
        (
            LogQuery::new().search(""),
            "a text to search for has 0 characters; give 1 to 500",
        ),
        (
            LogQuery::new().search("é".repeat(501)),
            "a text to search for has 501 characters",
        ),
        (
            LogQuery::new().filter("after.a < 1"),
            "`after.a < 1` is no condition",
        ),
    ] {
        let error = refused(query);
        assert!(error.starts_with(message), "{error}");
    }
    assert!(
        LogQuery::new()
            .search("é".repeat(500))
            .to_sql(Dialect::Sqlite, now())
            .is_ok()
    );
    let quoted = LogQuery::new().filter(r#"after["a\"b"] = 1"#);
    assert!(quoted.to_sql(Dialect::Sqlite, now()).is_ok());
    let error = quoted.to_sql(Dialect::MySql, now()).unwrap_err();
    assert!(
        matches!(error, QueryError::UnsupportedPath { .. }),
        "{error}"
    );
}

#[test]
fn no_text_of_a_query_is_in_a_statement() {
    let odd = "x'?$1\"--";
    let query = LogQuery::new()
        .action(odd)
        .changed(odd)
        .compliance(odd)
        .route(odd)
        .search(odd)
        .filter(FieldFilter::is(Document::After, "[\"x'?$1--\"]", [odd]))
        .filter(FieldFilter::is_not(Document::Before, "a", [1.5]))
        .record(odd);
    for dialect in Dialect::ALL {
        let bound = query.to_sql(*dialect, now()).unwrap();
        assert!(!bound.text.contains("x'?"), "{}", bound.text);
        let places = match dialect {
            Dialect::Postgres => {
                let parts = bound.text.split('$').skip(1);
                parts
                    .filter(|part| part.starts_with(|c: char| c.is_ascii_digit()))
                    .count()
            }
            _ => bound.text.matches('?').count(),
        };
        assert_eq!(places, bound.binds.len(), "{}", bound.text);
    }
}

#[test]
fn only_tables_schemas_and_tenants_are_of_tables() {
    let table = LogQuery::new().table("users").schema("app").tenant("acme");
    assert_eq!(table.check_of_tables(), Ok(()));
    for other in [
        LogQuery::new().actor("ann"),
        LogQuery::new().filter(r#"after.status = "paid""#),
        LogQuery::new().since("1d"),
        LogQuery::new().except(LogQuery::new().table("orders")),
    ] {
        let refused = table.clone().and(other).check_of_tables();
        assert_eq!(refused, Err(QueryError::NotOfTables));
    }
}
