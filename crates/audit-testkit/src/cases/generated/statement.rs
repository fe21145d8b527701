//! The drawn statements, one function a kind.

use audit_core::Dialect;

use super::schema::{Schema, Table};
use crate::draw::Draw;

/// A drawn statement.
#[derive(Debug)]
pub(super) struct Statement {
    pub(super) kind: &'static str,
    /// The table that it names first.
    pub(super) table: &'static str,
    pub(super) sql: String,
}

/// A statement of a kind for a table; none where the kind does not fit it.
type Make = fn(&Schema, &Table, &mut Draw) -> Option<String>;

/// Every kind: its name, how often it is drawn, and how it is made.
const KINDS: [(&str, usize, Make); 19] = [
    ("bulk delete", 1, bulk_delete),
    ("bulk insert", 2, bulk_insert),
    ("bulk update", 2, bulk_update),
    ("delete", 8, delete),
    ("delete by another table", 2, delete_by_another_table),
    ("delete that skips what is refused", 1, delete_ignore),
    ("insert", 6, insert),
    ("insert from select", 3, insert_from_select),
    ("insert that skips what is there", 2, insert_ignore),
    ("key change", 6, key_change),
    ("merge", 3, merge),
    ("multi-row insert", 12, multi_row_insert),
    ("replace", 4, replace),
    ("truncate", 1, truncate),
    ("update", 6, update),
    ("update from another table", 2, update_from_another_table),
    ("update that changes nothing", 2, update_of_nothing),
    ("upsert", 4, upsert),
    ("write inside a query", 2, write_inside_a_query),
];

/// The kinds that a database has.
pub(super) fn kinds_of(dialect: Dialect) -> impl Iterator<Item = &'static str> {
    let missing: &[&str] = match dialect {
        Dialect::Postgres => &["delete that skips what is refused", "replace"],
        Dialect::MySql => &["merge", "truncate", "write inside a query"],
        _ => &[
            "delete that skips what is refused",
            "merge",
            "truncate",
            "write inside a query",
        ],
    };
    KINDS
        .iter()
        .map(|(kind, _, _)| *kind)
        .filter(|kind| !missing.contains(kind))
}

/// Where bulk writes put their rows, out of the way of the others.
const BULK: usize = 10_000;
const BULK_ROWS: usize = 120;

impl Schema {
    pub(super) fn statement(&self, draw: &mut Draw) -> Statement {
        let total: usize = KINDS.iter().map(|(_, weight, _)| weight).sum();
        loop {
            let mut drawn = draw.below(total);
            let (kind, _, make) = KINDS
                .iter()
                .find(|(_, weight, _)| {
                    let found = drawn < *weight;
                    drawn = drawn.saturating_sub(*weight);
                    found
                })
                .expect("a draw below the sum of the weights");
            let first = draw.below(self.tables.len());
            for table in self
                .tables
                .iter()
                .cycle()
                .skip(first)
                .take(self.tables.len())
            {
                if let Some(sql) = make(self, table, draw) {
                    return Statement {
                        kind,
                        table: table.name,
                        sql,
                    };
                }
            }
        }
    }

    /// Statements that put rows into every table, parents first.
    pub(super) fn first_rows(&self, draw: &mut Draw) -> Vec<Statement> {
        let mut statement = |table: &Table| {
            let rows: Vec<String> = (0..16)
                .map(|row| match table.key.len() {
                    // Every composite key that children draw.
                    2 => self.row(table, row / 2, ["a", "b"][row % 2], draw),
                    _ => self.row(table, row * 2, "a", draw),
                })
                .collect();
            Statement {
                kind: "multi-row insert",
                table: table.name,
                sql: format!("INSERT {}", self.lists_rows(table, &rows)),
            }
        };
        self.tables.iter().map(&mut statement).collect()
    }

    /// Statements that move and delete the first of the rows that others refer to, children first.
    pub(super) fn last_rows(&self) -> Vec<Statement> {
        let is_parent = |table: &&Table| self.is_parent(table.name);
        let parents = self.tables.iter().rev().filter(is_parent);
        parents
            .flat_map(|table| {
                let (name, place) = (table.name, table.place);
                let change = format!("UPDATE {name} SET {place} = {place} + 500 WHERE {place} = 2");
                let delete = format!("DELETE FROM {name} WHERE {place} < 12 OR {place} = 502");
                [("key change", change), ("delete", delete)].map(|(kind, sql)| Statement {
                    kind,
                    table: name,
                    sql,
                })
            })
            .collect()
    }

    fn lists_rows(&self, table: &Table, rows: &[String]) -> String {
        let names = table.names().join(", ");
        format!("INTO {} ({names}) VALUES {}", table.name, rows.join(", "))
    }

