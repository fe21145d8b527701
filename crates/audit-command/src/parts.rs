//! The parts of a migration as an answer.

use audit_sqlx::maintenance::{Part, PartKind, PartState};
use audit_store::words;
use serde::Serialize;

use crate::exit::Exit;
use crate::fault::Fault;
use crate::output::{Format, Output, talk};
use crate::table::table;

/// Why there is no trigger in a database of SQLite.
pub(crate) const ON_CONNECTION: &str = "note: on SQLite the triggers are not in the database; each connection of the application puts \
     them on";

/// The wire form of a part: what it is, and how far it is or what was done with it.
#[derive(Debug, Serialize)]
struct Line<'p> {
    part: &'static str,
    name: &'p str,
    table_schema: Option<&'p str>,
    table_name: Option<&'p str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    done: Option<&'static str>,
}

/// The columns of a table of parts.
const COLUMNS: [&str; 5] = ["part", "name", "table_schema", "table_name", "state"];

/// The columns of a table of what was done.
const DONE_COLUMNS: [&str; 5] = ["part", "name", "table_schema", "table_name", "done"];

impl<'p> Line<'p> {
    fn of(part: &'p Part) -> Self {
        Self {
            part: match part.kind {
                PartKind::Step => "step",
                PartKind::Index => "index",
                PartKind::Function => "function",
                PartKind::Switch => "switch",
                _ => "trigger",
            },
            name: &part.name,
            table_schema: part.table_schema.as_deref(),
            table_name: part.table_name.as_deref(),
            state: None,
            done: None,
        }
    }

    fn row(&self, word: &str) -> [String; 4] {
        let of = [self.table_schema, self.table_name];
        let of: Vec<&str> = of.into_iter().flatten().collect();
        [
            self.part.to_owned(),
            words::printable(self.name),
            words::printable(&of.join(".")),
            word.replace('_', " "),
        ]
    }
}

fn word(state: PartState) -> &'static str {
    match state {
        PartState::Changed => "changed",
        PartState::Done => "done",
        PartState::Foreign => "foreign",
        PartState::LeftOver => "left_over",
        PartState::OnConnection => "on_connection",
        PartState::Pending => "pending",
        _ => "unknown",
    }
}

/// Whether a step of the audit tables ran.
pub(crate) fn has_tables(parts: &[Part]) -> bool {
    let mut steps = parts.iter().filter(|part| part.kind == PartKind::Step);
    steps.any(|step| step.state != PartState::Pending)
}

/// Whether there is nothing that triggers wait for.
pub(crate) fn is_ready(parts: &[Part]) -> bool {
    let mut steps = parts.iter().filter(|part| part.kind == PartKind::Step);
    steps.all(|step| step.state == PartState::Done)
}

/// How many triggers of ours there are.
pub(crate) fn ours(parts: &[Part]) -> usize {
    let is_there = |part: &&Part| {
        let state = part.state;
        matches!(
            state,
            PartState::Changed | PartState::Done | PartState::LeftOver
        )
    };
    let triggers = parts.iter().filter(|part| part.kind == PartKind::Trigger);
    triggers.filter(is_there).count()
}

/// Prints how far each part is.
pub(crate) fn print(output: Output, parts: &[Part]) -> Result<Exit, Fault> {
    match output.format {
        Format::Table => {
            let rows = parts
                .iter()
                .map(|part| Line::of(part).row(word(part.state)));
            output.write(&table(output, ["part", "name", "table", "state"], rows))?;
        }
        Format::Csv | Format::Json | Format::Ndjson => {
            let lines = parts.iter().map(|part| Line {
                state: Some(word(part.state)),
                ..Line::of(part)
            });
            output.items(&COLUMNS, &lines.collect::<Vec<_>>())?;
        }
    }
    Ok(match parts.iter().any(|part| part.state.is_open()) {
        true => Exit::Nothing,
        false => Exit::Success,
    })
}

/// What was done with a part.
pub(crate) type Change<'p> = (&'p Part, &'static str);

/// What was done between two looks at a database.
pub(crate) fn changes<'p>(before: &'p [Part], after: &'p [Part]) -> Vec<Change<'p>> {
    let is_same = |one: &Part, other: &Part| {
        one.kind == other.kind
            && one.name == other.name
            && one.table_name == other.table_name
            && one.table_schema == other.table_schema
    };
    let find = |parts: &'p [Part], part: &Part| parts.iter().find(|other| is_same(part, other));
    let done = after.iter().filter_map(|part| {
        let was = find(before, part).map(|before| before.state);
        match (part.state, was) {
            (PartState::Done, Some(PartState::Done)) => None,
            (PartState::Done, _) if part.kind == PartKind::Step => Some((part, "ran")),
            (PartState::Done, Some(PartState::Changed)) => Some((part, "replaced")),
            (PartState::Done, _) => Some((part, "made")),
            _ => None,
        }
    });
    // What was open and is not told any more.
    let settled = before.iter().filter_map(|part| {
        let is_settled = part.state.is_open() && find(after, part).is_none();
        is_settled.then_some(match part.state {
            PartState::LeftOver => (part, "dropped"),
            _ => (part, "made"),
        })
    });
    done.chain(settled).collect()
}

/// Prints what was done.
pub(crate) fn print_changes(output: Output, changes: &[Change<'_>]) -> Result<(), Fault> {
    match output.format {
        Format::Table if changes.is_empty() => talk("there was nothing to do"),
        Format::Table => {
            let rows = changes.iter().map(|(part, done)| Line::of(part).row(done));
            output.write(&table(output, ["part", "name", "table", "done"], rows))?;
        }
        Format::Csv | Format::Json | Format::Ndjson => {
            let lines = changes.iter().map(|(part, done)| Line {
                done: Some(done),
                ..Line::of(part)
            });
            output.items(&DONE_COLUMNS, &lines.collect::<Vec<_>>())?;
        }
    }
    Ok(())
}
