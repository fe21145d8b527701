//! The database that is read.

use std::io::ErrorKind;
use std::str::FromStr;
use std::time::Duration;

use audit_core::{Audit, Dialect, LogReader};
use audit_sqlx::{AuditDatabase, LogError, PoolReader};
use audit_store::{LogQuery, Trail};
use sqlx::pool::PoolOptions;
use sqlx::{Connection as _, Pool};

use crate::fault::Fault;
use crate::output::talk;

/// How long an answer of a connection is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// A kind of database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    MySql,
    Postgres,
    Sqlite,
}

/// Which database. There may be a password in the URL: it is never shown.
#[derive(Clone)]
pub(crate) struct Database {
    kind: Kind,
    url: String,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Database({:?})", self.kind)
    }
}

impl FromStr for Database {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let (scheme, rest) = text.split_once(':').ok_or(Fault::Scheme)?;
        let kind = match scheme {
            "mariadb" | "mysql" => Kind::MySql,
            "postgres" | "postgresql" => Kind::Postgres,
            "sqlite" if rest.contains(":memory:") || rest.contains("mode=memory") => {
                return Err(Fault::InMemory);
            }
            "sqlite" => Kind::Sqlite,
            _ => return Err(Fault::Scheme),
        };
        Ok(Self {
            kind,
            url: text.to_owned(),
        })
    }
}

impl Database {
    /// The kind.
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// The dialect that it speaks.
    pub(crate) fn dialect(&self) -> Dialect {
        match self.kind {
            Kind::MySql => Dialect::MySql,
            Kind::Postgres => Dialect::Postgres,
            Kind::Sqlite => Dialect::Sqlite,
        }
    }

    /// The URL. There may be a password in it: it is never shown.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Opens it for reading the log.
    pub(crate) async fn open<DB: AuditDatabase>(&self) -> Result<Pool<DB>, Fault> {
        self.reach::<DB>().await?;
        // One thing is read at a time, and each connection has a cache of its own.
        let pool = PoolOptions::new()
            .acquire_timeout(PATIENCE)
            .max_connections(1);
        let opened = pool.connect(&self.url).await;
        opened.map_err(|source| self.fault(source))
    }

    /// Opens it as an application with these rules does.
    pub(crate) async fn attach<DB: AuditDatabase>(&self, audit: &Audit) -> Result<Pool<DB>, Fault> {
        self.reach::<DB>().await?;
        let pool = audit_sqlx::attach(PoolOptions::new().acquire_timeout(PATIENCE), audit);
        let opened = pool.connect(&self.url).await;
        opened.map_err(|source| self.fault(source))
    }

    /// Fails with what the database says: a pool tries again, and says that it took too long.
    async fn reach<DB: AuditDatabase>(&self) -> Result<(), Fault> {
        let connection = DB::Connection::connect(&self.url).await;
        let closed = match connection {
            Ok(connection) => connection.close().await,
            Err(source) => Err(source),
        };
        closed.map_err(|source| self.fault(source))
    }

    fn fault(&self, source: sqlx::Error) -> Fault {
        // What rustls says of a certificate comes as an answer that cannot be read.
        let is_tls = match &source {
            sqlx::Error::Io(error) => error.kind() == ErrorKind::InvalidData,
            error => matches!(error, sqlx::Error::Tls(_)),
        };
        let advice = match self.kind {
            Kind::Sqlite => "see that the file is there and may be read and written",
            _ if is_tls => {
                "see that the server has a certificate for this host, of an authority that this \
                 system knows or that `sslrootcert` (PostgreSQL) or `ssl-ca` (MariaDB, MySQL) of the \
                 URL names"
            }
            _ => "see that the server runs, and that the URL names its host, port and account",
        };
        Fault::Open { advice, source }
    }
}

/// The trail that a pool reads.
pub(crate) fn trail<DB: AuditDatabase>(pool: &Pool<DB>) -> Trail<PoolReader<DB>> {
    Trail::of(audit_sqlx::log(pool))
}

/// Says which index a query waits for, before the log is read without it.
pub(crate) async fn note_missing_index<R: LogReader<Error = LogError>>(
    trail: &mut Trail<R>,
    query: &LogQuery,
) -> Result<(), Fault> {
    if let Some(missing) = trail.missing_index(query).await? {
        talk(&format!("note: {missing}"));
    }
    Ok(())
}
