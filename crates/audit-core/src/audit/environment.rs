//! Settings from the variables of the environment.

use std::env;
use std::ffi::OsString;
use std::fmt::Display;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;

use serde::Deserialize as _;
use serde::de::IntoDeserializer as _;
use serde::de::value::Error as WordError;

use super::file::Drift;
use super::{Audit, AuditBuilder, MissingContext};

/// What a variable says where the application stands for itself.
const SYSTEM: &str = "system:";

/// Settings that cannot be read from where they stand. No value of a secret is in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("`{}` cannot be read", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A line of the file is wrong.
    #[error("line {line} of `{}` cannot be read: {message}", .path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// The file has no table `[audit]`.
    #[error("`{}` has no settings under `[audit]`; write them, or leave the file out", .path.display())]
    NoSettings {
        /// The file.
        path: PathBuf,
    },
    /// A variable of the environment is wrong.
    #[error("the variable {name} cannot be read: {message}")]
    Variable {
        /// The variable.
        name: &'static str,
        /// What is wrong.
        message: String,
    },
}

impl Audit {
    /// Starts the settings from the variables of the environment; [`AuditBuilder::env`] has the list.
    ///
    /// # Errors
    /// As [`AuditBuilder::env`].
    pub fn from_env() -> Result<AuditBuilder, SettingsError> {
        Self::builder().env()
    }
}

impl AuditBuilder {
    /// Lets the variables of the environment come before what was set so far. One that is not there, or
    /// empty, changes nothing; a list takes the place of a list. Rules of tables have no variable.
    ///
    /// | variable | setting | value |
    /// |---|---|---|
    /// | `AUDIT_SERVICE` | [`service`](Self::service) | a name |
    /// | `AUDIT_ENVIRONMENT` | [`environment`](Self::environment) | a name |
    /// | `AUDIT_SCHEMAS` | [`schema`](Self::schema) | names with commas between them |
    /// | `AUDIT_EXCLUDE` | [`exclude`](Self::exclude) | patterns with commas between them |
    /// | `AUDIT_ON_MISSING_CONTEXT` | [`on_missing_context`](Self::on_missing_context) | `deny`, `unknown`, or `system:` and a name |
    /// | `AUDIT_ON_DRIFT` | [`on_drift`](Self::on_drift) | `deny`, `install` or `warn` |
    /// | `AUDIT_MAX_CELL_BYTES` | [`max_cell_bytes`](Self::max_cell_bytes) | a whole number |
    /// | `AUDIT_MAX_IMAGE_BYTES` | [`max_image_bytes`](Self::max_image_bytes) | a whole number |
    /// | `AUDIT_INDEXES` | [`index`](Self::index) | `action`, `actor`, `request`, `tenant`, `transaction`, with commas between them |
    /// | `AUDIT_HASH_KEY` | [`hash_key`](Self::hash_key) | the key; a secret |
    ///
    /// # Errors
    /// [`SettingsError::Variable`], which names the variable and what it may be.
    pub fn env(self) -> Result<Self, SettingsError> {
        self.overlaid(&|name| env::var_os(name))
    }

