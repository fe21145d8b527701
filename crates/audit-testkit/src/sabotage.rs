//! Breaking the triggers on purpose: each way must turn the suite red, or the suite proves
//! nothing.
//!
//! The triggers are rewritten in the database, after the code under test has installed them. The
//! way is named by the environment variable `AUDIT_TEST_SABOTAGE`, which
//! `cargo xtask test --sabotage` sets.

mod edit;

use std::sync::OnceLock;

use audit_core::{AuditContext, Dialect, context};
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Executor, Row};

use crate::database::Raw;

use self::edit::{Edit, Installed};

/// Every way, by name.
const SABOTAGES: [(&str, Edit); 33] = [
    ("actor_is_somebody_else", Edit::Set("actor_id", "'mallory'")),
    ("actor_kind_is_lost", Edit::Set("actor_kind", "'unknown'")),
    (
        "actors_are_swapped",
        Edit::Wrap(
            "actor_id",
            ["CASE {} WHEN 'alice' THEN 'bob' WHEN 'bob' THEN 'alice' ELSE {} END"; 3],
        ),
    ),
    ("after_is_before", Edit::Copy("after_data", "before_data")),
    ("after_is_lost", Edit::Set("after_data", "NULL")),
    ("before_is_after", Edit::Copy("before_data", "after_data")),
    ("before_is_lost", Edit::Set("before_data", "NULL")),
    (
        "before_is_stale",
        Edit::Wrap(
            "before_data",
            [
                "pg_catalog.jsonb_set(({})::pg_catalog.jsonb, '{name}', '\"stale\"', false)::pg_catalog.json",
                "JSON_REPLACE({}, '$.name', 'stale')",
                "json_replace({}, '$.name', 'stale')",
            ],
        ),
    ),
    ("cascades_are_missed", Edit::MissCascades),
    (
        "changed_fields_are_lost",
        Edit::Set("changed_fields", "NULL"),
    ),
    (
        "clock_stands_still",
        Edit::Set("occurred_at", "'2026-01-01 00:00:00'"),
    ),
    (
        "column_is_dropped",
        Edit::Wrap(
            "after_data",
            [
                "(({})::pg_catalog.jsonb OPERATOR(pg_catalog.-) 'name'::pg_catalog.text)::pg_catalog.json",
                "JSON_REMOVE({}, '$.name')",
                "json_remove({}, '$.name')",
            ],
        ),
    ),
    ("context_is_lost", Edit::Set("context", "NULL")),
    ("context_is_not_replaced", Edit::KeepContext),
    ("deletes_are_missed", Edit::Miss("DELETE")),
    ("events_are_doubled", Edit::Double),
    ("events_survive_a_rollback", Edit::KeepEvents),
    ("first_rows_are_recorded_alone", Edit::FirstRow),
    ("inserts_are_missed", Edit::Miss("INSERT")),
    ("key_is_lost", Edit::Set("record_id", "'0'")),
    ("label_is_lost", Edit::Set("label", "NULL")),
    ("nothing_is_broken", Edit::Nothing),
    ("old_key_is_lost", Edit::Set("previous_record_id", "NULL")),
    ("operation_is_wrong", Edit::Set("operation", "'CUSTOM'")),
    ("partitions_are_missed", Edit::MissPartitions),
    ("reason_is_lost", Edit::Set("reason", "NULL")),
    ("redaction_is_not_applied", Edit::Unmask),
    ("request_is_lost", Edit::Set("request_id", "NULL")),
    ("severity_is_lost", Edit::Set("severity", "NULL")),
    ("table_is_missed", Edit::MissTable("invoices")),
    ("table_is_wrong", Edit::Set("table_name", "'users'")),
    ("unchanged_updates_are_recorded", Edit::Always),
    ("updates_are_missed", Edit::Miss("UPDATE")),
];

