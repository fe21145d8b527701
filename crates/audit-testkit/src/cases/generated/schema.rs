//! The drawn tables: their columns, what their foreign keys do, and the application's triggers.

use std::fmt::Write as _;

use audit_core::Dialect;

use super::kind::{KINDS, Kind};
use crate::draw::Draw;

/// A foreign key.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) columns: &'static [&'static str],
    pub(super) parent: &'static str,
    parent_columns: &'static [&'static str],
    pub(super) on_delete: &'static str,
    on_update: &'static str,
}

impl Link {
    /// A foreign key with drawn actions, or with the one that is wanted where it can have it.
    fn draw(
        shape: &LinkShape,
        key: &[&str],
        wanted: Option<&'static str>,
        draw: &mut Draw,
    ) -> Self {
        let (columns, parent, parent_columns) = *shape;
        let mut actions = vec!["CASCADE", "NO ACTION"];
        if !columns.iter().any(|column| key.contains(column)) {
            actions.push("SET NULL");
        }
        let on_delete = *draw.one_of(&actions);
        let wanted = wanted.filter(|action| actions.contains(action));
        Self {
            columns,
            parent,
            parent_columns,
            on_delete: wanted.unwrap_or(on_delete),
            on_update: *draw.one_of(&actions),
        }
    }
}

/// A table of the drawn schema.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    /// The columns of its key, in order; none for a table without one.
    pub(super) key: &'static [&'static str],
    /// The number by which its rows are chosen: the last column of the key, where there is one.
    pub(super) place: &'static str,
    pub(super) links: Vec<Link>,
    /// The columns with drawn types.
    pub(super) columns: Vec<(String, Kind)>,
}

impl Table {
    pub(super) fn refers_to_itself(&self) -> bool {
        self.links.iter().any(|link| link.parent == self.name)
    }

    /// The columns whose names are fixed: those of the key and of the foreign keys, and the place.
    pub(super) fn fixed(&self) -> Vec<&'static str> {
        let links = self.links.iter().flat_map(|link| link.columns);
        let mut names = Vec::new();
        for name in self.key.iter().chain([&self.place]).chain(links) {
            if !names.contains(name) {
                names.push(*name);
            }
        }
        names
    }

    /// The names of all columns, fixed ones first.
    pub(super) fn names(&self) -> Vec<&str> {
        let drawn = self.columns.iter().map(|(name, _)| name.as_str());
        self.fixed().into_iter().chain(drawn).collect()
    }
}

/// The columns of a foreign key, its parent, and the columns there.
type LinkShape = (
    &'static [&'static str],
    &'static str,
    &'static [&'static str],
);

/// A name, its key, its place and its foreign keys.
type Shape = (
    &'static str,
    &'static [&'static str],
    &'static str,
    &'static [LinkShape],
);

/// Single and composite keys, two levels of children, one of them reached by two ways, a table
/// that refers to itself, and one without a key.
const SHAPES: [Shape; 7] = [
    ("apples", &["id"], "id", &[]),
    ("branches", &["org", "number"], "number", &[]),
    ("cores", &["id"], "id", &[(&["apple"], "apples", &["id"])]),
    (
        "drupes",
        &["id"],
        "id",
        &[
            (&["core"], "cores", &["id"]),
            (&["apple"], "apples", &["id"]),
        ],
    ),
    (
        "edges",
        &["org", "number", "line"],
        "line",
        &[(&["org", "number"], "branches", &["org", "number"])],
    ),
    ("figs", &["id"], "id", &[(&["up"], "figs", &["id"])]),
    ("grains", &[], "n", &[]),
];

/// The tables that only triggers of the application write.
pub(super) const WRITTEN_BY_TRIGGERS: [&str; 2] = ["notes", "tallies"];

#[derive(Debug)]
pub(super) struct Schema {
    pub(super) dialect: Dialect,
    pub(super) tables: Vec<Table>,
    /// Whether the application has triggers of its own.
    pub(super) has_triggers: bool,
}

impl Schema {
    /// Draws the tables of a seed; of three seeds, one leans to each action of foreign keys and one
    /// to none, and of two, one has triggers of the application.
    pub(super) fn draw(dialect: Dialect, seed: u64, draw: &mut Draw) -> Self {
        let leaning = match seed % 3 {
            0 => None,
            1 => Some("CASCADE"),
            _ => Some("SET NULL"),
        };
        let mut table = |(name, key, place, links): &Shape| Table {
            name,
            key,
            place,
            links: links
                .iter()
                .map(|link| {
                    // The second way to a table never deletes where the first one does.
                    let is_second_way = *name == "drupes" && link.1 == "apples";
                    let leaning =
                        leaning.map(|action| if is_second_way { "SET NULL" } else { action });
                    Link::draw(link, key, leaning, draw)
                })
                .collect(),
            columns: (0..2 + draw.below(4))
                .map(|n| (format!("c{n}"), *draw.one_of(&KINDS)))
                .collect(),
        };
        let tables = SHAPES.iter().map(&mut table).collect();
        Self {
            dialect,
            tables,
            has_triggers: seed.is_multiple_of(2),
        }
    }

