//! What stands in the way of capture: in a table, and in a statement on it.

use audit_core::Operation;

use crate::catalog::{InstalledTrigger, Table, TableKind};
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
        let mut found: Vec<Uncapturable> = self.refuse_others(table).err().into_iter().collect();
        found.extend(Self::refuse_table(table).err());
        if table.kind == TableKind::Partitioned {
            found.push(Uncapturable::Partitioned { table: named() });
        } else if !self.returns_old() {
            found.extend(Self::refuse_key(table).err());
        }
        let cascades = table.inline.cascades.iter();
        let recorded = cascades.filter(|cascade| self.is_followed(cascade));
        found.extend(recorded.map(|cascade| Uncapturable::Cascade {
            table: named(),
            child: cascade.table.clone(),
        }));
        found
    }

    /// What may change rows of other tables than the one that is named, whether that one is
    /// recorded or not.
    pub(super) fn refuse_others(&self, table: &Table) -> Result<(), Uncapturable> {
        let named = table.name.clone();
        let facts = &table.inline;
        if let Some(trigger) = facts.writing_triggers.first() {
            let trigger = trigger.clone();
            return Err(Uncapturable::Trigger {
                table: named,
                trigger,
            });
        }
        if facts.has_rules {
            return Err(Uncapturable::Rules { table: named });
        }
        if facts.is_inherited {
            return Err(Uncapturable::Inherited { table: named });
        }
        Ok(())
    }

    /// Triggers of ours that record the same.
    pub(super) fn refuse_recorded(
        &self,
        table: &Table,
        operations: &[Operation],
    ) -> Result<(), Uncapturable> {
        let mut triggers = self.catalog.triggers.iter();
        let is_recorded = triggers.any(|trigger| {
            trigger.table == table.name
                && trigger.schema == table.schema
                && operations
                    .iter()
                    .any(|operation| fires(trigger, *operation))
        });
        if is_recorded {
            return Err(Uncapturable::Recorded {
                table: table.name.clone(),
            });
        }
        Ok(())
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
        self.refuse_cascade(table, |cascade| match write.verb {
            Verb::Delete => cascade.on_delete,
            Verb::Insert => cascade.on_update && upserts,
            Verb::Update => {
                let columns = set.as_deref().unwrap_or_default();
                let names = columns.iter().any(|set| cascade.columns.contains(set));
                // A trigger may set what the statement does not.
                cascade.on_update && (names || !table.inline.setting_triggers.is_empty())
            }
        })
    }

    /// Foreign keys that happen, and change rows that are of matter.
    pub(super) fn refuse_cascade(
        &self,
        table: &Table,
        happens: impl Fn(&Cascade) -> bool,
    ) -> Result<(), Uncapturable> {
        let mut cascades = table.inline.cascades.iter();
        match cascades.find(|cascade| happens(cascade) && self.is_followed(cascade)) {
            Some(cascade) => Err(Uncapturable::Cascade {
                table: table.name.clone(),
                child: cascade.table.clone(),
            }),
            None => Ok(()),
        }
    }

    /// Whether rows that a foreign key changes are recorded, or may take others with them.
    fn is_followed(&self, cascade: &Cascade) -> bool {
        let mut tables = self.catalog.tables.iter();
        let child = tables.find(|child| {
            child.name == cascade.table && child.schema.as_deref() == Some(&*cascade.schema)
        });
        match child {
            Some(child) => {
                self.is_recorded(child)
                    || !child.inline.cascades.is_empty()
                    || self.refuse_others(child).is_err()
            }
            None => !self.is_alone(&cascade.schema, &cascade.table),
        }
    }

    /// Whether it is a table outside of the audit whose changes change nothing else.
    pub(super) fn is_alone(&self, schema: &str, table: &str) -> bool {
        let mut tables = self.catalog.postgres.lone_tables.iter();
        tables.any(|(in_schema, name)| in_schema == schema && name == table)
    }

    /// What the table has that stands in the way.
    pub(super) fn refuse_table(table: &Table) -> Result<(), Uncapturable> {
        let named = table.name.clone();
        let facts = &table.inline;
        if !facts.is_readable {
            return Err(Uncapturable::Unselectable { table: named });
        }
        if facts.has_row_security {
            return Err(Uncapturable::RowSecurity { table: named });
        }
        Ok(())
    }

    /// Where the key does not tell which row was which, below PostgreSQL 18.
    fn refuse_key(table: &Table) -> Result<(), Uncapturable> {
        let named = table.name.clone();
        let facts = &table.inline;
        if table.key.is_empty() {
            return Err(Uncapturable::NoKey { table: named });
        }
        if let Some(column) = facts.generated_key.first() {
            let column = column.clone();
            return Err(Uncapturable::KeyChanged {
                table: named,
                column,
            });
        }
        if let Some(trigger) = facts.setting_triggers.first() {
            let trigger = trigger.clone();
            return Err(Uncapturable::KeyTrigger {
                table: named,
                trigger,
            });
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
        if !updates {
            return Ok(());
        }
        if self.returns_old() {
            return refuse_names(statement, write);
        }
        Self::refuse_key(table)?;
        let set = write.set.as_ref().map(|set| statement.columns_set(set));
        let keys = set.unwrap_or_default().into_iter();
        if let Some(column) = keys.into_iter().find(|set| table.key.contains(set)) {
            return Err(Uncapturable::KeyChanged {
                table: table.name.clone(),
                column,
            });
        }
        let parts = [&write.from, &write.condition];
        let has_word = |word| {
            let mut parts = parts.into_iter().flatten();
            parts.any(|part| statement.has_word(word, part))
        };
        for (word, function) in [("SKIP", "SKIP LOCKED"), ("TABLESAMPLE", "TABLESAMPLE")] {
            if has_word(word) {
                return Err(Uncapturable::Volatile {
                    function: function.to_owned(),
                });
            }
        }
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

/// Whether a trigger is turned on and fires for an operation.
///
/// # Source
/// `TRIGGER_TYPE_INSERT` and the like in PostgreSQL's `src/include/catalog/pg_trigger.h`.
fn fires(trigger: &InstalledTrigger, operation: Operation) -> bool {
    let bit: u32 = match operation {
        Operation::Insert => 4,
        Operation::Delete => 8,
        Operation::Update => 16,
        _ => 32,
    };
    let line = |start| {
        trigger
            .definition
            .lines()
            .find_map(|it| it.strip_prefix(start))
    };
    let events = line("type ").and_then(|number: &str| number.parse::<u32>().ok());
    line("enabled ") != Some("D") && events.is_none_or(|events| events & bit != 0)
}

/// Tables under the names that RETURNING has for the rows before and after, from PostgreSQL 18 on.
fn refuse_names(statement: &Statement<'_>, write: &Write) -> Result<(), Uncapturable> {
    let from = write.from.as_ref();
    let is_taken = |name: &&str| {
        write.is_called(name) || from.is_some_and(|from| statement.has_name(name, from))
    };
    match ["old", "new"].into_iter().find(is_taken) {
        Some(name) => Err(Uncapturable::NameTaken {
            name: name.to_owned(),
        }),
        None => Ok(()),
    }
}
