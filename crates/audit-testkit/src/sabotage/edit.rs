//! What an edit makes of the text of a trigger.

use audit_core::{Dialect, Redaction};

/// One way to break a trigger. Three texts are those of PostgreSQL, MySQL and SQLite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edit {
    /// Every write happens whether or not anything changed.
    Always,
    /// A column of the event gets the expression of another one.
    Copy(&'static str, &'static str),
    /// Each event is written twice.
    Double,
    /// Of the rows of a statement the first alone is seen, where one trigger sees all (PostgreSQL).
    FirstRow,
    /// A connection keeps its first context; the triggers stay as they are.
    KeepContext,
    /// Events are outside of transactions; the triggers stay as they are.
    KeepEvents,
    /// The triggers of an operation are gone.
    Miss(&'static str),
    /// What deletes the children of a parent is not seen.
    MissCascades,
    /// The triggers of partitioned tables are gone, with those that partitions have of them
    /// (PostgreSQL).
    MissPartitions,
    /// The triggers of a table are gone.
    MissTable(&'static str),
    /// The triggers stay as they are.
    Nothing,
    /// A column of the event gets another expression.
    Set(&'static str, &'static str),
    /// Masked columns are shown.
    Unmask,
    /// A column of the event gets an expression made of its own, which stands at `{}`.
    Wrap(&'static str, [&'static str; 3]),
}

/// A trigger as it was installed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Installed<'a> {
    pub(super) dialect: Dialect,
    pub(super) name: &'a str,
    pub(super) table: &'a str,
    pub(super) operation: &'a str,
    pub(super) definition: &'a str,
}

impl Installed<'_> {
    /// Its text after an edit; `None` where it is gone.
    pub(super) fn edited(&self, edit: Edit) -> Option<String> {
        let text = self.definition;
        Some(match edit {
            Edit::Miss(missed) if missed == self.operation => return None,
            Edit::MissTable(missed) if missed == self.table => return None,
            Edit::MissCascades if self.is_of_cascade() => return None,
            Edit::MissPartitions if self.name.starts_with("!audit_root_") => return None,
            Edit::KeepContext
            | Edit::KeepEvents
            | Edit::Miss(_)
            | Edit::MissCascades
            | Edit::MissPartitions
            | Edit::MissTable(_)
            | Edit::Nothing => text.to_owned(),
            Edit::Always => self.unconditional(),
            Edit::Double => doubled(text),
            Edit::FirstRow => text.replacen("OFFSET 0", "LIMIT 1", 1),
            Edit::Unmask => self.unmasked(),
            Edit::Set(column, value) => with_column(text, column, |_| value.to_owned()),
            Edit::Copy(column, other) => with_column(text, column, |row| value_of(row, other)),
            Edit::Wrap(column, templates) => with_column(text, column, |row| {
                self.one_of(templates).replace("{}", &value_of(row, column))
            }),
        })
    }

    fn one_of<'t>(&self, [postgres, mysql, sqlite]: [&'t str; 3]) -> &'t str {
        match self.dialect {
            Dialect::Postgres => postgres,
            Dialect::MySql => mysql,
            _ => sqlite,
        }
    }

    /// MySQL has triggers for cascades; elsewhere the child's own one sees them.
    fn is_of_cascade(&self) -> bool {
        match self.dialect {
            Dialect::MySql => !self
                .name
                .starts_with(&format!("audit_{}", self.operation.to_lowercase())),
            _ => self.table == "items" && self.operation == "DELETE",
        }
    }

    /// Without the comparison of the rows; PostgreSQL has it in the trigger as well.
    fn unconditional(&self) -> String {
        if self.operation != "UPDATE" {
            return self.definition.to_owned();
        }
        let conditions: &[(&str, &str)] = match self.dialect {
            Dialect::Postgres => &[
                ("v_known := v_changed <> '{}'", "v_known := true"),
                ("IF v_changed = '{}' THEN", "IF false THEN"),
            ],
            Dialect::MySql => &[("; IF NOT (", "; IF TRUE OR NOT (")],
            _ => &[(" IS NOT NULL BEGIN", " IS NOT 0.5 BEGIN")],
        };
        let mut text = self.definition.to_owned();
        for (condition, always) in conditions {
            text = text.replacen(condition, always, 1);
        }
        text
    }

    fn unmasked(&self) -> String {
        let mask = Redaction::MASK;
        let (open, close) = match self.dialect {
            Dialect::Postgres => (
                "CASE WHEN ",
                format!(" IS DISTINCT FROM NULL THEN '{mask}' END"),
            ),
            Dialect::MySql => ("IF(", format!(" IS NULL, NULL, '{mask}')")),
            _ => ("audit_redact(", ", 'mask', 0)".to_owned()),
        };
        let mut text = self.definition.to_owned();
        while let Some(end) = text.find(&close) {
            let start = text[..end]
                .rfind(open)
                .expect("the start of a masked value");
            let value = text[start + open.len()..end].to_owned();
            text.replace_range(start..end + close.len(), &value);
        }
        text
    }
}

