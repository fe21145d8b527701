//! Making an index while others write.

use audit_core::Dialect;
use audit_core::schema::LOG_TABLE;

use super::LogFigures;
use super::advice::WantedIndex;
use crate::partition::{Step, postgres_change};
use crate::sql::identifier;

/// How long MariaDB waits for its locks, in seconds: who waits stops everyone behind it.
const PATIENCE: u8 = 1;
/// How often it is tried there.
const TRIES: u8 = 3;

/// Whether a database makes an index without holding up writers.
pub(super) fn is_online(dialect: Dialect) -> bool {
    dialect != Dialect::Sqlite
}

/// The statements that make an index that is not there, or not in every partition, or not finished.
pub(super) fn build(dialect: Dialect, index: &WantedIndex, figures: &LogFigures) -> Vec<Step> {
    let statement = index.statement.trim().trim_end_matches(';');
    match dialect {
        Dialect::MySql => vec![
            Step::new(
                format!("makes `{}`, while others write", index.name),
                format!("{statement} WAIT {PATIENCE} ALGORITHM = INPLACE LOCK = NONE"),
            )
            .tried(TRIES),
        ],
        Dialect::Postgres if figures.leaves.is_empty() => {
            vec![built(&index.name, statement, figures)]
        }
        Dialect::Postgres => in_partitions(index, statement, figures),
        _ => vec![Step::new(
            format!("makes `{}`; writers wait until it is done", index.name),
            statement,
        )],
    }
}

/// The step that makes or ends an index of one table of PostgreSQL.
fn built(name: &str, statement: &str, figures: &LogFigures) -> Step {
    match figures
        .unfinished
        .iter()
        .any(|unfinished| unfinished == name)
    {
        true => anew(name),
        false => Step::new(
            format!("makes `{name}`, while others write"),
            statement.replacen("CREATE INDEX", "CREATE INDEX CONCURRENTLY", 1),
        ),
    }
}

/// The step that makes an index anew which was begun and not finished.
pub(super) fn anew(name: &str) -> Step {
    let quoted = identifier(Dialect::Postgres, name);
    Step::new(
        format!("makes `{name}` anew, while others write"),
        format!("REINDEX INDEX CONCURRENTLY audit.{quoted}"),
    )
}

/// The step that drops what was left over.
pub(super) fn dropped(name: &str) -> Step {
    let quoted = identifier(Dialect::Postgres, name);
    Step::new(
        format!("drops `{name}`, while others write"),
        format!("DROP INDEX CONCURRENTLY audit.{quoted}"),
    )
}

/// An index of all partitions is made of one of each: PostgreSQL makes none at once while others write.
fn in_partitions(index: &WantedIndex, statement: &str, figures: &LogFigures) -> Vec<Step> {
    let log = format!("audit.{LOG_TABLE}");
    let there = figures.indexes.iter().find(|own| own.name == index.name);
    let on_log = statement.replacen(&format!("ON {log}"), &format!("ON ONLY {log}"), 1);
    let head = Step::new(
        format!(
            "makes `{}` of no partition yet; writers wait for milliseconds",
            index.name
        ),
        postgres_change(&log, "SHARE", &format!("    {on_log};")),
    );
    let lacking = there.map_or(&figures.leaves, |there| &there.lacking);
    let suffix = index.name.strip_prefix(LOG_TABLE).unwrap_or(&index.name);
    let parts = lacking.iter().flat_map(|leaf| {
        let part = format!("{leaf}{suffix}");
        let table = identifier(Dialect::Postgres, leaf);
        let statement = statement
            .replacen(&index.name, &identifier(Dialect::Postgres, &part), 1)
            .replacen(&format!("ON {log}"), &format!("ON audit.{table}"), 1);
        let attach = format!(
            "    ALTER INDEX audit.{} ATTACH PARTITION audit.{};",
            identifier(Dialect::Postgres, &index.name),
            identifier(Dialect::Postgres, &part),
        );
        let attach = Step::new(
            format!(
                "makes `{part}` a part of `{}`; writers wait for milliseconds",
                index.name
            ),
            postgres_change(&log, "SHARE UPDATE EXCLUSIVE", &attach),
        );
        [built(&part, &statement, figures), attach]
    });
    let head = there.is_none().then_some(head);
    head.into_iter().chain(parts).collect()
}