    /// Whether a foreign key refers to a table.
    pub(super) fn is_parent(&self, table: &str) -> bool {
        let mut links = self.tables.iter().flat_map(|child| &child.links);
        links.any(|link| link.parent == table)
    }

    /// Whether a deleted row of the first table takes those of the second that refer to it along.
    pub(super) fn deletes(&self, parent: &str, child: &str) -> bool {
        let child = self.tables.iter().find(|table| table.name == child);
        let links = child.into_iter().flat_map(|table| &table.links);
        links
            .filter(|link| link.parent == parent)
            .any(|link| link.on_delete == "CASCADE")
    }

    pub(super) fn ddl(&self) -> String {
        let text = match self.dialect {
            Dialect::MySql => "VARCHAR(20)",
            _ => "TEXT",
        };
        let mut sql = String::new();
        for table in &self.tables {
            let mut parts: Vec<String> = Vec::new();
            for name in table.fixed() {
                let kind = if name == "org" { text } else { "BIGINT" };
                let null = if table.key.contains(&name) {
                    " NOT NULL"
                } else {
                    ""
                };
                parts.push(format!("{name} {kind}{null}"));
            }
            for (name, kind) in &table.columns {
                parts.push(format!("{name} {}", kind.sql(self.dialect)));
            }
            parts.push("touched BIGINT".to_owned());
            if !table.key.is_empty() {
                parts.push(format!("PRIMARY KEY ({})", table.key.join(", ")));
            }
            for link in &table.links {
                parts.push(format!(
                    "FOREIGN KEY ({}) REFERENCES {} ({}) ON DELETE {} ON UPDATE {}",
                    link.columns.join(", "),
                    link.parent,
                    link.parent_columns.join(", "),
                    link.on_delete,
                    link.on_update
                ));
            }
            let _ = write!(sql, "CREATE TABLE {} ({});", table.name, parts.join(", "));
        }
        let _ = write!(
            sql,
            "CREATE TABLE notes (what {text}, id BIGINT);\
             CREATE TABLE tallies (id BIGINT NOT NULL PRIMARY KEY, n BIGINT);\
             INSERT INTO tallies VALUES (1, 0);"
        );
        if self.has_triggers {
            sql.push_str(&self.triggers());
        }
        sql
    }

    /// Triggers that write two other tables whenever an apple or a drupe changes, and one that
    /// changes the row of a core that is changed.
    fn triggers(&self) -> String {
        if self.dialect == Dialect::Postgres {
            return POSTGRES_TRIGGERS.to_owned();
        }
        let mut sql = String::new();
        for (table, operation, row) in [
            ("apples", "INSERT", "NEW"),
            ("apples", "UPDATE", "NEW"),
            ("apples", "DELETE", "OLD"),
            ("drupes", "UPDATE", "NEW"),
            ("drupes", "DELETE", "OLD"),
        ] {
            let _ = write!(
                sql,
                "CREATE TRIGGER {table}_{operation} AFTER {operation} ON {table} FOR EACH ROW BEGIN \
                 UPDATE tallies SET n = n + 1 WHERE id = 1; \
                 INSERT INTO notes VALUES ('{operation}', {row}.id); END;"
            );
        }
        sql.push_str(match self.dialect {
            Dialect::MySql => {
                "CREATE TRIGGER cores_touch BEFORE UPDATE ON cores FOR EACH ROW \
                 SET NEW.touched = coalesce(OLD.touched, 0) + 1;"
            }
            _ => {
                "CREATE TRIGGER cores_touch AFTER UPDATE OF c0 ON cores BEGIN \
                 UPDATE cores SET touched = coalesce(touched, 0) + 1 WHERE id = NEW.id; END;"
            }
        });
        sql
    }
}

const POSTGRES_TRIGGERS: &str = "
CREATE FUNCTION tally() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE tallies SET n = n + 1 WHERE id = 1;
    INSERT INTO notes VALUES (TG_OP, coalesce(NEW.id, OLD.id));
    RETURN NULL;
END $$;
CREATE TRIGGER tally AFTER INSERT OR UPDATE OR DELETE ON apples
    FOR EACH ROW EXECUTE FUNCTION tally();
CREATE TRIGGER tally AFTER UPDATE OR DELETE ON drupes FOR EACH ROW EXECUTE FUNCTION tally();
CREATE FUNCTION touch_before() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    NEW.touched := coalesce(OLD.touched, 0) + 1;
    RETURN NEW;
END $$;
CREATE TRIGGER touch BEFORE UPDATE ON cores FOR EACH ROW EXECUTE FUNCTION touch_before();
CREATE FUNCTION touch_after() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE branches SET touched = coalesce(touched, 0) + 1
    WHERE org = NEW.org AND number = NEW.number;
    RETURN NULL;
END $$;
CREATE TRIGGER touch AFTER UPDATE OF c0 ON branches FOR EACH ROW EXECUTE FUNCTION touch_after();
";
