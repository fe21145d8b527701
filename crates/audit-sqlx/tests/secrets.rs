//! Planted secrets, and every place where one could come out again.
//!
//! | kind | where planted | how many |
//! |---|---|---|
//! | value of a dropped column | ten ways to write it, one of them refused | 10 |
//! | value of a masked column | the same | 10 |
//! | value of a hashed column | the same | 10 |
//! | tail of a truncated column | the same | 10 |
//! | dropped, masked, hashed and truncated part of a document, in objects and in lists | the same | 40 |
//! | dropped element of a list, masked part that has parts itself | the same | 20 |
//! | values of these columns and parts | a change whose event cannot be written | 10 |
//! | key of the hashes | the settings | 1 |
//! | secret that signs tokens | the verifier | 1 |
//! | token that holds, its signature, a claim that nobody asked for | the `Authorization` header | 3 |
//! | forged token, expired token, password of another scheme | the `Authorization` header | 3 |
//! | session cookie, key of an API, token in a URL | other headers and the query | 3 |
//! | password of a database that is away, password that a server refuses | connection URLs | 2 |
//! | password that the server takes | the connection URL of the whole test; not looked for in the server's log, where tests of foreign tables write it | 1 |
//!
//! SQLite has no passwords: there the last three are not planted.
//!
//! What is searched for each of them: the events as they are read, every column of every row of the
//! log, the files in which the database keeps our tables and their indexes, all output of all threads
//! at trace level, `Debug` of settings, pools, contexts, verifiers, events, reports and errors (those
//! of the refused writes with them), the texts of our errors, and the answers to refused requests; as
//! it is, in hex of both cases and in base64 of the three alignments.
//!
//! The server's log of all statements is searched as far as the server itself keeps the values of
//! binds out of it. What a statement's text holds is in a log of statements whatever we do.
//!
//! | log | searched for | why not for the others |
//! |---|---|---|
//! | PostgreSQL, `log_statement = all`, `log_parameter_max_length = 0` | all of the above but the password that the server takes | other tests write it into a statement |
//! | MariaDB, `general_log = 1` | what the application never sends: tokens, their secret, other credentials | every bind is in it by nature: the test fails where a secret of a column or part is not, and where `check` does not say that the key is |
//! | SQLite | nothing | it has no log |
#![expect(
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "test code: a failure is a panic"
)]

#[path = "secrets/columns.rs"]
mod columns;
#[path = "secrets/credentials.rs"]
mod credentials;
#[path = "secrets/search.rs"]
mod search;
#[path = "secrets/stored.rs"]
mod stored;

use std::fmt::Write as _;
use std::io::{Read as _, Seek as _};

use sqlx::AssertSqlSafe;

use self::columns::{KEY, LOST, PLACE_OF_DOCUMENT, SHOWN, audit, binds, statements, tables};
use self::credentials::Credentials;
use self::search::{Place, find_all, output, search};

