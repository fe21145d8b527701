//! `audit optimize`: how the database keeps the log, and what mends that.

use audit_sqlx::AuditDatabase;
use audit_store::optimize::{Advice, Examined, LogFigures, Optimize as Log};
use audit_store::partitions::Step;
use audit_store::words;
use clap::Args;
use serde::Serialize;

use super::Run;
use crate::config::Config;
use crate::database::Database;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::output::{Format, Output, talk};
use crate::script;
use crate::table::table;

/// The arguments of `audit optimize`.
#[derive(Debug, Args)]
pub(crate) struct Optimize {
    /// Run what holds up no writer and takes nothing away; without this flag it is only shown
    #[arg(long)]
    apply: bool,
}

/// A line of the wire form.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Line<'e> {
    /// What the log or one of its indexes takes.
    Size {
        name: &'e str,
        bytes: Option<u64>,
        bytes_per_event: Option<u64>,
        /// How often it was read.
        reads: Option<u64>,
    },
    /// What there is to say.
    Advice {
        matter: &'static str,
        advice: String,
        is_note: bool,
        /// Whether `--apply` runs the statements.
        is_safe: bool,
        statements: Vec<&'e str>,
    },
}

impl<'e> Line<'e> {
    fn sizes(figures: &'e LogFigures) -> impl Iterator<Item = Self> {
        let per_event = |bytes: Option<u64>| bytes?.checked_div(figures.events);
        let log = Self::Size {
            name: "audit_logs",
            bytes: figures.table_bytes,
            bytes_per_event: per_event(figures.table_bytes),
            reads: None,
        };
        let indexes = figures.indexes.iter().filter(|index| !index.is_table());
        [log]
            .into_iter()
            .chain(indexes.map(move |index| Self::Size {
                name: &index.name,
                bytes: index.bytes,
                bytes_per_event: per_event(index.bytes),
                reads: index.reads,
            }))
    }

    fn advice(advice: &'e Advice) -> Self {
        let statements = advice.steps.iter().map(|step| step.statement.as_str());
        Self::Advice {
            matter: advice.matter.kind(),
            advice: advice.matter.to_string(),
            is_note: advice.matter.is_note(),
            is_safe: advice.is_safe,
            statements: statements.collect(),
        }
    }
}

impl Run for Optimize {
    async fn run<DB: AuditDatabase>(
        &self,
        database: &Database,
        output: Output,
    ) -> Result<Exit, Fault> {
        let rules = Config::rules_or_none()?;
        let pool = database.open::<DB>().await?;
        let mut connection = pool.acquire().await.map_err(Fault::database)?;
        let mut log = Log::of(audit_sqlx::writer(&mut *connection));
        let look = log.look(rules.indexes()).await;
        let mut found = look.map_err(Fault::partitions)?;
        if self.apply {
            let mut steps = Vec::new();
            for advice in &found.advice {
                let done = log.apply(advice).await;
                steps.extend(done.map_err(Fault::partitions)?);
            }
            for Step { what, .. } in &steps {
                talk(&format!("done: {what}"));
            }
            let look = log.look(rules.indexes()).await;
            found = look.map_err(Fault::partitions)?;
        }
        print(&found, output)?;
        let mends = |advice: &Advice| advice.is_safe && !advice.steps.is_empty();
        if !self.apply && found.advice.iter().any(mends) {
            talk("nothing was changed; `--apply` runs what holds up no writer");
        }
        let is_wrong = found.advice.iter().any(|advice| !advice.matter.is_note());
        Ok(match is_wrong {
            true => Exit::Nothing,
            false => Exit::Success,
        })
    }
}

fn print(found: &Examined, output: Output) -> Result<(), Fault> {
    let sizes = Line::sizes(&found.figures);
    let advice = found.advice.iter().map(Line::advice);
    if output.format != Format::Table {
        return output.json(&sizes.chain(advice).collect::<Vec<_>>());
    }
    let header = ["table or index", "bytes", "per event", "reads"];
    output.write(&table(output, header, sizes.filter_map(|line| row(&line))))?;
    if let Some(bytes) = found.figures.bytes_per_event() {
        let events = found.figures.events;
        output.write(&format!("{events} events, of about {bytes} bytes each\n"))?;
    }
    for advice in &found.advice {
        let word = match advice.matter.is_note() {
            true => "note",
            false => "advice",
        };
        let text = words::printable(&advice.matter.to_string());
        output.write(&format!("\n{word}: {text}\n"))?;
        output.write(&script::of_steps(&advice.steps))?;
    }
    Ok(())
}

fn row(line: &Line<'_>) -> Option<[String; 4]> {
    let number = |number: Option<u64>| number.map_or_else(|| "?".to_owned(), |n| n.to_string());
    match line {
        Line::Size {
            name,
            bytes,
            bytes_per_event,
            reads,
        } => Some([
            words::printable(name),
            number(*bytes),
            number(*bytes_per_event),
            reads.map_or_else(String::new, |reads| reads.to_string()),
        ]),
        Line::Advice { .. } => None,
    }
}
