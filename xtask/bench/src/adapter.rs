//! The library through which calls are made, bare and audited alike.

mod diesel;
mod diesel_async;
mod seaorm;
mod sqlx;

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use audit_core::Audit;
use clap::ValueEnum;
use futures_util::future::BoxFuture;

use crate::engine::{Call, Engine};
use crate::variant::Variant;

pub(crate) use diesel::open as open_diesel;
pub(crate) use diesel_async::open as open_diesel_async;
pub(crate) use seaorm::Backend as SeaormBackend;
pub(crate) use sqlx::options;

/// A library.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Adapter {
    /// sqlx itself.
    Sqlx,
    /// SeaORM, by its `Statement`.
    Seaorm,
    /// Diesel out of a pool of r2d2, on blocking threads.
    Diesel,
    /// diesel-async out of a pool of deadpool.
    DieselAsync,
}

/// What a pool is opened for.
#[derive(Debug, Clone)]
pub(crate) struct Opening {
    pub(crate) variant: Variant,
    /// The rules of an attached pool.
    pub(crate) audit: Option<Audit>,
    pub(crate) url: String,
    /// Where connections go instead of the server.
    pub(crate) through: Option<SocketAddr>,
    pub(crate) connections: u32,
    /// [`Engine::SETTINGS`].
    pub(crate) settings: &'static str,
}

/// Opens a pool.
pub(crate) type Opener = fn(Opening) -> BoxFuture<'static, Result<Pool>>;

/// An open pool of a library.
pub(crate) type Pool = Arc<dyn Client>;

/// The calls on a pool.
pub(crate) trait Client: Send + Sync {
    /// Runs a statement; gives the number of rows.
    fn execute(&self, call: Call) -> BoxFuture<'_, Result<u64>>;

    /// Reads one row; gives the length of its texts.
    fn fetch(&self, call: Call) -> BoxFuture<'_, Result<usize>>;

    /// Runs statements in one transaction, opened as the variant opens it.
    fn transaction(&self, calls: Vec<Call>) -> BoxFuture<'_, Result<()>>;

    /// Whether a connection waits to be used.
    fn is_idle(&self) -> bool;

    /// Closes the pool.
    fn close(self: Arc<Self>) -> BoxFuture<'static, ()>;
}

impl Adapter {
    /// The name in options and in the output.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sqlx => "sqlx",
            Self::Seaorm => "seaorm",
            Self::Diesel => "diesel",
            Self::DieselAsync => "diesel-async",
        }
    }

    /// Those that a word of the command line names.
    ///
    /// # Errors
    /// When it names none.
    pub(crate) fn named(word: &str) -> Result<&'static [Self], String> {
        let all = Self::value_variants();
        if word == "all" {
            return Ok(all);
        }
        let place = all.iter().position(|adapter| adapter.name() == word);
        let found = place.and_then(|place| all.get(place..=place));
        found.ok_or_else(|| {
            let names: Vec<&str> = all.iter().map(|adapter| adapter.name()).collect();
            format!("use {} or all", names.join(", "))
        })
    }

    /// Whether a variant can be had through it. What one decision costs is measured on sqlx.
    pub(crate) fn has(self, variant: Variant) -> bool {
        match self {
            Self::Sqlx => true,
            Self::Seaorm | Self::Diesel | Self::DieselAsync => matches!(
                variant,
                Variant::Bare | Variant::Audited | Variant::Limit | Variant::Stamped
            ),
        }
    }

    /// What opens its pools on a database; `None` where it was built without the client library.
    pub(crate) fn opener<DB: Engine>(self) -> Option<Opener> {
        match self {
            Self::Sqlx => Some(|opening| Box::pin(sqlx::open::<DB>(opening))),
            Self::Seaorm => Some(|opening| Box::pin(seaorm::open::<DB>(opening))),
            Self::Diesel => DB::DIESEL,
            Self::DieselAsync => Some(DB::DIESEL_ASYNC),
        }
    }
}

impl Opening {
    /// Opens a pool through a library.
    pub(crate) async fn open<DB: Engine>(self, adapter: Adapter) -> Result<Pool> {
        let opener = match self.variant {
            Variant::Inline => DB::INLINE,
            _ => adapter.opener::<DB>(),
        };
        let opener = opener.with_context(|| format!("no client library for {}", adapter.name()))?;
        let variant = self.variant.name();
        opener(self)
            .await
            .with_context(|| format!("a pool of {} for {variant}", adapter.name()))
    }

    /// The URL with the address that connections go to.
    fn target(&self) -> String {
        let Some(address) = self.through else {
            return self.url.clone();
        };
        let (start, rest) = match self.url.rsplit_once('@') {
            Some((user, rest)) => (format!("{user}@"), rest),
            None => (String::new(), self.url.as_str()),
        };
        let path = rest.split_once('/').map_or("", |(_, path)| path);
        format!("{start}{address}/{path}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_names_one_library_or_all() {
        for adapter in Adapter::value_variants() {
            assert_eq!(Adapter::named(adapter.name()).unwrap(), [*adapter]);
        }
        assert_eq!(Adapter::named("all").unwrap(), Adapter::value_variants());
        assert!(Adapter::named("odbc").unwrap_err().contains("diesel-async"));
    }

    #[test]
    fn another_address_leaves_the_user_and_the_database() {
        let opening = |url: &str, through: Option<&str>| Opening {
            variant: Variant::Bare,
            audit: None,
            url: url.to_owned(),
            through: through.map(|address| address.parse().unwrap()),
            connections: 1,
            settings: "",
        };
        let url = "mysql://root:secret@127.0.0.1:3306/bench";
        let proxy = Some("127.0.0.1:7");
        assert_eq!(
            opening(url, proxy).target(),
            "mysql://root:secret@127.0.0.1:7/bench"
        );
        assert_eq!(opening(url, None).target(), url);
    }
}