/// The names of all ways that a database has. That in which triggers have another text and do the
/// same as before, `nothing_is_broken`, is none of them.
pub fn names(database: &str) -> impl Iterator<Item = &'static str> {
    // Only there a table can be outside of transactions.
    let has_engines = database == "mariadb";
    let is_postgres = database.starts_with("postgres");
    SABOTAGES
        .iter()
        .filter(move |(_, edit)| match edit {
            Edit::KeepEvents => has_engines,
            Edit::FirstRow | Edit::MissPartitions => is_postgres,
            Edit::Nothing => false,
            _ => true,
        })
        .map(|(name, _)| *name)
}

fn chosen() -> Option<Edit> {
    let name = std::env::var("AUDIT_TEST_SABOTAGE").ok()?;
    let found = SABOTAGES.iter().find(|(known, _)| *known == name);
    Some(
        found
            .unwrap_or_else(|| panic!("no sabotage is called {name}"))
            .1,
    )
}

fn operation_of(definition: &str) -> &'static str {
    let upper = definition.to_ascii_uppercase();
    ["INSERT", "UPDATE", "DELETE"]
        .into_iter()
        .find(|operation| upper.contains(&format!("AFTER {operation}")))
        .unwrap_or("TRUNCATE")
}

/// The context that a connection keeps for good, where that is the sabotage: the first of its pool.
pub fn kept_context(first: &OnceLock<AuditContext>) -> Option<AuditContext> {
    if chosen() != Some(Edit::KeepContext) {
        return None;
    }
    if let Some(context) = context::current() {
        // Later ones do not replace it.
        let _ = first.set(context);
    }
    first.get().cloned()
}

/// What a trigger says that was broken already.
const BROKEN: &str = "BEGIN /* broken */";

fn marked(definition: &str) -> String {
    definition.replacen("BEGIN", BROKEN, 1)
}

/// What asks a connection for the triggers to break: name, table and definition (SQLite); nothing
/// where no sabotage is asked for.
///
/// Here and elsewhere those of our own tables stay as they are: else the probe of a check notices,
/// and the suite need not. Before the first `migrate` is over, which checks, none is broken.
#[must_use]
pub fn triggers_of_connection() -> Option<&'static str> {
    chosen().map(|_| {
        "SELECT name, tbl_name, sql FROM sqlite_temp_schema, pragma_application_id \
         WHERE type = 'trigger' AND name LIKE 'audit\\_%' ESCAPE '\\' \
           AND tbl_name NOT LIKE 'audit\\_%' ESCAPE '\\' AND application_id = 1"
    })
}

/// Breaks the triggers of one connection, where a sabotage is asked for (SQLite).
///
/// # Errors
/// When the rewritten trigger is refused, which is a fault of the sabotage.
pub async fn connection(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let Some(triggers) = triggers_of_connection() else {
        return Ok(());
    };
    for row in connection.fetch_all(triggers).await? {
        let trigger: [String; 3] = [row.try_get(0)?, row.try_get(1)?, row.try_get(2)?];
        for statement in broken(&trigger) {
            connection.execute(AssertSqlSafe(statement)).await?;
        }
    }
    Ok(())
}

/// The statements that break a trigger of a connection; none where no sabotage is asked for, or it
/// is broken already.
#[must_use]
pub fn broken([name, table, definition]: &[String; 3]) -> Vec<String> {
    let edit = chosen().filter(|_| !definition.contains(BROKEN));
    let Some(edit) = edit else {
        return Vec::new();
    };
    let installed = Installed {
        dialect: Dialect::Sqlite,
        name,
        table,
        operation: operation_of(definition),
        definition,
    };
    let drop = format!("DROP TRIGGER temp.\"{}\"", name.replace('"', "\"\""));
    let create = installed
        .edited(edit)
        .map(|definition| marked(&definition).replacen("CREATE TRIGGER", "CREATE TEMP TRIGGER", 1));
    std::iter::once(drop).chain(create).collect()
}

