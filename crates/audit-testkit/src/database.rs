//! Throw-away databases on the servers of a test run, and a connection of the suite's own.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use audit_core::Dialect;
use sqlx::mysql::MySqlConnection;
use sqlx::postgres::PgConnection;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Column, Connection, Executor, Row};

/// A kind of server that the suite runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    /// MariaDB 10.11.
    MariaDb,
    /// PostgreSQL 15.
    Postgres15,
    /// PostgreSQL 16.
    Postgres16,
    /// PostgreSQL 17.
    Postgres17,
    /// PostgreSQL 18.
    Postgres18,
    /// SQLite, in a file of the test's own.
    Sqlite,
}

impl Server {
    /// The dialect it speaks.
    #[must_use]
    pub fn dialect(self) -> Dialect {
        match self {
            Self::MariaDb => Dialect::MySql,
            Self::Sqlite => Dialect::Sqlite,
            _ => Dialect::Postgres,
        }
    }

    /// The name in environment variables and test names.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::MariaDb => "mariadb",
            Self::Postgres15 => "postgres15",
            Self::Postgres16 => "postgres16",
            Self::Postgres17 => "postgres17",
            Self::Postgres18 => "postgres18",
            Self::Sqlite => "sqlite",
        }
    }

    fn url(self) -> String {
        let variable = format!("AUDIT_TEST_{}_URL", self.name().to_ascii_uppercase());
        std::env::var(&variable).unwrap_or_else(|_| {
            panic!("{variable} is not set; run the tests with `cargo xtask test`")
        })
    }
}

/// A database of one test, gone with it.
#[derive(Debug)]
pub struct TestDatabase {
    server: Server,
    url: String,
    name: String,
    // Held for its Drop, which removes the folder of a SQLite file.
    _folder: Option<tempfile::TempDir>,
}

static COUNT: AtomicU64 = AtomicU64::new(0);

impl TestDatabase {
    /// Creates an empty database.
    pub async fn create(server: Server) -> Self {
        if server == Server::Sqlite {
            let folder = tempfile::tempdir().expect("a folder for the database file");
            let file = folder.path().join("app.db");
            let url = format!("sqlite://{}?mode=rwc", file.display());
            let mut raw = SqliteConnection::connect(&url)
                .await
                .expect("a database file");
            raw.execute("PRAGMA journal_mode = WAL")
                .await
                .expect("write-ahead log");
            return Self {
                server,
                url,
                name: String::new(),
                _folder: Some(folder),
            };
        }
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("audit_test_{}_{count}", std::process::id());
        let base = server.url();
        let mut raw = Raw::connect(server, &base).await;
        // A copy of the template's files is faster than one through the write-ahead log.
        let how = match server.dialect() {
            Dialect::Postgres => " STRATEGY file_copy",
            _ => "",
        };
        raw.run(&format!("CREATE DATABASE {name}{how}")).await;
        let (before, query) = base
            .split_once('?')
            .map_or((base.as_str(), ""), |(a, b)| (a, b));
        let (root, _) = before.rsplit_once('/').expect("a URL with a path");
        let url = if query.is_empty() {
            format!("{root}/{name}")
        } else {
            format!("{root}/{name}?{query}")
        };
        Self {
            server,
            url,
            name,
            _folder: None,
        }
    }

