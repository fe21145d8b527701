//! What stands in the way of capture: in a table, and in a statement on it.

use crate::catalog::{Table, TableKind};
use crate::postgres::Cascade;

use super::shape::{Conflict, Verb, Write};
use super::statement::Statement;
use super::{Planner, Uncapturable};

/// Functions of the server that answer differently each time.
const VOLATILE: &[&str] = &[
    "clock_timestamp",
    "currval",
    "gen_random_uuid",
    "lastval",
    "nextval",
    "random",
    "random_normal",
    "setval",
    "timeofday",
    "uuid_generate_v1",
    "uuid_generate_v4",
    "uuidv4",
    "uuidv7",
];

impl Planner {
    /// What stands in the way of statements on recorded tables, whatever they are; for a look at the
    /// start of a service. Statements that it does not concern are captured.
    #[must_use]
    pub fn obstacles(&self) -> Vec<Uncapturable> {
        let recorded = self.catalog.tables.iter();
        let recorded = recorded.filter(|table| self.is_recorded(table));
        recorded.flat_map(|table| self.of_table(table)).collect()
    }

    fn of_table(&self, table: &Table) -> Vec<Uncapturable> {
        let named = || table.name.clone();
        let mut found: Vec<Uncapturable> = self.refuse_triggers(table).err().into_iter().collect();
        found.extend(Self::refuse_table(table).err());
        if table.kind == TableKind::Partitioned {
            found.push(Uncapturable::Partitioned { table: named() });
        } else if table.key.is_empty() && !self.returns_old() {
            found.push(Uncapturable::NoKey { table: named() });
        }
        let cascades = table.inline.cascades.iter();
        let recorded = cascades.filter(|cascade| self.is_followed(cascade));
        found.extend(recorded.map(|cascade| Uncapturable::Cascade {
            table: named(),
            child: cascade.table.clone(),
        }));
        found
    }

    /// Triggers of the application that may change other rows.
    pub(super) fn refuse_triggers(&self, table: &Table) -> Result<(), Uncapturable> {
        match table.inline.writing_triggers.first() {
            Some(trigger) => Err(Uncapturable::Trigger {
                table: table.name.clone(),
                trigger: trigger.clone(),
            }),
            None => Ok(()),
        }
    }

    /// Foreign keys that change recorded rows, or rows that other keys depend on.
    pub(super) fn refuse_cascades(
        &self,
        statement: &Statement<'_>,
        write: &Write,
        table: &Table,
    ) -> Result<(), Uncapturable> {
        let set = write.set.as_ref().map(|set| statement.columns_set(set));
        let upserts = write.conflict == Conflict::Update;
        for cascade in &table.inline.cascades {
            let happens = match write.verb {
                Verb::Delete => cascade.on_delete,
                Verb::Insert => cascade.on_update && upserts,
                Verb::Update => {
                    let columns = set.as_deref().unwrap_or_default();
                    cascade.on_update && columns.iter().any(|set| cascade.columns.contains(set))
                }
            };
            if happens && self.is_followed(cascade) {
                return Err(Uncapturable::Cascade {
                    table: table.name.clone(),
                    child: cascade.table.clone(),
                });
            }
        }
        Ok(())
    }

    /// Whether rows that a foreign key changes are recorded, or take others with them.
    fn is_followed(&self, cascade: &Cascade) -> bool {
        let mut tables = self.catalog.tables.iter();
        let child = tables.find(|child| {
            child.name == cascade.table && child.schema.as_deref() == Some(&*cascade.schema)
        });
        child.is_some_and(|child| self.is_recorded(child) || !child.inline.cascades.is_empty())
    }

    /// What the table has that stands in the way.
    pub(super) fn refuse_table(table: &Table) -> Result<(), Uncapturable> {
        let named = table.name.clone();
        let facts = &table.inline;
        if facts.has_rules {
            return Err(Uncapturable::Rules { table: named });
        }
        if facts.is_inherited {
            return Err(Uncapturable::Inherited { table: named });
        }
        if !facts.is_readable {
            return Err(Uncapturable::Unselectable { table: named });
        }
        Ok(())
    }

    /// Where the rows before and after a change cannot be found together.
    pub(super) fn refuse_unpaired(
        &self,
        statement: &Statement<'_>,
        write: &Write,
        table: &Table,
    ) -> Result<(), Uncapturable> {
        let condition = write.condition.as_ref();
        let current = |bytes| statement.has_word("current", bytes);
        if condition.is_some_and(|bytes| current(bytes) && statement.has_word("of", bytes)) {
            return Err(Uncapturable::Cursor);
        }
        let updates = write.verb == Verb::Update || write.conflict == Conflict::Update;
        if updates && table.kind == TableKind::Partitioned {
            return Err(Uncapturable::Partitioned {
                table: table.name.clone(),
            });
        }
        if self.returns_old() || !updates {
            return Ok(());
        }
        if table.key.is_empty() {
            return Err(Uncapturable::NoKey {
                table: table.name.clone(),
            });
        }
        let set = write.set.as_ref().map(|set| statement.columns_set(set));
        let keys = set.unwrap_or_default().into_iter();
        if let Some(column) = keys.into_iter().find(|set| table.key.contains(set)) {
            return Err(Uncapturable::KeyChanged {
                table: table.name.clone(),
                column,
            });
        }
        let parts = [&write.from, &write.condition];
        let mut calls = parts.into_iter().flatten().flat_map(|part| {
            let calls: Vec<String> = statement.calls_in(part.clone()).collect();
            calls
        });
        match calls.find(|called| VOLATILE.contains(&called.as_str())) {
            Some(function) => Err(Uncapturable::Volatile { function }),
            None => Ok(()),
        }
    }
}
