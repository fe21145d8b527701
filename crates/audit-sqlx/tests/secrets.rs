//! Forty planted secrets, and every place where one could come out again.
//!
//! | kind | where planted | what is searched |
//! |---|---|---|
//! | value of a dropped column | ten ways to write it | the log as text, the pages of the log, all output at trace level, every `Debug` |
//! | value of a masked column | the same | the same |
//! | value of a hashed column | the same | the same |
//! | tail of a truncated column | the same | the same |
//! | key of the hashes | the settings | the same, and the log of all statements of PostgreSQL, which must not log the values of binds |
//!
//! Each is searched as it is, in hex of both cases and in base64 of the three alignments.
#![expect(
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "test code: a failure is a panic"
)]

use std::fmt::Write as _;
use std::sync::{Arc, LazyLock, Mutex};

use audit_core::{Audit, Redaction, Snapshot, TableRule};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use sqlx::AssertSqlSafe;
use tracing_subscriber::fmt::MakeWriter;

const KEY: &str = "canary-key-5f0c2a9de81b47633e90ab17c44d28f6";
const COLUMNS: [&str; 4] = ["dropped", "masked", "hashed", "truncated"];
const WAYS: usize = 10;

/// The secret planted in a column by one of the ways; the first four characters of a truncated
/// one are meant to stay.
fn canary(column: &str, way: usize) -> String {
    format!(
        "{}{way}-5a8e77d1c3{way}",
        column.chars().rev().collect::<String>()
    )
}

fn audit(key: &str) -> Audit {
    let rule = |table: &str| {
        TableRule::new(table)
            .redact("dropped", Redaction::Drop)
            .redact("masked", Redaction::Mask)
            .redact("hashed", Redaction::Hash)
            .redact("truncated", Redaction::Truncate(4))
    };
    Audit::builder()
        .hash_key(key.as_bytes())
        .table(rule("secrets"))
        .table(rule("changes").snapshot(Snapshot::Changed))
        .build()
        .unwrap()
}

fn tables(text: &str) -> String {
    ["secrets", "changes"]
        .map(|table| {
            let columns: String = COLUMNS
                .iter()
                .map(|column| format!(", {column} {text}"))
                .collect();
            format!("CREATE TABLE {table} (id BIGINT NOT NULL PRIMARY KEY{columns});")
        })
        .concat()
}

/// The statements, each with the way whose secrets it binds.
fn statements(upsert: &str, place: impl Fn(usize) -> String) -> Vec<(String, usize)> {
    let values = |id: usize| {
        let places: Vec<String> = (1..=4).map(&place).collect();
        format!("({id}, {})", places.join(", "))
    };
    let sets: Vec<String> = COLUMNS
        .iter()
        .enumerate()
        .map(|(index, column)| format!("{column} = {}", place(index + 1)))
        .collect();
    let sets = sets.join(", ");
    vec![
        (format!("INSERT INTO secrets VALUES {}", values(1)), 0),
        (format!("UPDATE secrets SET {sets} WHERE id = 1"), 1),
        (format!("INSERT INTO secrets VALUES {}", values(2)), 2),
        (
            format!("INSERT INTO secrets VALUES {} {upsert}", values(2)),
            3,
        ),
        (
            format!("INSERT INTO secrets VALUES {} {upsert}", values(3)),
            4,
        ),
        (format!("INSERT INTO changes VALUES {}", values(1)), 5),
        (format!("UPDATE changes SET {sets}"), 6),
        (format!("UPDATE changes SET {sets}, id = 7"), 7),
        // Refused by the key, with the secrets bound.
        (format!("INSERT INTO secrets VALUES {}", values(1)), 8),
        (format!("UPDATE secrets SET {sets} WHERE id = 3"), 9),
        ("DELETE FROM secrets".to_owned(), 9),
        ("DELETE FROM changes".to_owned(), 9),
    ]
}