    /// The server it is on.
    #[must_use]
    pub fn server(&self) -> Server {
        self.server
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A connection that has nothing of the code under test.
    pub async fn raw(&self) -> Raw {
        Raw::connect(self.server, &self.url).await
    }
}

impl TestDatabase {
    /// Drops the database now.
    #[expect(clippy::unused_async, reason = "callers end their tests with it")]
    pub async fn remove(self) {
        drop(self);
    }
}

impl Drop for TestDatabase {
    /// Drops the database, on a thread with a runtime of its own: a test may end anywhere. What a
    /// crowded server would be slow to list does not pile up. A file goes by itself.
    fn drop(&mut self) {
        if self.server == Server::Sqlite {
            return;
        }
        let (server, name) = (self.server, self.name.clone());
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(async {
                let mut raw = Raw::connect(server, &server.url()).await;
                // A test that failed may have left a transaction open, which nobody ends any more.
                match server.dialect() {
                    Dialect::Postgres => raw.disconnect(&name).await,
                    _ => raw.run("SET SESSION lock_wait_timeout = 10").await,
                }
                raw.try_run(&format!("DROP DATABASE {name}"))
                    .await
                    .map_err(std::io::Error::other)
            })
        });
        // A failing test must fail with its own words: what happens here is only told.
        match dropping.join() {
            Ok(Ok(())) => {}
            Ok(Err(error)) => println!("{}: {error}", self.name),
            Err(_) => println!("{}: the thread that was to drop it failed", self.name),
        }
    }
}

/// A connection of the suite's own, straight on the driver.
#[derive(Debug)]
pub enum Raw {
    /// MariaDB.
    MySql(Box<MySqlConnection>),
    /// PostgreSQL.
    Postgres(Box<PgConnection>),
    /// SQLite.
    Sqlite(Box<SqliteConnection>),
}

macro_rules! each {
    ($raw:expr, $connection:ident => $work:expr) => {
        match $raw {
            Raw::MySql($connection) => $work,
            Raw::Postgres($connection) => $work,
            Raw::Sqlite($connection) => $work,
        }
    };
}

/// Runs a query whose every column is a text, and gives the rows.
macro_rules! texts {
    ($connection:expr, $sql:expr) => {{
        let rows = sqlx::raw_sql(AssertSqlSafe($sql))
            .fetch_all(&mut **$connection)
            .await
            .unwrap_or_else(|error| panic!("{}: {error}", $sql));
        rows.iter()
            .map(|row| {
                row.columns()
                    .iter()
                    .map(|column| {
                        row.try_get_unchecked::<Option<String>, _>(column.ordinal())
                            .unwrap_or_else(|error| panic!("{}: {error}", $sql))
                    })
                    .collect()
            })
            .collect()
    }};
}

impl Raw {
    /// Ends the connections to a database of PostgreSQL, which would wait a tenth of a second for each
    /// that is still on its way out.
    async fn disconnect(&mut self, name: &str) {
        let end = format!(
            "SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity WHERE datname = '{name}'"
        );
        for _ in 0..1000 {
            if self.texts(&end).await.is_empty() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    async fn connect(server: Server, url: &str) -> Self {
        let reached = "the server of the test run answers";
        match server.dialect() {
            Dialect::MySql => Self::MySql(Box::new(
                MySqlConnection::connect(url).await.expect(reached),
            )),
            Dialect::Postgres => {
                Self::Postgres(Box::new(PgConnection::connect(url).await.expect(reached)))
            }
            _ => Self::Sqlite(Box::new(
                SqliteConnection::connect(url).await.expect(reached),
            )),
        }
    }

    /// Runs statements, all of which must succeed.
    pub async fn run(&mut self, sql: &str) {
        if let Err(error) = self.try_run(sql).await {
            panic!("{sql}: {error}");
        }
    }

    /// Runs statements.
    ///
    /// # Errors
    /// The first one's that failed.
    pub async fn try_run(&mut self, sql: &str) -> Result<(), sqlx::Error> {
        each!(self, connection => {
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut **connection).await.map(|_| ())
        })
    }

    /// Runs one statement; gives the number of rows that the server says it affected.
    ///
    /// # Errors
    /// The server's.
    pub async fn affected(&mut self, sql: &str) -> Result<u64, sqlx::Error> {
        each!(self, connection => {
            let done = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut **connection).await;
            done.map(|done| done.rows_affected())
        })
    }

    /// Runs a query whose columns are all texts.
    pub async fn texts(&mut self, sql: &str) -> Vec<Vec<Option<String>>> {
        each!(self, connection => texts!(connection, sql))
    }
}
