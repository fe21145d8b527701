//! Breaking the triggers on purpose: each way must turn the suite red, or the suite proves
//! nothing.
//!
//! The triggers are rewritten in the database, after the code under test has installed them. The
//! way is named by the environment variable `AUDIT_TEST_SABOTAGE`, which
//! `cargo xtask test --sabotage` sets.

use audit_core::Dialect;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Executor, Row};

use crate::database::Raw;

/// One way to break a trigger.
#[derive(Debug, Clone, Copy)]
enum Edit {
    /// A column of the event gets another expression.
    Set(&'static str, &'static str),
    /// A column of the event gets the expression of another one.
    Copy(&'static str, &'static str),
    /// The triggers of an operation are gone.
    Miss(&'static str),
}

/// Every way, by name.
const SABOTAGES: [(&str, Edit); 20] = [
    ("actor_is_somebody_else", Edit::Set("actor_id", "'mallory'")),
    ("actor_kind_is_lost", Edit::Set("actor_kind", "'unknown'")),
    ("after_is_before", Edit::Copy("after_data", "before_data")),
    ("after_is_lost", Edit::Set("after_data", "NULL")),
    ("before_is_after", Edit::Copy("before_data", "after_data")),
    ("before_is_lost", Edit::Set("before_data", "NULL")),
    (
        "changed_fields_are_lost",
        Edit::Set("changed_fields", "NULL"),
    ),
    (
        "clock_stands_still",
        Edit::Set("occurred_at", "'2026-01-01 00:00:00'"),
    ),
    ("context_is_lost", Edit::Set("context", "NULL")),
    ("deletes_are_missed", Edit::Miss("DELETE")),
    ("inserts_are_missed", Edit::Miss("INSERT")),
    ("key_is_lost", Edit::Set("record_id", "'0'")),
    ("label_is_lost", Edit::Set("label", "NULL")),
    ("old_key_is_lost", Edit::Set("previous_record_id", "NULL")),
    ("operation_is_wrong", Edit::Set("operation", "'CUSTOM'")),
    ("reason_is_lost", Edit::Set("reason", "NULL")),
    ("request_is_lost", Edit::Set("request_id", "NULL")),
    ("severity_is_lost", Edit::Set("severity", "NULL")),
    ("table_is_wrong", Edit::Set("table_name", "'users'")),
    ("updates_are_missed", Edit::Miss("UPDATE")),
];

/// The names of all ways.
pub fn names() -> impl Iterator<Item = &'static str> {
    SABOTAGES.iter().map(|(name, _)| *name)
}

fn chosen() -> Option<Edit> {
    let name = std::env::var("AUDIT_TEST_SABOTAGE").ok()?;
    let found = SABOTAGES.iter().find(|(known, _)| *known == name);
    Some(
        found
            .unwrap_or_else(|| panic!("no sabotage is called {name}"))
            .1,
    )
}

/// What an edit makes of the definition of a trigger: itself, another one, or nothing.
fn edited(edit: Edit, definition: &str, operation: &str) -> Option<String> {
    match edit {
        Edit::Miss(missed) if missed == operation => None,
        Edit::Miss(_) => Some(definition.to_owned()),
        Edit::Set(column, value) => Some(with_column(definition, column, |_| value.to_owned())),
        Edit::Copy(column, other) => Some(with_column(definition, column, |row| {
            let found = row.iter().find(|(name, _)| name == other);
            found.map_or_else(|| "NULL".to_owned(), |(_, value)| value.clone())
        })),
    }
}

/// Gives one column of the row that a trigger writes another expression.
fn with_column(
    definition: &str,
    column: &str,
    value: impl Fn(&[(String, String)]) -> String,
) -> String {
    let mut result = String::new();
    let mut rest = definition;
    while let Some(row) = Insert::find(rest) {
        let mut columns: Vec<(String, String)> = row
            .names
            .iter()
            .cloned()
            .zip(row.values.iter().cloned())
            .collect();
        let new = value(&columns);
        if let Some(place) = columns.iter_mut().find(|(name, _)| name == column) {
            place.1 = new;
        }
        let values: Vec<&str> = columns.iter().map(|(_, value)| value.as_str()).collect();
        result.push_str(&rest[..row.start]);
        result.push(' ');
        result.push_str(&values.join(", "));
        result.push(' ');
        rest = &rest[row.end..];
    }
    result + rest
}

/// The next INSERT into the log in a text: its columns, and the span of their expressions.
struct Insert {
    names: Vec<String>,
    values: Vec<String>,
    start: usize,
    end: usize,
}

impl Insert {
    fn find(text: &str) -> Option<Self> {
        let lower = text.to_ascii_lowercase();
        let at = lower.find("audit_logs")?;
        let open = at + lower[at..].find('(')? + 1;
        let close = open + lower[open..].find(')')?;
        let names: Vec<String> = text[open..close]
            .split(',')
            .map(|name| name.trim().to_owned())
            .collect();
        let after = &lower[close + 1..];
        let (start, stop) = if after.trim_start().starts_with("values") {
            (close + 1 + after.find('(')? + 1, ")")
        } else {
            (close + 1 + after.find("select")? + "select".len(), "from")
        };
        let (values, length) = expressions(&text[start..], stop);
        assert_eq!(names.len(), values.len(), "a row of the log in {text}");
        Some(Self {
            names,
            values,
            start,
            end: start + length,
        })
    }
}

