use super::*;

/// A log on a day, with partitions whose ends are given; `None` is the one of the rest.
fn log(now: &str, ends: &[Option<&str>]) -> LogPartitions {
    let partition = |end: &Option<&str>| {
        let name = end.map_or(FUTURE.to_owned(), |end| format!("until_{end}"));
        let ends_at = end.map(|end| format!("{end}T00:00:00Z"));
        serde_json::json!({
            "name": name, "ends_at": ends_at, "is_rest": end.is_none(), "rows": 0, "bytes": 0,
        })
    };
    let partitions: Vec<_> = ends.iter().map(partition).collect();
    let key = (!ends.is_empty()).then_some("RANGE (occurred_at)");
    let text = serde_json::json!({
        "now": format!("{now}T12:00:00Z"), "has_log": true, "key": key, "is_unfinished": false,
        "obstacles": [], "partitions": partitions,
    });
    LogPartitions::parse(&text.to_string()).unwrap()
}

fn at(time: &str) -> DateTime<Utc> {
    format!("{time}T00:00:00Z").parse().unwrap()
}

fn create(log: &LogPartitions, ahead: u32, span: Option<(&str, &str)>) -> Vec<String> {
    let change = Change::Create {
        months_ahead: ahead,
    };
    let span = span.map(|(oldest, newest)| (at(oldest), at(newest)));
    let steps = change.steps(Dialect::Postgres, log, span).unwrap();
    steps.into_iter().map(|step| step.what).collect()
}

#[test]
fn a_conversion_ends_its_past_at_a_month_that_is_two_weeks_away() {
    let convert = |now: &str| {
        let change = Change::Convert { months_ahead: 0 };
        let steps = change.steps(Dialect::MySql, &log(now, &[]), None).unwrap();
        let parts = steps.into_iter().map(|step| step.statement);
        let mut parts = parts.filter(|statement| statement.contains("PARTITION BY"));
        parts.next().unwrap()
    };
    let november = convert("2026-11-16");
    assert!(november.contains("`audit_logs_past` VALUES LESS THAN ('2026-12-01 00:00:00')"));
    assert!(november.contains("`audit_logs_2026_12` VALUES LESS THAN ('2027-01-01 00:00:00')"));
    let late = convert("2026-11-17");
    assert!(
        late.contains("`audit_logs_past` VALUES LESS THAN ('2027-01-01 00:00:00')"),
        "{late}"
    );
    assert!(late.contains("`audit_logs_2027_01`"), "{late}");
}

#[test]
fn months_are_made_from_the_last_one_on() {
    let made = log(
        "2026-11-28",
        &[Some("2026-12-01"), Some("2027-01-01"), None],
    );
    assert_eq!(
        create(&made, 3, None),
        ["makes `audit_logs_2027_01` to `audit_logs_2027_02`; writers do not wait"]
    );
    assert_eq!(create(&made, 1, None), [""; 0]);
    // Where months ran out long ago and nothing was written since.
    let old = log("2026-11-28", &[Some("2026-09-01"), None]);
    let steps = create(&old, 0, None);
    assert_eq!(
        steps,
        ["makes `audit_logs_2026_09` to `audit_logs_2026_11`; writers do not wait"]
    );
    // All that had an end is gone.
    let only = log("2026-11-28", &[None]);
    assert_eq!(
        create(&only, 0, None),
        ["makes `audit_logs_2026_11`; writers do not wait"]
    );
}

#[test]
fn what_is_in_the_rest_becomes_a_partition_as_it_is() {
    let out = log("2026-11-28", &[Some("2026-11-01"), None]);
    let steps = create(&out, 2, Some(("2026-11-02", "2026-11-28")));
    assert_eq!(steps.len(), 3, "{steps:?}");
    assert!(
        steps[2].contains("the partition `audit_logs_2026_11`"),
        "{steps:?}"
    );
    assert!(steps[2].contains("`audit_logs_2027_01`;"), "{steps:?}");
    let change = Change::Create { months_ahead: 2 };
    let span = |oldest, newest| Some((at(oldest), at(newest)));
    let refused = change.steps(Dialect::Postgres, &out, span("2026-10-31", "2026-11-28"));
    assert!(
        matches!(refused, Err(PartitionRefusal::OldEvents { .. })),
        "{refused:?}"
    );
    // Events that are all older hinder no new month.
    let steps = create(&out, 0, Some(("2026-10-01", "2026-10-31")));
    assert_eq!(steps, ["makes `audit_logs_2026_11`; writers do not wait"]);
}

#[test]
fn only_a_partition_whose_time_is_over_can_go() {
    let log = log(
        "2026-11-28",
        &[Some("2026-11-01"), Some("2026-12-01"), None],
    );
    let drop = |partition: &str| {
        let partition = partition.to_owned();
        Change::Drop { partition }.steps(Dialect::MySql, &log, None)
    };
    assert_eq!(drop("until_2026-11-01").unwrap().len(), 1);
    for name in ["until_2026-12-01", FUTURE] {
        let name = name.to_owned();
        assert_eq!(drop(&name), Err(PartitionRefusal::InUse { name }));
    }
    assert!(matches!(drop("x"), Err(PartitionRefusal::Unknown { .. })));
}

#[test]
fn a_log_of_another_kind_is_left_alone() {
    let convert = Change::Convert { months_ahead: 1 };
    let create = Change::Create { months_ahead: 1 };
    let mut log = log("2026-11-28", &[]);
    assert_eq!(
        create.steps(Dialect::Postgres, &log, None),
        Err(PartitionRefusal::NotPartitioned)
    );
    log.obstacles.push("view recent".to_owned());
    let refused = convert.steps(Dialect::Postgres, &log, None).unwrap_err();
    assert!(refused.to_string().ends_with("view recent"), "{refused}");
    log.key = Some("HASH (id)".to_owned());
    let key = "HASH (id)".to_owned();
    assert_eq!(
        convert.steps(Dialect::Postgres, &log, None),
        Err(PartitionRefusal::OtherKey { key })
    );
    let many = Change::Convert { months_ahead: 121 };
    log.key = None;
    assert_eq!(
        many.steps(Dialect::Postgres, &log, None),
        Err(PartitionRefusal::TooManyMonths { months: 121 })
    );
    log.obstacles.clear();
    let most = Change::Convert { months_ahead: 120 };
    assert!(most.steps(Dialect::Postgres, &log, None).is_ok());
}

#[test]
fn tables_of_the_log_are_told_from_others() {
    for ours in [
        "audit_logs_2026_11",
        PAST,
        FUTURE,
        "audit_logs_new",
        "audit_logs_rest",
    ] {
        assert!(is_of_log(ours), "{ours}");
    }
    for other in [
        "audit_logs",
        "audit_logs_2026",
        "audit_logs_2026_1",
        "audit_logs_mine",
        "audit_logs_2026_11_x",
    ] {
        assert!(!is_of_log(other), "{other}");
    }
}
