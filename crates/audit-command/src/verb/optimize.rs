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
use crate::output::{Format, Output, Progress, talk};
use crate::script;
use crate::table::table;

/// The arguments of `audit optimize`.
#[derive(Debug, Args)]
pub(crate) struct Optimize {
    /// Run what holds up no writer and takes nothing away; without this flag it is only shown
    #[arg(long)]
    apply: bool,
}

/// The wire form of what is there to say.
#[derive(Debug, Default, Serialize)]
struct Line<'e> {
    /// `size`, or the kind of an advice.
    kind: &'static str,
    /// The table or the index whose size it is.
    name: Option<&'e str>,
    bytes: Option<u64>,
    bytes_per_event: Option<u64>,
    /// How often the index was read.
    reads: Option<u64>,
    advice: Option<String>,
    /// Whether nothing is wrong.
    is_note: Option<bool>,
    /// Whether `--apply` runs the statements.
    is_safe: Option<bool>,
    statements: Vec<&'e str>,
}

impl<'e> Line<'e> {
    fn sizes(figures: &'e LogFigures) -> impl Iterator<Item = Self> {
        let line = |name, bytes: Option<u64>, reads| Self {
            kind: "size",
            name: Some(name),
            bytes,
            bytes_per_event: bytes.and_then(|bytes| bytes.checked_div(figures.events)),
            reads,
            ..Self::default()
        };
        let log = line("audit_logs", figures.table_bytes, None);
        let indexes = figures.indexes.iter().filter(|index| !index.is_table());
        let indexes = indexes.map(move |index| line(&index.name, index.bytes, index.reads));
        [log].into_iter().chain(indexes)
    }

    fn advice(advice: &'e Advice) -> Self {
        let statements = advice.steps.iter().map(|step| step.statement.as_str());
        Self {
            kind: advice.matter.kind(),
            advice: Some(advice.matter.to_string()),
            is_note: Some(advice.matter.is_note()),
            is_safe: Some(advice.is_safe),
            statements: statements.collect(),
            ..Self::default()
        }
    }

    fn row(&self) -> [String; 4] {
        let number = |number: Option<u64>| number.map_or_else(|| "?".to_owned(), |n| n.to_string());
        [
            words::printable(self.name.unwrap_or_default()),
            number(self.bytes),
            number(self.bytes_per_event),
            self.reads
                .map_or_else(String::new, |reads| reads.to_string()),
        ]
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
        let look = Progress::during("the log is read", log.look(rules.indexes()));
        let mut found = look.await.map_err(Fault::partitions)?;
        if self.apply {
            let mut steps = Vec::new();
            for advice in &found.advice {
                let done = Progress::during("the log is mended", log.apply(advice)).await;
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
        return output.items(&[], &sizes.chain(advice).collect::<Vec<_>>());
    }
    let header = ["table or index", "bytes", "per event", "reads"];
    output.write(&table(output, header, sizes.map(|line| line.row())))?;
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
