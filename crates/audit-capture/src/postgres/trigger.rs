//! The triggers of one operation on one table, and the function that they call.

use audit_core::Operation;

use crate::catalog::TableKind;
use crate::plan::{Capture, Trigger};
use crate::sql::{short_hash, trigger_name};

use super::built_in::BuiltIn;
use super::{PREFIX, Settings, body, name, text};

/// The longest name in PostgreSQL, in bytes.
const LONGEST_NAME: usize = 63;

/// How a trigger fires, by the bits of `pg_trigger.tgtype`.
///
/// # Source
/// `TRIGGER_TYPE_*` in PostgreSQL's `src/include/catalog/pg_trigger.h`.
struct Firing {
    for_each_row: bool,
    condition: bool,
}

impl Firing {
    fn of(capture: &Capture<'_>) -> Self {
        let table = capture.table;
        let rows_only = table.kind != TableKind::Plain || table.row_triggers_only;
        let is_update = capture.operation == Operation::Update;
        Self {
            for_each_row: is_update || (rows_only && capture.operation != Operation::Truncate),
            condition: is_update && !capture.rule.records_unchanged(),
        }
    }

    fn bits(&self, operation: Operation) -> u8 {
        let operation = match operation {
            Operation::Insert => 4,
            Operation::Delete => 8,
            Operation::Update => 16,
            _ => 32,
        };
        operation + u8::from(self.for_each_row)
    }
}

/// The triggers that capture one operation on one table: one, and for TRUNCATE one more on each
/// partition, because only row triggers reach partitions by themselves.
pub(crate) fn triggers(capture: &Capture<'_>) -> Vec<Trigger> {
    let table = capture.table;
    let is_truncate = capture.operation == Operation::Truncate;
    if is_truncate && table.truncate_unseen {
        return Vec::new();
    }
    let firing = Firing::of(capture);
    let body = match (is_truncate, firing.for_each_row) {
        (true, _) => body::of_truncate(capture),
        (false, true) => body::of_row(capture),
        (false, false) => body::of_statement(capture),
    };
    let schema = table.schema.as_deref().unwrap_or_default();
    let function = function_name(capture.operation, schema, &table.name);
    let on = |schema: &str, table: &str, create: &str| Trigger {
        schema: Some(schema.to_owned()),
        table: table.to_owned(),
        name: trigger(capture),
        create: format!(
            "{create}{}",
            create_trigger(capture, &firing, schema, table, &function)
        ),
        definition: definition(capture, &firing, &function, &body),
    };
    let create = create_function(capture, &function, &body);
    let mut triggers = vec![on(schema, &table.name, &create)];
    if is_truncate {
        let partitions = table.partitions.iter();
        triggers.extend(partitions.map(|(schema, table)| on(schema, table, "")));
    }
    triggers
}

fn trigger(capture: &Capture<'_>) -> String {
    if capture.table.kind == TableKind::Partitioned && capture.operation != Operation::Truncate {
        return root_trigger(capture.operation);
    }
    format!(
        "{PREFIX}{}",
        capture.operation.as_str().to_ascii_lowercase()
    )
}

/// The name of a trigger that the server copies to every partition. A table that has triggers of
/// its own can still become a partition, because none of them has that name.
pub(super) fn root_trigger(operation: Operation) -> String {
    format!("{PREFIX}root_{}", operation.as_str().to_ascii_lowercase())
}

/// The name of a table can be in several schemas, and may have to be cut: the hash tells apart.
fn function_name(operation: Operation, schema: &str, table: &str) -> String {
    let hash = short_hash(&format!("{schema}\u{0}{table}"));
    let readable = trigger_name(
        "",
        operation,
        &format!("{schema}_{table}"),
        LONGEST_NAME - 17,
    );
    format!("{readable}_{hash}")
}

fn create_function(capture: &Capture<'_>, function: &str, body: &str) -> String {
    let function = format!("audit.{}()", name(function));
    let mut create = format!(
        "CREATE OR REPLACE FUNCTION {function} RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER\n\
         {}\nAS {};\nREVOKE ALL ON FUNCTION {function} FROM PUBLIC;\n",
        settings(capture).clauses(),
        text(body),
    );
    // Whoever makes a partition makes its copies of the triggers.
    if let (TableKind::Partitioned, Some(owner)) = (capture.table.kind, &capture.table.owner) {
        let owner = name(owner);
        create.push_str(&format!(
            "GRANT EXECUTE ON FUNCTION {function} TO {owner};\n"
        ));
    }
    create
}

/// The settings that the function needs. One for UPDATE that compares all columns, each held to its
/// type, needs those of these types; the others would not see that a column was given another.
fn settings(capture: &Capture<'_>) -> Settings {
    if capture.operation != Operation::Update {
        return Settings::all();
    }
    let (deciding, noted) = capture.compared_columns();
    let compared = deciding.iter().chain(&noted);
    let known: Option<Vec<BuiltIn>> = compared.map(|column| BuiltIn::of(column)).collect();
    match known {
        Some(known) if known.len() == capture.table.columns.len() => {
            let settings = known.iter().flat_map(|known| known.settings);
            Settings::only(&settings.copied().collect::<Vec<_>>())
        }
        _ => Settings::all(),
    }
}

/// The name of the rows that a statement trigger sees.
fn rows(capture: &Capture<'_>, firing: &Firing) -> Option<&'static str> {
    match capture.operation {
        _ if firing.for_each_row => None,
        Operation::Insert => Some("NEW"),
        Operation::Delete => Some("OLD"),
        _ => None,
    }
}

fn create_trigger(
    capture: &Capture<'_>,
    firing: &Firing,
    schema: &str,
    table: &str,
    function: &str,
) -> String {
    let rows = rows(capture, firing)
        .map(|side| format!(" REFERENCING {side} TABLE AS {}", body::ROWS))
        .unwrap_or_default();
    let each = if firing.for_each_row {
        "ROW"
    } else {
        "STATEMENT"
    };
    // By its bytes, and without the name of a column, which could not be altered then.
    let condition = if firing.condition {
        " WHEN (OLD.* OPERATOR(pg_catalog.*<>) NEW.*)"
    } else {
        ""
    };
    format!(
        "CREATE TRIGGER {} AFTER {} ON {}.{}{rows} FOR EACH {each}{condition} EXECUTE FUNCTION \
         audit.{}()",
        name(&trigger(capture)),
        capture.operation,
        name(schema),
        name(table),
        name(function),
    )
}

/// The trigger and its function as `catalog.sql` tells them.
fn definition(capture: &Capture<'_>, firing: &Firing, function: &str, body: &str) -> String {
    let rows = rows(capture, firing).map_or("", |_| "!rows");
    let condition = if firing.condition {
        "(old.* *<> new.*)"
    } else {
        ""
    };
    format!(
        "type {}\nenabled O\nwhen {condition}\nrows {rows}\ncolumns \narguments 0\n\
         constraint false\nfunction audit.{function}\ndefiner true\nsettings {}\n{body}",
        firing.bits(capture.operation),
        settings(capture).texts(),
    )
}