/// Breaks the triggers in the schema, where a sabotage is asked for (PostgreSQL, MariaDB), or lets
/// those of each connection be broken from now on (SQLite).
pub async fn schema(raw: &mut Raw, dialect: Dialect) {
    let Some(edit) = chosen() else { return };
    match dialect {
        Dialect::Postgres => postgres(raw, edit).await,
        Dialect::MySql => mysql(raw, edit).await,
        _ => raw.run("PRAGMA application_id = 1").await,
    }
}

/// Lets connections have whole triggers again until [`schema`] is called (SQLite): `migrate` checks what
/// is on its own one, which the pool hands out broken. Elsewhere it makes them anew.
pub async fn pause(raw: &mut Raw, dialect: Dialect) {
    if chosen().is_some() && dialect == Dialect::Sqlite {
        // Another version of the schema makes a connection get its triggers anew at the next checkout.
        raw.run(
            "PRAGMA application_id = 0; \
             CREATE TABLE sabotage_pauses (id INTEGER); DROP TABLE sabotage_pauses",
        )
        .await;
    }
}

async fn postgres(raw: &mut Raw, edit: Edit) {
    let rows = raw
        .texts(
            "SELECT t.tgname::text, t.tgrelid::regclass::text, pg_get_functiondef(p.oid), \
               pg_get_triggerdef(t.oid) \
             FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid \
             JOIN pg_namespace n ON n.oid = p.pronamespace AND n.nspname = 'audit' \
             JOIN pg_class c ON c.oid = t.tgrelid AND c.relnamespace <> n.oid \
             WHERE NOT t.tgisinternal AND t.tgparentid = 0",
        )
        .await;
    for row in rows {
        let texts: Vec<String> = row.into_iter().map(Option::unwrap_or_default).collect();
        let drop = format!("DROP TRIGGER \"{}\" ON {}", texts[0], texts[1]);
        let installed = Installed {
            dialect: Dialect::Postgres,
            name: &texts[0],
            table: &texts[1],
            operation: operation_of(&texts[3]),
            definition: &texts[2],
        };
        match installed.edited(edit) {
            Some(function) => raw.run(&marked(&function)).await,
            None => raw.run(&drop).await,
        }
        // A condition is in the trigger as well as in its function.
        let condition = texts[3].find(" WHEN (").zip(texts[3].find(" EXECUTE "));
        if let (Edit::Always, Some((from, to))) = (edit, condition) {
            let mut create = texts[3].clone();
            create.replace_range(from..to, "");
            raw.run(&format!("{drop}; {create}")).await;
        }
    }
}

async fn mysql(raw: &mut Raw, edit: Edit) {
    if edit == Edit::KeepEvents {
        raw.run("ALTER TABLE audit_logs ENGINE = Aria TRANSACTIONAL = 0")
            .await;
    }
    // In their order: one that is made anew is the last of its table.
    let rows = raw
        .texts(
            "SELECT CONVERT(trigger_name USING utf8mb4), CONVERT(event_object_table USING utf8mb4), \
               CONVERT(event_manipulation USING utf8mb4), CONVERT(sql_mode USING utf8mb4) \
             FROM information_schema.triggers WHERE trigger_schema = DATABASE() \
               AND trigger_name LIKE 'audit%' AND event_object_table NOT LIKE 'audit\\_%' \
             ORDER BY action_order",
        )
        .await;
    for row in rows {
        let texts: Vec<String> = row.into_iter().map(Option::unwrap_or_default).collect();
        let name = format!("`{}`", texts[0].replace('`', "``"));
        // The schema of information has another text, without some of the backslashes.
        let shown = raw.texts(&format!("SHOW CREATE TRIGGER {name}")).await;
        let definition = shown[0][2].as_deref().expect("a definition");
        raw.run(&format!("DROP TRIGGER {name}")).await;
        let installed = Installed {
            dialect: Dialect::MySql,
            name: &texts[0],
            table: &texts[1],
            operation: &texts[2],
            definition,
        };
        if let Some(create) = installed.edited(edit).as_deref().map(marked) {
            raw.run(&format!("SET sql_mode = '{}'", texts[3])).await;
            raw.run(&create).await;
        }
    }
}