fn value_of(row: &[(String, String)], column: &str) -> String {
    let found = row.iter().find(|(name, _)| name == column);
    found.map_or_else(|| "NULL".to_owned(), |(_, value)| value.clone())
}

/// Every statement that writes the log, twice.
fn doubled(text: &str) -> String {
    let (mut result, mut rest) = (String::new(), text);
    while let Some(row) = Insert::find(rest) {
        let start = rest[..row.start].rfind("INSERT INTO").expect("a statement");
        let end = row.end + rest[row.end..].find(';').expect("the end of a statement") + 1;
        result.push_str(&rest[..end]);
        result.push(' ');
        result.push_str(&rest[start..end]);
        rest = &rest[end..];
    }
    result + rest
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
        // A table of the application may have the name of the log, and the function its name.
        let into = |(at, words): &(usize, &str)| {
            let (table, _) = lower[at + words.len()..]
                .split_once('(')
                .unwrap_or_default();
            table.contains("audit_logs")
        };
        let (at, _) = lower.match_indices("insert into").find(into)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: &str = "BEGIN INSERT INTO audit_logs (id, label, actor_id) VALUES (f(1, 'a,)'), \
                       coalesce(x, 'it''s'), c[1]); END";

    fn edited(edit: Edit, definition: &str, operation: &str) -> Option<String> {
        let dialect = Dialect::Sqlite;
        let (name, table) = ("audit_insert_users", "users");
        Installed {
            dialect,
            name,
            table,
            operation,
            definition,
        }
        .edited(edit)
    }

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

    #[test]
    fn a_column_keeps_its_expression_inside_another() {
        let edited = edited(Edit::Wrap("label", ["", "", "g({}, {})"]), ROW, "INSERT").unwrap();
        assert!(edited.contains("g(coalesce(x, 'it''s'), coalesce(x, 'it''s'))"));
    }

    #[test]
    fn a_row_is_written_twice() {
        let edited = edited(Edit::Double, ROW, "INSERT").unwrap();
        assert_eq!(edited.matches("INSERT INTO audit_logs").count(), 2);
        assert!(edited.ends_with("; END"));
    }

    #[test]
    fn a_masked_value_is_shown() {
        for (dialect, masked) in [
            (
                Dialect::Postgres,
                format!(
                    "CASE WHEN n.v IS DISTINCT FROM NULL THEN '{0}' END",
                    Redaction::MASK
                ),
            ),
            (
                Dialect::MySql,
                format!("IF(n.v IS NULL, NULL, '{}')", Redaction::MASK),
            ),
            (Dialect::Sqlite, "audit_redact(n.v, 'mask', 0)".to_owned()),
        ] {
            let definition = format!("f('a', {masked}, {masked})");
            let installed = Installed {
                dialect,
                name: "",
                table: "",
                operation: "INSERT",
                definition: &definition,
            };
            assert_eq!(installed.edited(Edit::Unmask).unwrap(), "f('a', n.v, n.v)");
        }
    }
}
