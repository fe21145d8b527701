//! What the database keeps of the log: as it is read, and as it lies on the disk.

use audit_core::Dialect;
use audit_core::schema::{LOG_COLUMNS, LOG_TABLE, qualified};
use audit_testkit::{Raw, TestDatabase};

/// Every column of every row of the log. A server may keep long values compressed, so that its
/// files do not show them.
pub(crate) async fn columns(database: &TestDatabase, raw: &mut Raw) -> Vec<u8> {
    let dialect = database.server().dialect();
    let text = |column: &str| match dialect {
        Dialect::MySql => format!("CONVERT({column} USING utf8mb4)"),
        Dialect::Postgres => format!("{column}::text"),
        _ => format!("quote({column})"),
    };
    let columns: Vec<_> = LOG_COLUMNS.iter().map(|column| text(column.name)).collect();
    let table = qualified(dialect, LOG_TABLE);
    let rows = raw
        .texts(&format!("SELECT {} FROM {table}", columns.join(", ")))
        .await;
    let values: Vec<String> = rows.into_iter().flatten().flatten().collect();
    values.join("\n").into_bytes()
}

/// The files of our tables with their indexes, written to the disk first.
pub(crate) async fn files(database: &TestDatabase, raw: &mut Raw) -> Vec<u8> {
    let (write, list, done) = match database.server().dialect() {
        Dialect::MySql => (
            "FLUSH TABLES audit_holds, audit_logs, audit_migrations, audit_probe, audit_schemas, audit_settings \
             FOR EXPORT",
            "SELECT CONCAT(@@datadir, DATABASE(), '/', CONVERT(table_name USING utf8mb4), '.ibd') \
             FROM information_schema.tables WHERE table_schema = DATABASE() \
             AND table_name LIKE 'audit\\_%'",
            "UNLOCK TABLES",
        ),
        // Indexes and the tables of long values among them.
        Dialect::Postgres => (
            "CHECKPOINT",
            "SELECT current_setting('data_directory') || '/' || pg_relation_filepath(oid) \
             FROM pg_class WHERE relkind IN ('r', 'i', 't') AND (relnamespace = 'audit'::regnamespace \
               OR oid IN (SELECT reltoastrelid FROM pg_class WHERE relnamespace = 'audit'::regnamespace))",
            "",
        ),
        // One file for all: the application's own rows are deleted by now, and VACUUM leaves
        // nothing of them.
        _ => (
            "VACUUM; PRAGMA wal_checkpoint(TRUNCATE)",
            "SELECT file FROM pragma_database_list WHERE name = 'main'",
            "",
        ),
    };
    raw.run(write).await;
    let mut bytes = Vec::new();
    for path in raw.texts(list).await.into_iter().flatten().flatten() {
        bytes.extend(std::fs::read(path).unwrap());
    }
    raw.run(done).await;
    // What an event does show is there: these are the bytes of the log.
    let shown = b"hmac-sha256:";
    assert!(bytes.windows(shown.len()).any(|window| window == shown));
    bytes
}