/// Expands to the test of one database: sqlx has no common type for its pools.
macro_rules! planted {
    ($module:ident, $server:ident, $database:ty, $options:ty, $text:literal, $json:literal, $upsert:expr, $away:literal, $place:expr) => {
        mod $module {
            use super::*;

            #[tokio::test]
            async fn no_planted_secret_is_found() {
                let output = output();
                let log = ServerLog::from_now(audit_testkit::Server::$server);
                let database =
                    audit_testkit::TestDatabase::create(audit_testkit::Server::$server).await;
                let mut raw = database.raw().await;
                raw.run(&tables($text, $json)).await;
                let audit = audit(KEY);
                let attach = || {
                    // As long as a port is knocked at where nobody listens.
                    let patience = std::time::Duration::from_secs(5);
                    let options = <$options>::new().acquire_timeout(patience);
                    audit_sqlx::attach(options.max_connections(1), &audit)
                };
                let mut shown = format!("{audit:?} {:?}", attach());
                let pool = attach().connect(database.url()).await.unwrap();
                audit_sqlx::migrate(&pool, &audit).await.unwrap();
                let mut credentials = Credentials::around(async {
                    for (sql, way) in statements($upsert, $place) {
                        let mut query = sqlx::query(AssertSqlSafe(sql.as_str()));
                        if !sql.starts_with("DELETE") {
                            for bind in binds(way) {
                                query = query.bind(bind);
                            }
                        }
                        if let Err(error) = query.execute(&pool).await {
                            assert_eq!(way, 8, "{sql}: {error}");
                            let capture = audit_sqlx::CaptureError::of(&error);
                            write!(shown, "{error} {error:?} {capture:?}").unwrap();
                        }
                    }
                })
                .await;
                credentials.knock(database.url(), attach).await;
                let events = audit_sqlx::log(&pool).list().await.unwrap();
                assert_eq!(events.len(), 13);
                each_rule_has_its_own_effect(&events[0]);
                let report = audit_sqlx::check(&pool).await.unwrap();
                let logs_binds = report
                    .findings()
                    .contains(&audit_sqlx::Finding::KeyInServerLog);
                assert_eq!(
                    logs_binds,
                    database.server() == audit_testkit::Server::MariaDb
                );
                write!(shown, "{events:?} {report:?} {pool:?}").unwrap();
                let columns = stored::columns(&database, &mut raw).await;
                let files = stored::files(&database, &mut raw).await;

                raw.run($away).await;
                let (sql, _) = &statements($upsert, $place)[0];
                let mut query = sqlx::query(AssertSqlSafe(sql.as_str()));
                for bind in binds(LOST) {
                    query = query.bind(bind);
                }
                let error = query.execute(&pool).await.unwrap_err();
                let capture = audit_sqlx::CaptureError::of(&error).unwrap();
                write!(
                    shown,
                    "{error} {error:?} {capture} {capture:?} {}",
                    credentials.said
                )
                .unwrap();
                pool.close().await;
                let places = [
                    ("the events", serde_json::to_vec(&events).unwrap()),
                    ("the columns of the log", columns),
                    ("the files of our tables", files),
                    ("the output", output.written()),
                    ("what we say and Debug shows", shown.into_bytes()),
                ];
                let (bound, unsent) = (columns::secrets(), credentials.secrets);
                let all = [vec![KEY.to_owned()], bound.clone(), unsent.clone()].concat();
                match log.map(|log| log.since_then()) {
                    Some(log) if logs_binds => {
                        find_all(&bound, &log);
                        search(&unsent, &[log]);
                    }
                    log => search(&all, log.as_slice()),
                }
                let all: Vec<_> = all.into_iter().chain(credentials.password).collect();
                search(&all, &places);
            }
        }
    };
}

/// Each part was hidden by its own rule, and not the document as a whole.
fn each_rule_has_its_own_effect(event: &audit_core::Event) {
    let image = event.before_data.as_ref().unwrap().to_value();
    let (hash, document) = (image["hashed"].to_string(), image["document"].to_string());
    assert!(hash.starts_with("\"hmac-sha256:"), "{hash}");
    let hashes = document.matches("hmac-sha256:").count();
    let shown = document.matches(SHOWN).count();
    assert_eq!((hashes, shown), (2, 2), "{document}");
}

/// The server's log of statements, from a place on: other tests of the run write it as well.
struct ServerLog {
    path: String,
    from: u64,
}

impl ServerLog {
    /// What is written from now on; `None` where there is no server.
    fn from_now(server: audit_testkit::Server) -> Option<Self> {
        if server == audit_testkit::Server::Sqlite {
            return None;
        }
        let name = server.name().to_ascii_uppercase();
        let path = std::env::var(format!("AUDIT_TEST_{name}_LOG")).unwrap();
        let from = std::fs::metadata(&path).unwrap().len();
        Some(Self { path, from })
    }

    fn since_then(&self) -> Place {
        let mut file = std::fs::File::open(&self.path).unwrap();
        file.seek(std::io::SeekFrom::Start(self.from)).unwrap();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        ("the server's log", bytes)
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
     masked = excluded.masked, hashed = excluded.hashed, truncated = excluded.truncated, document = excluded.document";

/// A bind of PostgreSQL: what is bound are texts.
fn dollar(index: usize) -> String {
    if index == PLACE_OF_DOCUMENT {
        format!("${index}::text::jsonb")
    } else {
        format!("${index}")
    }
}

planted!(
    sqlite,
    Sqlite,
    sqlx::Sqlite,
    sqlx::sqlite::SqlitePoolOptions,
    "TEXT",
    "TEXT",
    UPSERT,
    "ALTER TABLE audit_logs RENAME TO away",
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
    "JSON",
    "ON DUPLICATE KEY UPDATE dropped = VALUES(dropped), masked = VALUES(masked), \
     hashed = VALUES(hashed), truncated = VALUES(truncated), document = VALUES(document)",
    "ALTER TABLE audit_logs RENAME TO away",
    |_| "?".to_owned()
);
planted!(
    postgres15,
    Postgres15,
    sqlx::Postgres,
    sqlx::postgres::PgPoolOptions,
    "TEXT",
    "JSONB",
    UPSERT,
    "ALTER TABLE audit.audit_logs RENAME TO away",
    dollar
);
planted!(
    postgres18,
    Postgres18,
    sqlx::Postgres,
    sqlx::postgres::PgPoolOptions,
    "TEXT",
    "JSONB",
    UPSERT,
    "ALTER TABLE audit.audit_logs RENAME TO away",
    dollar
);