/// Everything that is written through `tracing`.
#[derive(Debug, Clone, Default)]
struct Output(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Output {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Output {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// What this process writes: statements are logged on the driver's threads as well, so the
/// subscriber is that of the process.
fn output() -> Output {
    static OUTPUT: LazyLock<Output> = LazyLock::new(|| {
        let output = Output::default();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(output.clone())
            .finish();
        tracing::subscriber::set_global_default(subscriber).unwrap();
        output
    });
    OUTPUT.clone()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}

/// The forms in which a secret would still be one.
fn forms(secret: &str) -> Vec<String> {
    let mut forms = vec![secret.to_owned(), hex(secret.as_bytes())];
    forms.push(forms[1].to_uppercase());
    for shift in 0..3 {
        let shifted = [&[0; 3][..shift], secret.as_bytes()].concat();
        let text = STANDARD_NO_PAD.encode(shifted);
        // The characters that depend on what stands around the secret are cut off.
        forms.push(text[if shift == 0 { 0 } else { 4 }..text.len() - 2].to_owned());
    }
    forms
}

/// The bytes of a key as the two passes of an HMAC use them (RFC 2104, section 2): whoever reads
/// one has the key.
fn as_pads(key: &str) -> Vec<String> {
    [0x36, 0x5c]
        .map(|pad| hex(&key.bytes().map(|byte| byte ^ pad).collect::<Vec<_>>()))
        .to_vec()
}

/// Looks for every planted secret in every place.
fn search(places: &[(&str, Vec<u8>)], key_only: &[(&str, Vec<u8>)]) {
    let mut secrets = vec![KEY.to_owned()];
    let mut found = Vec::new();
    for column in COLUMNS {
        for way in 0..WAYS {
            let secret = canary(column, way);
            // What a truncation keeps is no secret.
            secrets.push(if column == "truncated" {
                secret[4..].to_owned()
            } else {
                secret
            });
        }
    }
    assert_eq!(secrets.len(), 41);
    for (index, secret) in secrets.iter().enumerate() {
        let key_places = if index == 0 { key_only } else { &[] };
        for (place, bytes) in places.iter().chain(key_places) {
            assert!(!bytes.is_empty(), "nothing to search in {place}");
            let pads = if index == 0 {
                as_pads(secret)
            } else {
                Vec::new()
            };
            for form in forms(secret).into_iter().chain(pads) {
                if bytes
                    .windows(form.len())
                    .any(|window| window == form.as_bytes())
                {
                    found.push(format!("{form} in {place}"));
                }
            }
        }
    }
    assert_eq!(found, [""; 0]);
}

#[test]
fn the_search_finds_each_form() {
    for form in forms(KEY) {
        let place = format!("..{form}..").into_bytes();
        let search = std::panic::catch_unwind(|| search(&[("here", place)], &[]));
        assert!(search.is_err(), "{form} was not found");
    }
    let encoded = STANDARD_NO_PAD.encode(format!("x{KEY}y"));
    assert!(forms(KEY).iter().any(|form| encoded.contains(form)));
}

/// Expands to the test of one database: sqlx has no common type for its pools.
macro_rules! planted {
    ($module:ident, $server:ident, $database:ty, $options:ty, $text:literal, $upsert:expr, $place:expr) => {
        mod $module {
            use super::*;

            #[tokio::test]
            async fn no_planted_secret_is_found() {
                let output = output();
                let database =
                    audit_testkit::TestDatabase::create(audit_testkit::Server::$server).await;
                let mut raw = database.raw().await;
                raw.run(&tables($text)).await;
                let audit = audit(KEY);
                let attach = audit_sqlx::attach(<$options>::new().max_connections(1), &audit);
                let mut shown = format!("{audit:?} {attach:?}");
                let pool = attach.connect(database.url()).await.unwrap();
                audit_sqlx::migrate(&pool, &audit).await.unwrap();
                for (sql, way) in statements($upsert, $place) {
                    let mut query = sqlx::query(AssertSqlSafe(sql.as_str()));
                    if !sql.starts_with("DELETE") {
                        for column in COLUMNS {
                            query = query.bind(canary(column, way));
                        }
                    }
                    if let Err(error) = query.execute(&pool).await {
                        assert_eq!(way, 8, "{sql}: {error}");
                        let capture = audit_sqlx::CaptureError::of::<$database>(&error);
                        write!(shown, "{capture:?}").unwrap();
                    }
                }
                let events = audit_sqlx::log(&pool).list().await.unwrap();
                assert_eq!(events.len(), 13);
                let hash = events[0].before_data.as_ref().unwrap().to_value()["hashed"].to_string();
                assert!(hash.starts_with("\"hmac-sha256:"), "{hash}");
                let report = audit_sqlx::check(&pool).await.unwrap();
                let logs_binds = report
                    .findings()
                    .contains(&audit_sqlx::Finding::KeyInServerLog);
                assert_eq!(
                    logs_binds,
                    database.server() == audit_testkit::Server::MariaDb
                );
                write!(shown, "{events:?} {report:?} {pool:?}").unwrap();
                let wire = serde_json::to_vec(&events).unwrap();
                pool.close().await;
                let (pages, server_log) = stored(&database, &mut raw).await;
                let written = output.0.lock().unwrap().clone();
                search(
                    &[
                        ("the events", wire),
                        ("the pages of the log", pages),
                        ("the output", written),
                        ("what Debug shows", shown.into_bytes()),
                    ],
                    &server_log,
                );
            }
        }
    };
}

/// The bytes that the database keeps of the log, and its own log of statements where it has one.
async fn stored(
    database: &audit_testkit::TestDatabase,
    raw: &mut audit_testkit::Raw,
) -> (Vec<u8>, Vec<(&'static str, Vec<u8>)>) {
    match database.server().dialect() {
        audit_core::Dialect::Sqlite => {
            // The application's own rows are deleted by now; VACUUM leaves nothing of them.
            raw.run("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)").await;
            let path = database.url().trim_start_matches("sqlite://");
            let path = path.split('?').next().unwrap();
            (std::fs::read(path).unwrap(), Vec::new())
        }
        dialect => {
            let table = match dialect {
                audit_core::Dialect::Postgres => "audit.audit_logs",
                _ => "audit_logs",
            };
            let columns: Vec<String> = audit_core::schema::LOG_COLUMNS
                .iter()
                .map(|column| match dialect {
                    audit_core::Dialect::Postgres => format!("{}::text", column.name),
                    _ => format!("HEX({})", column.name),
                })
                .collect();
            let rows = raw
                .texts(&format!("SELECT {} FROM {table}", columns.join(", ")))
                .await;
            let rows: Vec<String> = rows.into_iter().flatten().flatten().collect();
            let rows = rows.join("\n").into_bytes();
            if dialect == audit_core::Dialect::MySql {
                // The general log of MariaDB shows every bind, and nothing can keep the key out of
                // it: the check says so, here as well.
                return (rows, Vec::new());
            }
            let name = database.server().name().to_ascii_uppercase();
            let log = std::env::var(format!("AUDIT_TEST_{name}_LOG")).unwrap();
            let log = std::fs::read(log).unwrap();
            (rows, vec![("the server's log", log)])
        }
    }
}

/// A server that logs the values of binds has the key in its log: the check says so.
async fn a_server_that_logs_binds_is_a_finding(server: audit_testkit::Server) {
    let database = audit_testkit::TestDatabase::create(server).await;
    let mut raw = database.raw().await;
    raw.run("CREATE TABLE t (id BIGINT PRIMARY KEY)").await;
    for (length, is_found) in [("0", false), ("-1", true)] {
        raw.run(&format!(
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET log_parameter_max_length = {length}', \
             current_database()); END $$"
        ))
        .await;
        let options = sqlx::postgres::PgPoolOptions::new().max_connections(1);
        // Another key than the one that no log may hold.
        let audit = audit(&KEY.to_uppercase());
        let pool = audit_sqlx::attach(options, &audit)
            .connect(database.url())
            .await
            .unwrap();
        audit_sqlx::migrate(&pool, &audit).await.unwrap();
        let report = audit_sqlx::check(&pool).await.unwrap();
        let found = report
            .findings()
            .contains(&audit_sqlx::Finding::KeyInServerLog);
        assert_eq!(found, is_found, "{report:?}");
    }
}

/// Expands to the tests that only PostgreSQL has a notion of.
macro_rules! logged {
    ($module:ident, $server:ident) => {
        mod $module {
            #[tokio::test]
            async fn a_server_that_logs_binds_is_a_finding() {
                super::a_server_that_logs_binds_is_a_finding(audit_testkit::Server::$server).await;
            }
        }
    };
}

const UPSERT: &str = "ON CONFLICT (id) DO UPDATE SET dropped = excluded.dropped, \
     masked = excluded.masked, hashed = excluded.hashed, truncated = excluded.truncated";

planted!(
    sqlite,
    Sqlite,
    sqlx::Sqlite,
    sqlx::sqlite::SqlitePoolOptions,
    "TEXT",
    UPSERT,
    |index| format!("?{index}")
);
mod logs_binds {
    use super::a_server_that_logs_binds_is_a_finding;

    logged!(postgres15, Postgres15);
    logged!(postgres18, Postgres18);
}
planted!(
    mariadb,
    MariaDb,
    sqlx::MySql,
    sqlx::mysql::MySqlPoolOptions,
    "VARCHAR(100)",
    "ON DUPLICATE KEY UPDATE dropped = VALUES(dropped), masked = VALUES(masked), \
     hashed = VALUES(hashed), truncated = VALUES(truncated)",
    |_| "?".to_owned()
);
planted!(
    postgres15,
    Postgres15,
    sqlx::Postgres,
    sqlx::postgres::PgPoolOptions,
    "TEXT",
    UPSERT,
    |index| format!("${index}")
);
planted!(
    postgres18,
    Postgres18,
    sqlx::Postgres,
    sqlx::postgres::PgPoolOptions,
    "TEXT",
    UPSERT,
    |index| format!("${index}")
);
