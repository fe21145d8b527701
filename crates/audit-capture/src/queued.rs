//! Events of a lane: one statement writes many, and each of them once.

use audit_core::query::{Bind, BoundQuery};
use audit_core::schema::{Column, ColumnKind, LOG_COLUMNS, LOG_TABLE, qualified};
use audit_core::{Dialect, Operation, QueuedEvent, Source};

use crate::sql::literal;

/// The statement that writes events of a lane, all or none. `recorded_at` is the database's clock.
///
/// An event that is there already stays as it is. On MySQL and MariaDB it fails the statement
/// instead, by the primary key: what would have them overlook it takes more rights, or overlooks more.
#[must_use]
pub fn queued_insert(dialect: Dialect, events: &[QueuedEvent]) -> BoundQuery {
    let text = match dialect {
        Dialect::MySql => format!(
            "INSERT INTO {} FROM JSON_TABLE(?, '$[*]' COLUMNS ({})) AS queued",
            into(dialect),
            columns_of_json()
        ),
        Dialect::Postgres => "SELECT audit.record_queued($1::json)".to_owned(),
        _ => format!(
            "INSERT INTO {} FROM json_each(?1) AS queued WHERE true ON CONFLICT DO NOTHING",
            into(dialect)
        ),
    };
    BoundQuery {
        text,
        binds: vec![Bind::Text(array(events))],
    }
}

/// The events as one JSON array.
fn array(events: &[QueuedEvent]) -> String {
    let bytes: usize = events.iter().map(|event| event.as_json().len() + 1).sum();
    let mut text = String::with_capacity(bytes + 2);
    text.push('[');
    for (index, event) in events.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        text.push_str(event.as_json());
    }
    text.push(']');
    text
}

/// The body of `audit.record_queued`.
pub(crate) fn postgres_body() -> String {
    format!(
        "BEGIN\n    INSERT INTO {} FROM json_array_elements(events) AS queued (value)\n    \
         ON CONFLICT DO NOTHING;\n    RETURN json_array_length(events)::text;\nEND\n",
        into(Dialect::Postgres)
    )
}

/// The table with its columns, and what each of them is selected as.
fn into(dialect: Dialect) -> String {
    let expressions = LOG_COLUMNS
        .iter()
        .filter_map(|column| Some((column.name, expression(dialect, column)?)));
    let (names, values): (Vec<&str>, Vec<String>) = expressions.unzip();
    format!(
        "{} ({}) SELECT {}",
        qualified(dialect, LOG_TABLE),
        names.join(", "),
        values.join(", ")
    )
}

/// The value of a column; `None` where it stays empty. What the caller must not choose is fixed here.
fn expression(dialect: Dialect, column: &Column) -> Option<String> {
    match column.name {
        "operation" => Some(literal(dialect, Operation::Custom.as_str())),
        "source" => Some(literal(dialect, Source::Lane.as_str())),
        "schema_version" => Some(audit_core::schema::SCHEMA_VERSION.to_string()),
        "recorded_at" => Some(now(dialect).to_owned()),
        // By it a follower knows which events it has seen; elsewhere it would tell of the lane alone.
        "transaction_id" => {
            (dialect == Dialect::Postgres).then(|| "pg_current_xact_id()::text".to_owned())
        }
        name => Some(match dialect {
            Dialect::MySql => mysql(&format!("queued.{name}"), column.kind),
            Dialect::Postgres => postgres(&format!("value ->> '{name}'"), column.kind),
            _ => sqlite(&format!("value ->> '$.{name}'"), column.kind),
        }),
    }
}

fn now(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::MySql => "UTC_TIMESTAMP(6)",
        Dialect::Postgres => "clock_timestamp()",
        _ => "audit_now()",
    }
}

/// The columns that the server reads from the JSON array.
fn columns_of_json() -> String {
    let column = |column: &Column| {
        let name = column.name;
        format!("{name} LONGTEXT CHARACTER SET utf8mb4 PATH '$.{name}'")
    };
    let columns: Vec<String> = LOG_COLUMNS.iter().map(column).collect();
    columns.join(", ")
}

fn mysql(text: &str, kind: ColumnKind) -> String {
    match kind {
        ColumnKind::Uuid => format!("UNHEX(REPLACE({text}, '-', ''))"),
        // Without the Z, which is no part of a DATETIME.
        ColumnKind::Time => format!("LEFT({text}, 26)"),
        ColumnKind::Boolean => format!("{text} = 'true'"),
        _ => text.to_owned(),
    }
}

fn postgres(text: &str, kind: ColumnKind) -> String {
    match kind {
        ColumnKind::Boolean => format!("({text})::boolean"),
        ColumnKind::Integer => format!("({text})::bigint"),
        ColumnKind::Json => format!("({text})::json"),
        ColumnKind::List => format!(
            "CASE WHEN {text} IS NOT NULL THEN ARRAY(SELECT json_array_elements_text(({text})::json)) END"
        ),
        ColumnKind::Time => format!("({text})::timestamptz"),
        ColumnKind::Uuid => format!("({text})::uuid"),
        _ => text.to_owned(),
    }
}

fn sqlite(text: &str, kind: ColumnKind) -> String {
    match kind {
        ColumnKind::Boolean => format!("({text}) = 'true'"),
        ColumnKind::Integer => format!("CAST({text} AS INTEGER)"),
        ColumnKind::Uuid => format!("unhex({text}, '-')"),
        _ => text.to_owned(),
    }
}
