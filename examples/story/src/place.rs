//! Which database, and where it is.

use std::fmt;
use std::str::FromStr;

use anyhow::{Context as _, Result};
use tempfile::TempDir;

/// A kind of database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// MariaDB and MySQL.
    MySql,
    /// PostgreSQL.
    Postgres,
    /// SQLite, in a file.
    Sqlite,
}

/// The URL of a database. `Debug` does not show it: there may be a password in it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct DatabaseUrl {
    kind: Kind,
    text: String,
}

/// A URL that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UrlError {
    #[error("a database in memory is another one for each connection; name a file")]
    InMemory,
    #[error("a URL starts with `sqlite://`, `postgres://` or `mysql://`; this one does not")]
    Scheme,
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "DatabaseUrl({:?})", self.kind)
    }
}

impl FromStr for DatabaseUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let scheme = text.split(':').next().unwrap_or_default();
        let kind = match scheme {
            "mariadb" | "mysql" => Kind::MySql,
            "postgres" | "postgresql" => Kind::Postgres,
            "sqlite" if text.contains(":memory:") || text.contains("mode=memory") => {
                return Err(UrlError::InMemory);
            }
            "sqlite" => Kind::Sqlite,
            _ => return Err(UrlError::Scheme),
        };
        // Not every library knows the name of MariaDB.
        let text = match text.strip_prefix("mariadb:") {
            Some(rest) => format!("mysql:{rest}"),
            None => text.to_owned(),
        };
        Ok(Self { kind, text })
    }
}

/// Where the data lies: in a database that was named, or in a new file that goes with this value.
#[derive(Debug)]
pub struct Place {
    url: DatabaseUrl,
    folder: Option<TempDir>,
}

impl Place {
    pub(crate) fn new(example: &str, url: Option<&DatabaseUrl>) -> Result<Self> {
        if let Some(url) = url {
            let url = url.clone();
            return Ok(Self { url, folder: None });
        }
        let folder = tempfile::Builder::new()
            .prefix(&format!("audit-{example}-"))
            .tempdir()
            .context("no folder for the database file can be made")?;
        let file = folder.path().join("app.db");
        let text = format!("sqlite://{}?mode=rwc", file.display());
        let url = text.parse().context("name one by `--database-url`")?;
        let folder = Some(folder);
        Ok(Self { url, folder })
    }

    /// The kind of database.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.url.kind
    }

    /// Its URL. There may be a password in it.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url.text
    }

    /// What to say, and what to look at, when it cannot be opened.
    #[must_use]
    pub fn cannot_be_opened(&self) -> String {
        let advice = match self.url.kind {
            Kind::Sqlite => "a new SQLite file needs `?mode=rwc` in an existing folder",
            _ => "see that the server runs, and that the URL names its host, port and account",
        };
        format!("the database cannot be opened; {advice}")
    }

    /// What may be shown of it.
    pub(crate) fn in_words(&self) -> String {
        match &self.folder {
            None => format!("{:?}, at the given URL", self.url.kind),
            Some(folder) => format!("SQLite, in {}", folder.path().join("app.db").display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_keeps_its_password_to_itself() {
        let url: DatabaseUrl = "sqlite://app.db?password=hunter2".parse().unwrap();
        assert_eq!(format!("{url:?}"), "DatabaseUrl(Sqlite)");
    }

    #[test]
    fn mariadb_has_the_name_that_every_library_knows() {
        let url: DatabaseUrl = "mariadb://localhost/app".parse().unwrap();
        assert_eq!(
            Place::new("some-example", Some(&url)).unwrap().url(),
            "mysql://localhost/app"
        );
    }

    #[test]
    fn a_new_file_goes_with_its_place() {
        let place = Place::new("some-example", None).unwrap();
        let folder = place.folder.as_ref().unwrap().path().to_owned();
        assert!(folder.is_dir() && place.in_words().contains("app.db"));
        drop(place);
        assert!(!folder.exists());
    }
}
