//! The file of settings in the working folder.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use audit_core::retention::Retention;
use audit_core::{Audit, AuditBuilder};
use serde::Deserialize;

use crate::fault::Fault;

/// What the file says; all of it may be left out.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The database. There may be a password in it.
    pub(crate) database_url: Option<String>,
    /// The settings of the application that writes: its rules.
    pub(crate) audit: Option<AuditBuilder>,
    /// How long events are kept.
    #[serde(default)]
    pub(crate) retention: Retention,
}

impl Config {
    /// The name of the file.
    pub(crate) const FILE: &'static str = "audit.toml";
    /// The variable of the environment that holds the key of hashes.
    const HASH_KEY: &'static str = "AUDIT_HASH_KEY";

    /// Reads the file, if there is one.
    pub(crate) fn read() -> Result<Self, Fault> {
        match fs::read_to_string(Self::FILE) {
            Ok(text) => Self::parse(&text),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self::default()),
            Err(source) => Err(Fault::ConfigFile {
                path: PathBuf::from(Self::FILE),
                source,
            }),
        }
    }

    /// The rules of the application, where the file tells them; the key of its hashes is in the
    /// environment.
    pub(crate) fn rules() -> Result<Option<Audit>, Fault> {
        let builder = Self::read()?.audit;
        let key = std::env::var(Self::HASH_KEY)
            .ok()
            .filter(|key| !key.is_empty());
        let builder = builder.map(|builder| match key {
            Some(key) => builder.hash_key(key),
            None => builder,
        });
        let audit = builder.map(AuditBuilder::build).transpose();
        audit.map_err(Fault::Rules)
    }

    /// The same, or no rules: for what changes no table of the application.
    pub(crate) fn rules_or_none() -> Result<Audit, Fault> {
        match Self::rules()? {
            Some(audit) => Ok(audit),
            None => Audit::builder().build().map_err(Fault::Rules),
        }
    }

    fn parse(text: &str) -> Result<Self, Fault> {
        toml::from_str(text).map_err(|error: toml::de::Error| {
            // The error's own text shows the line, and what is in it may be a password.
            let start = error.span().map_or(0, |span| span.start);
            let before = text.bytes().take(start);
            Fault::Config {
                line: 1 + before.filter(|byte| *byte == b'\n').count(),
                message: error.message().to_owned(),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_told_by_its_line() {
        let told = |text: &str| Config::parse(text).unwrap_err().to_string();
        let unknown = told("# mine\ndatabase-url = 'sqlite:app.db'\n");
        assert!(
            unknown.starts_with("line 2 of `audit.toml` cannot be read: unknown field"),
            "{unknown}"
        );
        for text in [
            "database_url = postgres://ann:hunter2@host/app",
            "database_url = 'postgres://ann:hunter2@host/app",
            "database_url = [\"postgres://ann:hunter2@host/app\"]",
        ] {
            assert!(!told(text).contains("hunter2"), "{}", told(text));
        }
    }
}
