//! TEMP triggers on each connection, over the functions of audit-sqlite.

mod manual;
mod probe;
mod trigger;

use audit_core::Dialect;

use crate::catalog::{Catalog, Column, InstalledTrigger};
use crate::finding::Finding;
use crate::plan::Plan;
use crate::sql::{identifier, literal};

pub(crate) use manual::manual_insert;
pub(crate) use probe::probe;
pub(crate) use trigger::triggers;

/// What every name of a trigger of ours starts with.
const PREFIX: &str = "audit_";

/// What a change says whose event the log did not take, though no error came of it.
const REFUSED: &str = "audit: the log did not take the event of this change";

/// A comparison takes three arguments a column, and SQLite allows a function 1,000
/// (<https://www.sqlite.org/limits.html>).
pub(crate) const MOST_COLUMNS: usize = 330;

/// The catalog of the main database, and what a connection sees beside it.
pub(crate) const CATALOG_QUERY: &str = include_str!("sqlite/catalog.sql");

/// What is turned off according to the view that `migrate` makes.
pub(crate) const COMPILED_SETTINGS: &str = "SELECT name, 'off' FROM main.audit_capture_off";

pub(crate) fn drop_trigger(found: &InstalledTrigger) -> String {
    format!(
        "DROP TRIGGER temp.{}",
        identifier(Dialect::Sqlite, &found.name)
    )
}

/// Adds what holds for the connection as a whole.
pub(crate) fn complete(plan: &mut Plan, catalog: &Catalog) {
    for database in &catalog.attached {
        plan.add_finding(Finding::AttachedDatabase {
            database: database.clone(),
        });
    }
    for table in &catalog.shadows {
        plan.add_finding(Finding::ShadowTable {
            table: table.clone(),
        });
    }
    compile_switch(plan, catalog);
    let hiding: Vec<Finding> = catalog
        .user_triggers
        .iter()
        .filter(|trigger| plan.has_trigger_on(None, &trigger.table))
        .map(|trigger| Finding::ReplaceHidesDelete {
            table: trigger.table.clone(),
            trigger: trigger.name.clone(),
        })
        .collect();
    // A REPLACE fires delete triggers only with recursive triggers on, which would change how
    // the application's own triggers work.
    let recursive = if hiding.is_empty() { "ON" } else { "OFF" };
    plan.add_preparation(format!("PRAGMA recursive_triggers = {recursive}"));
    for finding in hiding {
        plan.add_finding(finding);
    }
}

/// Whether a column may hold JSON text: one of INTEGER or REAL affinity is for numbers.
///
/// # Source
/// <https://www.sqlite.org/datatype3.html>, section 3.1.
pub(crate) fn has_documents(column: &Column) -> bool {
    let declared = column.type_name.to_ascii_uppercase();
    let has = |part: &str| declared.contains(part);
    let is_text = ["CHAR", "CLOB", "TEXT", "BLOB"].into_iter().any(has);
    !(has("INT") || !is_text && ["REAL", "FLOA", "DOUB"].into_iter().any(has))
}

/// Has `migrate` note what is turned off as a view: the file has another schema version then, by
/// which every connection knows that its triggers are old.
fn compile_switch(plan: &mut Plan, catalog: &Catalog) {
    let names = catalog.switch.names();
    let rows: Vec<String> = names
        .iter()
        .map(|name| format!("({})", literal(Dialect::Sqlite, name)))
        .collect();
    let wanted = (!rows.is_empty()).then(|| {
        format!(
            "CREATE VIEW audit_capture_off (name) AS VALUES {}",
            rows.join(", ")
        )
    });
    if catalog.compiled_switch != wanted {
        plan.add_compilation("DROP VIEW IF EXISTS main.audit_capture_off".to_owned());
        wanted
            .into_iter()
            .for_each(|view| plan.add_compilation(view));
    }
}
