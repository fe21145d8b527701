//! `audit show`: all of one event.

use audit_core::{Event, Json};
use audit_sqlx::AuditDatabase;
use audit_store::{FieldChange, words};
use clap::Args;
use uuid::Uuid;

use super::Run;
use crate::database::{Database, trail};
use crate::exit::Exit;
use crate::fault::Fault;
use crate::listing::{Columns, Listing};
use crate::output::{Colour, Format, Output, talk};

/// The arguments of `audit show`.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The id of the event; `audit log --ids` has it
    id: Uuid,
}

impl Run for Show {
    async fn run<DB: AuditDatabase>(
        &self,
        database: &Database,
        output: Output,
    ) -> Result<Exit, Fault> {
        let pool = database.open::<DB>().await?;
        let Some(event) = trail(&pool).event(self.id).await? else {
            talk(&format!("the log has no event `{}`", self.id));
            return Ok(Exit::Nothing);
        };
        match output.format {
            Format::Table => output.write(&in_words(output, &event)?)?,
            Format::Csv | Format::Json | Format::Ndjson => {
                let mut listing = Listing::new(output, Columns::default());
                listing.add(&[event])?;
                listing.end()?;
            }
        }
        Ok(Exit::Success)
    }
}

/// What the event has, by the names of the wire form, and then what became of each field.
fn in_words(output: Output, event: &Event) -> Result<String, Fault> {
    let wire = serde_json::to_string(event).map_err(Fault::database)?;
    let wire: Json = wire.parse().map_err(Fault::database)?;
    let mut fields = wire.fields();
    fields.retain(|(name, value)| {
        !["before_data", "after_data"].contains(&name.as_str()) && value.as_str() != "null"
    });
    let width = fields.iter().map(|(name, _)| name.len()).max();
    let width = width.unwrap_or_default();
    let mut text = String::new();
    for (name, value) in &fields {
        let name = output.paint(Colour::Bold, &format!("{name:width$}"));
        text.push_str(&format!("{name}  {}\n", words::value(Some(value))));
    }
    for change in FieldChange::of(event) {
        text.push('\n');
        text.push_str(&diff(output, &change));
    }
    Ok(text)
}

/// A field, the line that went and the line that came.
fn diff(output: Output, change: &FieldChange) -> String {
    let field = words::printable(&change.field);
    let hidden = if change.is_redacted { " (hidden)" } else { "" };
    let mut text = output.paint(Colour::Bold, &field) + hidden + "\n";
    let lines = [
        (Colour::Red, '-', &change.before),
        (Colour::Green, '+', &change.after),
    ];
    for (colour, sign, value) in lines {
        if value.is_some() {
            let line = format!("  {sign} {}", words::value(value.as_ref()));
            text.push_str(&output.paint(colour, &line));
            text.push('\n');
        }
    }
    text
}
