//! The file of settings in the working folder.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use audit_core::Audit;
use audit_core::retention::Retention;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::fault::Fault;

/// What the file says; all of it may be left out.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The database. There may be a password in it.
    pub(crate) database_url: Option<String>,
    /// The settings of the application that writes: its rules. `Audit::from_toml_file` reads them.
    audit: Option<IgnoredAny>,
    /// How long events are kept.
    #[serde(default)]
    pub(crate) retention: Retention,
}

impl Config {
    /// The name of the file.
    pub(crate) const FILE: &'static str = "audit.toml";

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

    /// The rules of the application, where the file tells them; what the environment says comes
    /// first.
    pub(crate) fn rules() -> Result<Option<Audit>, Fault> {
        if Self::read()?.audit.is_none() {
            return Ok(None);
        }
        let builder = Audit::from_toml_file(Self::FILE)?.env()?;
        builder.build().map(Some).map_err(Fault::Rules)
    }

    /// The rules of the application; where the file tells none, those of one that has none: every
    /// table is audited, nothing hidden.
    pub(crate) fn rules_or_none() -> Result<Audit, Fault> {
        let plain = || Audit::from_env()?.build().map_err(Fault::Rules);
        Self::rules()?.map_or_else(plain, Ok)
    }

    fn parse(text: &str) -> Result<Self, Fault> {
        toml::from_str(text).map_err(|error| fault(Self::FILE, text, &error))
    }
}

/// What is wrong with a file, by its line. The error's own text shows the line, and what is in it may be
/// a password.
pub(crate) fn fault(file: &'static str, text: &str, error: &toml::de::Error) -> Fault {
    let start = error.span().map_or(0, |span| span.start);
    let before = text.bytes().take(start);
    Fault::Config {
        file,
        line: 1 + before.filter(|byte| *byte == b'\n').count(),
        message: error.message().to_owned(),
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