    /// A row at a place; the children of another table are given a parent that is there, if any.
    fn row(&self, table: &Table, place: usize, org: &str, draw: &mut Draw) -> String {
        let mut values: Vec<String> = Vec::new();
        for name in table.fixed() {
            values.push(match name {
                name if name == table.place => place.to_string(),
                "org" => format!("'{org}'"),
                "number" => draw.below(8).to_string(),
                _ if draw.once_in(6) => "NULL".to_owned(),
                // An earlier row, so that no row refers to itself.
                "up" if place > 1 => (draw.below(place / 2) * 2).to_string(),
                "up" => "NULL".to_owned(),
                column => {
                    let parent = parent_of(table, column);
                    let from = draw.below(40);
                    format!("(SELECT min(id) FROM {parent} WHERE id >= {from})")
                }
            });
        }
        for (_, kind) in &table.columns {
            values.push(kind.literal(self.dialect, draw));
        }
        format!("({})", values.join(", "))
    }

    fn rows(&self, table: &Table, count: usize, draw: &mut Draw) -> String {
        let limit = if table.key.len() == 2 { 12 } else { 60 };
        let rows: Vec<String> = (0..count)
            .map(|_| {
                let (place, org) = (draw.below(limit), *draw.one_of(&["a", "b"]));
                self.row(table, place, org, draw)
            })
            .collect();
        self.lists_rows(table, &rows)
    }

    /// One drawn column gets a drawn value.
    fn assignment(&self, table: &Table, draw: &mut Draw) -> String {
        let (column, kind) = draw.one_of(&table.columns);
        format!("{column} = {}", kind.literal(self.dialect, draw))
    }
}

fn parent_of(table: &Table, column: &str) -> &'static str {
    let link = table
        .links
        .iter()
        .find(|link| link.columns.contains(&column));
    link.expect("a column of a foreign key").parent
}

/// Some rows next to each other.
fn span(table: &Table, draw: &mut Draw) -> String {
    let from = draw.below(50);
    format!(
        "{} BETWEEN {from} AND {}",
        table.place,
        from + draw.below(12)
    )
}

fn insert(schema: &Schema, table: &Table, draw: &mut Draw) -> Option<String> {
    Some(format!("INSERT {}", schema.rows(table, 1, draw)))
}

fn multi_row_insert(schema: &Schema, table: &Table, draw: &mut Draw) -> Option<String> {
    let count = 2 + draw.below(4);
    Some(format!("INSERT {}", schema.rows(table, count, draw)))
}

fn insert_ignore(schema: &Schema, table: &Table, draw: &mut Draw) -> Option<String> {
    let rows = schema.rows(table, 3, draw);
    Some(match schema.dialect {
        Dialect::Postgres => format!("INSERT {rows} ON CONFLICT DO NOTHING"),
        Dialect::MySql => format!("INSERT IGNORE {rows}"),
        _ => format!("INSERT OR IGNORE {rows}"),
    })
}

fn upsert(schema: &Schema, table: &Table, draw: &mut Draw) -> Option<String> {
    let key = table.key.join(", ");
    let (column, _) = table.columns.first()?;
    let count = 1 + draw.below(3);
    let rows = schema.rows(table, count, draw);
    let update = match schema.dialect {
        _ if key.is_empty() => return None,
        Dialect::MySql => format!("ON DUPLICATE KEY UPDATE {column} = VALUES({column})"),
        _ => format!("ON CONFLICT ({key}) DO UPDATE SET {column} = excluded.{column}"),
    };
    Some(format!("INSERT {rows} {update}"))
}

fn replace(schema: &Schema, table: &Table, draw: &mut Draw) -> Option<String> {
    // On SQLite triggers of the application hide the removed row, which is a finding of its own;
    // and without any trigger it takes a row without its parent into a table that refers to itself
    // with ON DELETE SET NULL.
    let is_seen = match schema.dialect {
        Dialect::Postgres => false,
        Dialect::MySql => true,
        _ => !schema.has_triggers && !table.refers_to_itself(),
    };
    let count = 1 + draw.below(3);
    is_seen.then(|| format!("REPLACE {}", schema.rows(table, count, draw)))
}

fn insert_from_select(_: &Schema, table: &Table, draw: &mut Draw) -> Option<String> {
    let names = table.names();
    let place = format!("{} + 50", table.place);
    let values: Vec<&str> = names
        .iter()
        .map(|name| if *name == table.place { &place } else { *name })
        .collect();
    Some(format!(
        "INSERT INTO {0} ({1}) SELECT {2} FROM {0} WHERE {3}",
        table.name,
        names.join(", "),
        values.join(", "),
        span(table, draw)
    ))
}

fn bulk_insert(schema: &Schema, table: &Table, draw: &mut Draw) -> Option<String> {
    // A chain of that many rows is deeper than the servers follow.
    if table.refers_to_itself() {
        return None;
    }
    let rows: Vec<String> = (0..BULK_ROWS)
        .map(|row| schema.row(table, BULK + row, "a", draw))
        .collect();
    Some(format!("INSERT {}", schema.lists_rows(table, &rows)))
}

fn bulk_update(schema: &Schema, table: &Table, draw: &mut Draw) -> Option<String> {
    let set = schema.assignment(table, draw);
    let (name, place) = (table.name, table.place);
    Some(format!("UPDATE {name} SET {set} WHERE {place} >= {BULK}"))
}

fn bulk_delete(_: &Schema, table: &Table, _: &mut Draw) -> Option<String> {
    let (name, place) = (table.name, table.place);
    Some(format!("DELETE FROM {name} WHERE {place} >= {BULK}"))
}

