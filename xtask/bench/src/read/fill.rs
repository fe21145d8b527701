//! A log of many events, written by one statement of the server's own.

use audit_core::Dialect;

/// Of how many events one is of the record `hot`; the others are spread over ten times fewer
/// records than there are events.
pub(super) const HOT: u64 = 10;
/// How many events one statement writes.
const ROWS: u64 = 100_000;

/// How many records the events of a log are spread over.
pub(super) fn records(events: u64) -> u64 {
    (events / 10).max(1)
}

/// The statements that write the events from one number to another, ten milliseconds apart. The
/// record of a number is drawn by a multiplication, so that those of one record lie far apart.
pub(super) fn statements(dialect: Dialect, log: &str, from: u64, to: u64) -> Vec<String> {
    let records = records(to);
    let mut statements = Vec::new();
    let mut next = from;
    while next < to {
        let end = to.min(next + ROWS);
        statements.push(insert(dialect, log, (next, end), records));
        next = end;
    }
    statements
}

fn insert(dialect: Dialect, log: &str, (from, to): (u64, u64), records: u64) -> String {
    let last = to - 1;
    let (with, time, id, numbers) = match dialect {
        Dialect::MySql => (
            String::new(),
            "TIMESTAMPADD(MICROSECOND, n * 10000, '2025-01-01 00:00:00.000000')",
            "UNHEX(LPAD(HEX(n), 32, '0'))",
            format!("(SELECT seq AS n FROM seq_{from}_to_{last}) AS numbers"),
        ),
        Dialect::Postgres => (
            String::new(),
            "'2025-01-01T00:00:00Z'::timestamptz + n * interval '10 milliseconds'",
            "lpad(to_hex(n), 32, '0')::uuid",
            format!("generate_series({from}::bigint, {last}) AS n"),
        ),
        _ => (
            format!(
                "WITH RECURSIVE numbers (n) AS (SELECT {from} UNION ALL SELECT n + 1 FROM numbers \
                 WHERE n < {last}) "
            ),
            "strftime('%Y-%m-%dT%H:%M:%S', 1735689600 + n / 100, 'unixepoch') \
             || printf('.%06dZ', n % 100 * 10000)",
            "unhex(printf('%032x', n))",
            "numbers".to_owned(),
        ),
    };
    let joined = |parts: &[&str]| match dialect {
        Dialect::MySql => format!("CONCAT({})", parts.join(", ")),
        _ => parts.join(" || "),
    };
    let record = match dialect {
        Dialect::MySql => format!("IF(n % {HOT} = 0, 'hot', CAST(n * 7919 % {records} AS CHAR))"),
        _ => {
            format!("CASE n % {HOT} WHEN 0 THEN 'hot' ELSE CAST(n * 7919 % {records} AS text) END")
        }
    };
    let image = |balance: &str| {
        let image = joined(&[
            r#"'{"active":true,"balance":'"#,
            balance,
            r#"',"email":"ada@example.com","id":"'"#,
            "record",
            r#"'","name":"Ada Lovelace","bio":"Writes the first program and says so, at length."}'"#,
        ]);
        match dialect {
            Dialect::Postgres => format!("({image})::json"),
            _ => image,
        }
    };
    let changed = match dialect {
        Dialect::Postgres => "ARRAY['balance']",
        _ => "'[\"balance\"]'",
    };
    let actor = joined(&["'user-'", "n % 100"]);
    let request = joined(&["'request-'", "n / 3"]);
    format!(
        "INSERT INTO {log} (occurred_at, id, schema_version, operation, outcome, actor_kind, source, \
         table_schema, table_name, record_id, before_data, after_data, changed_fields, actor_id, \
         request_id) {with}SELECT {time}, {id}, 1, 'UPDATE', 'success', 'user', 'trigger', NULL, \
         'users', record, {}, {}, {changed}, {actor}, {request} \
         FROM (SELECT n, {record} AS record FROM {numbers}) AS drawn",
        image("n"),
        image("(n + 1)"),
    )
}