/// Splits a list at its commas, up to a closing parenthesis or the word FROM of its own level.
fn expressions(text: &str, stop: &str) -> (Vec<String>, usize) {
    let (mut values, mut value) = (Vec::new(), String::new());
    let (mut depth, mut quote) = (0_usize, None);
    for (index, character) in text.char_indices() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (None, '\'' | '"' | '`') => quote = Some(character),
            _ => {}
        }
        if quote.is_none() {
            let ends = match stop {
                ")" => character == ')',
                word => {
                    text[index..]
                        .to_ascii_lowercase()
                        .starts_with(&format!("{word} "))
                        && value.ends_with(char::is_whitespace)
                }
            };
            if depth == 0 && ends {
                values.push(value.trim().to_owned());
                return (values, index);
            }
            match character {
                '(' | '[' => depth += 1,
                ')' | ']' => depth -= 1,
                ',' if depth == 0 => {
                    values.push(value.trim().to_owned());
                    value.clear();
                    continue;
                }
                _ => {}
            }
        }
        value.push(character);
    }
    panic!("a list without an end in {text}")
}

fn operation_of(definition: &str) -> &'static str {
    let upper = definition.to_ascii_uppercase();
    ["INSERT", "UPDATE", "DELETE"]
        .into_iter()
        .find(|operation| upper.contains(&format!("AFTER {operation}")))
        .unwrap_or("TRUNCATE")
}

/// Breaks the triggers of one connection, where a sabotage is asked for (SQLite).
///
/// # Errors
/// When the rewritten trigger is refused, which is a fault of the sabotage.
pub async fn connection(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let Some(edit) = chosen() else { return Ok(()) };
    let rows = connection
        .fetch_all(
            "SELECT name, sql FROM sqlite_temp_schema WHERE type = 'trigger' \
             AND name LIKE 'audit\\_%' ESCAPE '\\'",
        )
        .await?;
    for row in rows {
        let (name, definition): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        let drop = format!("DROP TRIGGER temp.\"{}\"", name.replace('"', "\"\""));
        connection.execute(AssertSqlSafe(drop)).await?;
        if let Some(definition) = edited(edit, &definition, operation_of(&definition)) {
            let create = definition.replacen("CREATE TRIGGER", "CREATE TEMP TRIGGER", 1);
            connection.execute(AssertSqlSafe(create)).await?;
        }
    }
    Ok(())
}

/// Breaks the triggers in the schema, where a sabotage is asked for (PostgreSQL, MariaDB).
pub async fn schema(raw: &mut Raw, dialect: Dialect) {
    let Some(edit) = chosen() else { return };
    match dialect {
        Dialect::Postgres => postgres(raw, edit).await,
        Dialect::MySql => mysql(raw, edit).await,
        _ => {}
    }
}

async fn postgres(raw: &mut Raw, edit: Edit) {
    let rows = raw
        .texts(
            "SELECT t.tgname::text, t.tgrelid::regclass::text, pg_get_functiondef(p.oid), \
               pg_get_triggerdef(t.oid) \
             FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid \
             JOIN pg_namespace n ON n.oid = p.pronamespace AND n.nspname = 'audit' \
             WHERE NOT t.tgisinternal AND t.tgparentid = 0",
        )
        .await;
    for row in rows {
        let texts: Vec<String> = row.into_iter().map(Option::unwrap_or_default).collect();
        match edited(edit, &texts[2], operation_of(&texts[3])) {
            Some(function) => raw.run(&function).await,
            None => {
                raw.run(&format!("DROP TRIGGER \"{}\" ON {}", texts[0], texts[1]))
                    .await
            }
        }
    }
}

async fn mysql(raw: &mut Raw, edit: Edit) {
    let rows = raw
        .texts(
            "SELECT CONVERT(trigger_name USING utf8mb4), CONVERT(event_object_table USING utf8mb4), \
               CONVERT(action_timing USING utf8mb4), CONVERT(event_manipulation USING utf8mb4), \
               CONVERT(action_statement USING utf8mb4), CONVERT(sql_mode USING utf8mb4) \
             FROM information_schema.triggers WHERE trigger_schema = DATABASE() \
               AND trigger_name LIKE 'audit%'",
        )
        .await;
    for row in rows {
        let texts: Vec<String> = row.into_iter().map(Option::unwrap_or_default).collect();
        let quoted = |text: &str| format!("`{}`", text.replace('`', "``"));
        raw.run(&format!("DROP TRIGGER {}", quoted(&texts[0])))
            .await;
        if let Some(body) = edited(edit, &texts[4], &texts[3]) {
            raw.run(&format!("SET sql_mode = '{}'", texts[5])).await;
            raw.run(&format!(
                "CREATE TRIGGER {} {} {} ON {} FOR EACH ROW {body}",
                quoted(&texts[0]),
                texts[2],
                texts[3],
                quoted(&texts[1]),
            ))
            .await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: &str = "BEGIN INSERT INTO audit_logs (id, label, actor_id) VALUES (f(1, 'a,)'), \
                       coalesce(x, 'it''s'), c[1]); END";

    #[test]
    fn a_column_gets_another_expression() {
        let edited = edited(Edit::Set("label", "NULL"), ROW, "INSERT").unwrap();
        assert_eq!(
            edited,
            "BEGIN INSERT INTO audit_logs (id, label, actor_id) VALUES ( f(1, 'a,)'), NULL, c[1] ); END"
        );
    }

    #[test]
    fn a_select_is_a_row_as_well() {
        let row = "INSERT INTO audit.audit_logs (a, b) SELECT extract(epoch from x), y FROM n";
        assert_eq!(
            edited(Edit::Copy("a", "b"), row, "INSERT").unwrap(),
            "INSERT INTO audit.audit_logs (a, b) SELECT y, y FROM n"
        );
    }

    #[test]
    fn a_missed_operation_has_no_trigger() {
        assert_eq!(edited(Edit::Miss("INSERT"), ROW, "INSERT"), None);
        assert_eq!(
            edited(Edit::Miss("INSERT"), ROW, "UPDATE").as_deref(),
            Some(ROW)
        );
    }
}