fn update(schema: &Schema, table: &Table, draw: &mut Draw) -> Option<String> {
    let mut set = schema.assignment(table, draw);
    if table.refers_to_itself() && draw.once_in(2) {
        // An earlier row, so that no row refers to itself.
        let from = 1 + draw.below(30);
        let up = draw.below(from);
        return Some(format!(
            "UPDATE {} SET {set}, up = {up} WHERE id BETWEEN {from} AND {}",
            table.name,
            from + draw.below(6)
        ));
    }
    if let (Some(link), true) = (table.links.first(), draw.once_in(3)) {
        let column = link.columns[0];
        if !table.key.contains(&column) && !table.refers_to_itself() {
            set = format!("{set}, {column} = {}", draw.below(40));
        }
    }
    Some(format!(
        "UPDATE {} SET {set} WHERE {}",
        table.name,
        span(table, draw)
    ))
}

fn update_of_nothing(_: &Schema, table: &Table, draw: &mut Draw) -> Option<String> {
    let (column, _) = draw.one_of(&table.columns);
    Some(format!(
        "UPDATE {} SET {column} = {column} WHERE {}",
        table.name,
        span(table, draw)
    ))
}

fn key_change(_: &Schema, table: &Table, draw: &mut Draw) -> Option<String> {
    let place = table.place;
    let set = if table.key.len() == 2 && draw.once_in(2) {
        format!("org = '{}'", draw.one_of(&["a", "b", "c"]))
    } else {
        format!("{place} = {place} + 20")
    };
    Some(format!(
        "UPDATE {} SET {set} WHERE {}",
        table.name,
        span(table, draw)
    ))
}

fn delete(_: &Schema, table: &Table, draw: &mut Draw) -> Option<String> {
    Some(format!(
        "DELETE FROM {} WHERE {}",
        table.name,
        span(table, draw)
    ))
}

fn delete_ignore(schema: &Schema, table: &Table, draw: &mut Draw) -> Option<String> {
    let (name, span) = (table.name, span(table, draw));
    (schema.dialect == Dialect::MySql).then(|| format!("DELETE IGNORE FROM {name} WHERE {span}"))
}

fn update_from_another_table(schema: &Schema, table: &Table, draw: &mut Draw) -> Option<String> {
    let span = span(table, draw);
    (table.name == "grains").then(|| match schema.dialect {
        Dialect::MySql => format!(
            "UPDATE grains JOIN apples ON apples.id = grains.n + 1 SET grains.n = apples.id \
             WHERE {span}"
        ),
        _ => format!(
            "UPDATE grains SET n = apples.id FROM apples WHERE apples.id = grains.n + 1 AND {span}"
        ),
    })
}

fn delete_by_another_table(schema: &Schema, table: &Table, draw: &mut Draw) -> Option<String> {
    let span = span(table, draw);
    (table.name == "grains").then(|| match schema.dialect {
        Dialect::MySql => {
            format!("DELETE grains, figs FROM grains JOIN figs ON figs.id = grains.n WHERE {span}")
        }
        Dialect::Postgres => {
            format!("DELETE FROM grains USING apples WHERE apples.id = grains.n AND {span}")
        }
        _ => format!("DELETE FROM grains WHERE n IN (SELECT id FROM apples) AND {span}"),
    })
}

fn merge(schema: &Schema, table: &Table, draw: &mut Draw) -> Option<String> {
    if schema.dialect != Dialect::Postgres || table.key.len() != 1 {
        return None;
    }
    let from = draw.below(40);
    let row = schema.row(table, 0, "a", draw);
    let (name, names) = (table.name, table.names().join(", "));
    // The row's own place is that of the source.
    let values = row.trim_start_matches("(0").trim_end_matches(')');
    Some(format!(
        "MERGE INTO {name} t USING generate_series({from}, {}) AS s (place) ON t.id = s.place \
         WHEN MATCHED AND s.place % 3 = 0 THEN DELETE \
         WHEN MATCHED THEN UPDATE SET {} \
         WHEN NOT MATCHED THEN INSERT ({names}) VALUES (s.place{values})",
        from + draw.below(6),
        schema.assignment(table, draw),
    ))
}

fn truncate(schema: &Schema, table: &Table, _: &mut Draw) -> Option<String> {
    (schema.dialect == Dialect::Postgres && table.key.is_empty())
        .then(|| format!("TRUNCATE {}", table.name))
}

fn write_inside_a_query(schema: &Schema, table: &Table, draw: &mut Draw) -> Option<String> {
    let span = span(table, draw);
    let names = table.names().join(", ");
    let values = table.names().join(", ").replacen('n', "n + 50", 1);
    (schema.dialect == Dialect::Postgres && table.key.is_empty()).then(|| {
        format!(
            "WITH gone AS (DELETE FROM grains WHERE {span} RETURNING *), \
             put AS (INSERT INTO grains ({names}) SELECT {values} FROM gone RETURNING n) \
             UPDATE tallies SET n = n + (SELECT count(*) FROM put)"
        )
    })
}