    fn overlaid(
        mut self,
        variables: &dyn Fn(&'static str) -> Option<OsString>,
    ) -> Result<Self, SettingsError> {
        let read = |name| text(name, variables);
        if let Some(service) = read("AUDIT_SERVICE")? {
            self = self.service(service);
        }
        if let Some(environment) = read("AUDIT_ENVIRONMENT")? {
            self = self.environment(environment);
        }
        if let Some(schemas) = read("AUDIT_SCHEMAS")? {
            self.schemas = list("AUDIT_SCHEMAS", &schemas)?;
        }
        if let Some(patterns) = read("AUDIT_EXCLUDE")? {
            self.exclude = list("AUDIT_EXCLUDE", &patterns)?;
        }
        if let Some(word) = read("AUDIT_ON_MISSING_CONTEXT")? {
            self = self.on_missing_context(missing("AUDIT_ON_MISSING_CONTEXT", &word)?);
        }
        if let Some(word) = read("AUDIT_ON_DRIFT")? {
            self = self.on_drift(drift("AUDIT_ON_DRIFT", &word)?.into());
        }
        if let Some(bytes) = read("AUDIT_MAX_CELL_BYTES")? {
            self = self.max_cell_bytes(parsed("AUDIT_MAX_CELL_BYTES", &bytes)?);
        }
        if let Some(bytes) = read("AUDIT_MAX_IMAGE_BYTES")? {
            self = self.max_image_bytes(parsed("AUDIT_MAX_IMAGE_BYTES", &bytes)?);
        }
        if let Some(indexes) = read("AUDIT_INDEXES")? {
            self.indexes = list("AUDIT_INDEXES", &indexes)?;
        }
        if let Some(key) = read("AUDIT_HASH_KEY")? {
            self = self.hash_key(key);
        }
        Ok(self)
    }
}

fn wrong(name: &'static str, message: impl Into<String>) -> SettingsError {
    let message = message.into();
    SettingsError::Variable { name, message }
}

/// The text of a variable; one that is empty counts as not there.
fn text(
    name: &'static str,
    variables: &dyn Fn(&'static str) -> Option<OsString>,
) -> Result<Option<String>, SettingsError> {
    match variables(name).map(OsString::into_string) {
        None => Ok(None),
        Some(Ok(value)) if value.is_empty() => Ok(None),
        Some(Ok(value)) => Ok(Some(value)),
        Some(Err(_)) => Err(wrong(name, "it is not UTF-8")),
    }
}

fn parsed<T: FromStr<Err: Display>>(name: &'static str, text: &str) -> Result<T, SettingsError> {
    let read = text.trim().parse();
    read.map_err(|error| wrong(name, format!("`{text}`: {error}")))
}

fn list<T: FromStr<Err: Display>>(name: &'static str, text: &str) -> Result<Vec<T>, SettingsError> {
    let items = text.split(',').filter(|item| !item.trim().is_empty());
    items.map(|item| parsed(name, item)).collect()
}

fn drift(name: &'static str, word: &str) -> Result<Drift, SettingsError> {
    let read = Drift::deserialize(word.into_deserializer());
    read.map_err(|error: WordError| wrong(name, error.to_string()))
}

fn missing(name: &'static str, word: &str) -> Result<MissingContext, SettingsError> {
    match (word, word.strip_prefix(SYSTEM)) {
        ("deny", _) => Ok(MissingContext::Deny),
        ("unknown", _) => Ok(MissingContext::Unknown),
        (_, Some(system)) => Ok(MissingContext::System(system.to_owned())),
        _ => {
            let message = format!("`{word}` is none of `deny`, `unknown`, `system:` and a name");
            Err(wrong(name, message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LogIndex, OnDrift};

    fn of(variables: &[(&str, &str)]) -> Result<AuditBuilder, SettingsError> {
        let find = |name: &str| {
            let mut variables = variables.iter();
            let found = variables.find(|(known, _)| *known == name);
            found.map(|(_, value)| OsString::from(value))
        };
        let set = Audit::builder().service("shop").exclude("tmp_*");
        set.overlaid(&find)
    }

    #[test]
    fn variables_come_before_what_was_set() {
        let read = of(&[
            ("AUDIT_SERVICE", "billing"),
            ("AUDIT_ENVIRONMENT", "test"),
            ("AUDIT_SCHEMAS", "app, other"),
            ("AUDIT_EXCLUDE", "a,b_*,"),
            ("AUDIT_ON_MISSING_CONTEXT", "system:cron"),
            ("AUDIT_ON_DRIFT", "deny"),
            ("AUDIT_MAX_CELL_BYTES", "1000"),
            ("AUDIT_MAX_IMAGE_BYTES", "2000"),
            ("AUDIT_INDEXES", "actor,request"),
            ("AUDIT_HASH_KEY", "k1k2k3k4k5k6k7k8k9k0k1k2k3k4k5k6"),
        ]);
        let written = Audit::builder()
            .service("billing")
            .environment("test")
            .schema("app")
            .schema("other")
            .exclude("a")
            .exclude("b_*")
            .on_missing_context(MissingContext::System("cron".to_owned()))
            .on_drift(OnDrift::Deny)
            .max_cell_bytes(1000)
            .max_image_bytes(2000)
            .hash_key("k1k2k3k4k5k6k7k8k9k0k1k2k3k4k5k6")
            .index(LogIndex::Actor)
            .index(LogIndex::Request);
        let read = read.unwrap();
        assert_eq!(format!("{read:?}"), format!("{written:?}"));
        let key = |builder: AuditBuilder| builder.build().unwrap().hash_key().map(<[u8]>::to_vec);
        assert_eq!(key(read), key(written));
        // What is not there, or empty, leaves what was set.
        let kept = of(&[("AUDIT_SERVICE", ""), ("SERVICE", "other")]).unwrap();
        let shop = Audit::builder().service("shop").exclude("tmp_*");
        assert_eq!(format!("{kept:?}"), format!("{shop:?}"));
    }

    #[test]
    fn what_is_wrong_is_told_by_its_variable() {
        for (name, value, word) in [
            ("AUDIT_ON_MISSING_CONTEXT", "ignore", "`deny`"),
            ("AUDIT_ON_DRIFT", "ignore", "`install`"),
            ("AUDIT_MAX_CELL_BYTES", "1 MiB", "`1 MiB`"),
            ("AUDIT_MAX_IMAGE_BYTES", "-1", "`-1`"),
            ("AUDIT_INDEXES", "actor,colour", "`tenant`"),
        ] {
            let told = of(&[(name, value)]).unwrap_err().to_string();
            assert!(told.starts_with(&format!("the variable {name} ")), "{told}");
            assert!(told.contains(word), "{told}");
        }
        let short = of(&[("AUDIT_HASH_KEY", "hunter2")]).unwrap().build();
        assert!(!short.unwrap_err().to_string().contains("hunter2"));
    }
}
