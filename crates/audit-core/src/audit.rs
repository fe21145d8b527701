//! The settings of an audit log, checked once when they are built.

mod environment;
mod file;
mod pattern;
#[cfg(feature = "toml")]
mod toml_file;

use std::fmt;
use std::sync::Arc;

use crate::rules::{Enrichment, OperationMatch, PathError, TableRule};
use crate::switch::Switch;
use crate::vocabulary::LogIndex;

use pattern::Pattern;

pub use environment::SettingsError;

/// The tables that are never audited: those in which migration tools keep track.
const NEVER_AUDITED: [&str; 5] = [
    "_sqlx_migrations",
    "audit_seaql_migrations",
    "seaql_migrations",
    "__diesel_schema_migrations",
    "refinery_schema_history",
];

/// What a write without a context is recorded as.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum MissingContext {
    /// The write fails; compiled into the triggers, so it stops other programs as well.
    Deny,
    /// The application itself, under this name; put on the connection when it is handed out.
    System(String),
    /// Actor kind `unknown`.
    #[default]
    Unknown,
}

/// What is done when the triggers in the database are not those that the rules ask for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnDrift {
    /// `check` returns the finding.
    #[default]
    Warn,
    /// The triggers are installed again.
    Install,
    /// `migrate` and `check` fail.
    Deny,
}

/// How large a value may be in the images; what is longer is replaced by
/// `{"$truncated":{"len":n,"head":".."}}`, so that it is never the reason a write fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The longest value of one column, in bytes of its JSON text.
    pub max_cell_bytes: usize,
    /// The longest image of one row, in bytes.
    pub max_image_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_cell_bytes: 64 * 1024,
            max_image_bytes: 1024 * 1024,
        }
    }
}

/// The settings of an audit log. Cloning is cheap.
#[derive(Clone)]
pub struct Audit {
    inner: Arc<Inner>,
    switch: Switch,
}

struct Inner {
    service: Option<String>,
    environment: Option<String>,
    schemas: Vec<String>,
    exclude: Vec<Pattern>,
    tables: Vec<(Pattern, TableRule)>,
    enrichments: Vec<(Pattern, OperationMatch, Enrichment)>,
    on_missing_context: MissingContext,
    on_drift: OnDrift,
    limits: Limits,
    hash_key: Option<Vec<u8>>,
    indexes: Vec<LogIndex>,
}

impl fmt::Debug for Audit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Audit")
            .field("service", &self.inner.service)
            .field("environment", &self.inner.environment)
            .field("schemas", &self.inner.schemas)
            .field("on_missing_context", &self.inner.on_missing_context)
            .field(
                "hash_key",
                &self.inner.hash_key.as_ref().map(|_| "[hidden]"),
            )
            .finish_non_exhaustive()
    }
}

impl Audit {
    /// Starts the settings: every base table is audited, nothing is hidden.
    pub fn builder() -> AuditBuilder {
        AuditBuilder::default()
    }

    /// The service that the events name.
    #[must_use]
    pub fn service(&self) -> Option<&str> {
        self.inner.service.as_deref()
    }

    /// The environment that the events name.
    #[must_use]
    pub fn environment(&self) -> Option<&str> {
        self.inner.environment.as_deref()
    }

    /// The schemas whose tables are audited; empty means the connection's current schema.
    #[must_use]
    pub fn schemas(&self) -> &[String] {
        &self.inner.schemas
    }

    /// What a write without a context is recorded as.
    #[must_use]
    pub fn on_missing_context(&self) -> &MissingContext {
        &self.inner.on_missing_context
    }

    /// What is done about drift.
    #[must_use]
    pub fn on_drift(&self) -> OnDrift {
        self.inner.on_drift
    }

    /// How large a value may be in the images.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.inner.limits
    }

    /// The key of [`crate::Redaction::Hash`].
    #[must_use]
    pub fn hash_key(&self) -> Option<&[u8]> {
        self.inner.hash_key.as_deref()
    }

    /// The indexes that `migrate` makes beside that of records.
    #[must_use]
    pub fn indexes(&self) -> &[LogIndex] {
        &self.inner.indexes
    }

    /// The same settings under the operator's switch of a database.
    #[must_use]
    pub fn with_switch(&self, switch: Switch) -> Self {
        let inner = Arc::clone(&self.inner);
        Self { inner, switch }
    }

    /// Whether a table is left out, by the settings or by the operator's switch.
    #[must_use]
    pub fn is_excluded(&self, schema: Option<&str>, table: &str) -> bool {
        NEVER_AUDITED.contains(&table)
            || self.switch.is_off(schema, table)
            || self
                .inner
                .exclude
                .iter()
                .any(|pattern| pattern.matches(schema, table))
    }

    /// The table rules that match, those of the pattern `*` or the others, in order.
    pub(crate) fn table_rules<'a>(
        &'a self,
        schema: Option<&'a str>,
        table: &'a str,
        everything: bool,
    ) -> impl Iterator<Item = &'a TableRule> {
        self.inner
            .tables
            .iter()
            .filter(move |(pattern, _)| {
                pattern.is_everything() == everything && pattern.matches(schema, table)
            })
            .map(|(_, rule)| rule)
    }

    /// The enrichments that match, those of the pattern `*` or the others, in order.
    pub(crate) fn enrichments<'a>(
        &'a self,
        schema: Option<&'a str>,
        table: &'a str,
        everything: bool,
    ) -> impl Iterator<Item = (&'a OperationMatch, &'a Enrichment)> {
        self.inner
            .enrichments
            .iter()
            .filter(move |(pattern, _, _)| {
                pattern.is_everything() == everything && pattern.matches(schema, table)
            })
            .map(|(_, operation, enrichment)| (operation, enrichment))
    }

    /// The patterns of table rules that match none of these tables: most likely misspelt.
    pub fn unused_patterns<'a>(
        &'a self,
        tables: &'a [(Option<&'a str>, &'a str)],
    ) -> impl Iterator<Item = &'a str> {
        let patterns = self.inner.tables.iter().map(|(pattern, _)| pattern);
        patterns
            .chain(self.inner.enrichments.iter().map(|(pattern, _, _)| pattern))
            .filter(|pattern| !pattern.is_everything())
            .filter(|pattern| {
                !tables
                    .iter()
                    .any(|(schema, table)| pattern.matches(*schema, table))
            })
            .map(|pattern| pattern.text.as_str())
    }
}

/// Settings under construction; everything is checked in [`AuditBuilder::build`].
#[derive(Debug, Default)]
#[must_use]
pub struct AuditBuilder {
    service: Option<String>,
    environment: Option<String>,
    schemas: Vec<String>,
    exclude: Vec<String>,
    tables: Vec<TableRule>,
    enrichments: Vec<(String, OperationMatch, Enrichment)>,
    on_missing_context: MissingContext,
    on_drift: OnDrift,
    limits: Limits,
    hash_key: Option<HiddenKey>,
    indexes: Vec<LogIndex>,
}

/// Key bytes that no `Debug` shows.
struct HiddenKey(Vec<u8>);

impl fmt::Debug for HiddenKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[hidden]")
    }
}

/// Settings that cannot work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A name is empty or holds a control character.
    #[error("{setting} must be a text without control characters; it is {value:?}")]
    InvalidName {
        /// The setting.
        setting: &'static str,
        /// Its value.
        value: String,
    },
    /// A path into a JSON column cannot be read, or names no part.
    #[error("the rule for `{pattern}` hides a part of `{column}`, but {source}")]
    InvalidPath {
        /// The pattern of the rule.
        pattern: String,
        /// The column.
        column: String,
        /// The path and what is wrong with it.
        source: PathError,
    },
    /// A pattern is no glob.
    #[error("the table pattern `{pattern}` is no glob; write a table name, `schema.table` or `*`")]
    InvalidPattern {
        /// The pattern.
        pattern: String,
    },
    /// A limit is too small to hold what stands in for a longer value.
    #[error("{setting} is {value} bytes; set at least {least}")]
    LimitTooSmall {
        /// The setting.
        setting: &'static str,
        /// Its value.
        value: usize,
        /// The least value.
        least: usize,
    },
    /// The key is too short to keep hashed values from being guessed.
    #[error("the hash key has {length} bytes; use at least 32 random bytes")]
    ShortHashKey {
        /// Its length in bytes.
        length: usize,
    },
    /// A rule names an operation that no trigger records.
    #[error("the rule for `{pattern}` records `{operation}`, which is no change of a row or table")]
    UnrecordableOperation {
        /// The pattern of the rule.
        pattern: String,
        /// The operation.
        operation: crate::Operation,
    },
}

impl AuditBuilder {
    /// The least value of both limits, in bytes.
    pub const LEAST_LIMIT: usize = 256;

    /// The service that the events name.
    pub fn service(mut self, name: impl Into<String>) -> Self {
        self.service = Some(name.into());
        self
    }

    /// The environment that the events name.
    pub fn environment(mut self, name: impl Into<String>) -> Self {
        self.environment = Some(name.into());
        self
    }

    /// Audits the tables of this schema (PostgreSQL) or database (MySQL); the connection's current
    /// one unless set. Call it again for more.
    pub fn schema(mut self, name: impl Into<String>) -> Self {
        self.schemas.push(name.into());
        self
    }

    /// Leaves out the tables that match a glob over `table` or `schema.table`.
    pub fn exclude(mut self, pattern: impl Into<String>) -> Self {
        self.exclude.push(pattern.into());
        self
    }

    /// Adds a rule.
    pub fn table(mut self, rule: TableRule) -> Self {
        self.tables.push(rule);
        self
    }

    /// Adds to the events of the tables that match a glob.
    pub fn enrich(
        mut self,
        pattern: impl Into<String>,
        operation: impl Into<OperationMatch>,
        enrichment: Enrichment,
    ) -> Self {
        self.enrichments
            .push((pattern.into(), operation.into(), enrichment));
        self
    }

    /// What a write without a context is recorded as.
    pub fn on_missing_context(mut self, policy: MissingContext) -> Self {
        self.on_missing_context = policy;
        self
    }

    /// What is done when the triggers are not those that the rules ask for.
    pub fn on_drift(mut self, policy: OnDrift) -> Self {
        self.on_drift = policy;
        self
    }

    /// The longest value of one column in the images, in bytes; 64 KiB unless set.
    pub fn max_cell_bytes(mut self, bytes: usize) -> Self {
        self.limits.max_cell_bytes = bytes;
        self
    }

    /// The longest image of one row, in bytes; 1 MiB unless set.
    pub fn max_image_bytes(mut self, bytes: usize) -> Self {
        self.limits.max_image_bytes = bytes;
        self
    }

    /// The key of [`crate::Redaction::Hash`], at least 32 random bytes; it is sent to the database
    /// as a bind only.
    pub fn hash_key(mut self, key: impl Into<Vec<u8>>) -> Self {
        self.hash_key = Some(HiddenKey(key.into()));
        self
    }

    /// Has `migrate` make one more index of the log. Each costs every write, on SQLite
    /// about a tenth of one, see `docs/benchmarks.md`; one that
    /// is not asked for any more stays until it is dropped by hand. Call it again for more.
    pub fn index(mut self, index: LogIndex) -> Self {
        self.indexes.push(index);
        self
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// A [`BuildError`] that names the setting and what it may be.
    pub fn build(self) -> Result<Audit, BuildError> {
        self.check_names()?;
        self.check_limits()?;
        let tables = self
            .tables
            .into_iter()
            .map(checked_rule)
            .collect::<Result<_, _>>()?;
        let enrichments = self
            .enrichments
            .into_iter()
            .map(|(text, operation, added)| Ok((Pattern::new(&text)?, operation, added)))
            .collect::<Result<_, _>>()?;
        let exclude = self
            .exclude
            .iter()
            .map(|text| Pattern::new(text))
            .collect::<Result<_, _>>()?;
        Ok(Audit {
            inner: Arc::new(Inner {
                service: self.service,
                environment: self.environment,
                schemas: self.schemas,
                exclude,
                tables,
                enrichments,
                on_missing_context: self.on_missing_context,
                on_drift: self.on_drift,
                limits: self.limits,
                hash_key: self.hash_key.map(|key| key.0),
                indexes: self.indexes,
            }),
            switch: Switch::default(),
        })
    }

    fn check_names(&self) -> Result<(), BuildError> {
        let system = match &self.on_missing_context {
            MissingContext::System(name) => Some(name),
            MissingContext::Deny | MissingContext::Unknown => None,
        };
        let names = [
            ("the service", self.service.as_ref()),
            ("the environment", self.environment.as_ref()),
            ("the system actor", system),
        ];
        let schemas = self.schemas.iter().map(|name| ("a schema", Some(name)));
        for (setting, name) in names.into_iter().chain(schemas) {
            match name {
                Some(name) if name.is_empty() || name.chars().any(char::is_control) => {
                    return Err(BuildError::InvalidName {
                        setting,
                        value: name.clone(),
                    });
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn check_limits(&self) -> Result<(), BuildError> {
        let limits = [
            ("max_cell_bytes", self.limits.max_cell_bytes),
            ("max_image_bytes", self.limits.max_image_bytes),
        ];
        for (setting, value) in limits {
            if value < Self::LEAST_LIMIT {
                let least = Self::LEAST_LIMIT;
                return Err(BuildError::LimitTooSmall {
                    setting,
                    value,
                    least,
                });
            }
        }
        match &self.hash_key {
            Some(HiddenKey(key)) if key.len() < 32 => {
                Err(BuildError::ShortHashKey { length: key.len() })
            }
            _ => Ok(()),
        }
    }
}

fn checked_rule(rule: TableRule) -> Result<(Pattern, TableRule), BuildError> {
    use crate::Operation::{Custom, Ddl, Select};
    for operation in rule.operations.iter().flatten() {
        if matches!(operation, Custom | Ddl | Select) {
            let pattern = rule.pattern.clone();
            return Err(BuildError::UnrecordableOperation {
                pattern,
                operation: *operation,
            });
        }
    }
    for (column, path, _) in &rule.redact_paths {
        if let Err(source) = path {
            return Err(BuildError::InvalidPath {
                pattern: rule.pattern.clone(),
                column: column.clone(),
                source: source.clone(),
            });
        }
    }
    Ok((Pattern::new(&rule.pattern)?, rule))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Operation, Redaction};

    #[test]
    fn settings_that_cannot_work_are_refused_with_what_to_do() {
        let refused = [
            (Audit::builder().service(""), "the service must be a text"),
            (
                Audit::builder().exclude("[a"),
                "the table pattern `[a` is no glob",
            ),
            (
                Audit::builder().max_cell_bytes(1),
                "max_cell_bytes is 1 bytes; set at least 256",
            ),
            (
                Audit::builder().hash_key(*b"short"),
                "the hash key has 5 bytes",
            ),
            (
                Audit::builder().table(TableRule::new("a").operations([Operation::Select])),
                "the rule for `a` records `SELECT`",
            ),
            (
                Audit::builder().table(TableRule::new("a").redact_path("b", "", Redaction::Mask)),
                "the rule for `a` hides a part of `b`, but the path `` names the whole document",
            ),
            (
                Audit::builder()
                    .table(TableRule::new("a").redact_path("b", "$.c", Redaction::Mask))
                    .table(TableRule::new("a").redact_path("b", "$.c.*", Redaction::Mask)),
                "the rule for `a` hides a part of `b`, but the path `$.c.*` cannot be read from \
                 its byte 3 on",
            ),
        ];
        for (builder, message) in refused {
            let error = builder.build().unwrap_err().to_string();
            assert!(error.starts_with(message), "{error}");
        }
    }

    #[test]
    fn the_hash_key_is_never_shown() {
        let builder = Audit::builder().hash_key(*b"0123456789abcdef0123456789abcdef");
        assert!(!format!("{builder:?}").contains("49, 50, 51"));
        assert!(!format!("{:?}", builder.build().unwrap()).contains("49, 50, 51"));
    }

    #[test]
    fn a_pattern_that_matches_no_table_is_found() {
        let audit = Audit::builder()
            .table(TableRule::new("user"))
            .build()
            .unwrap();
        let tables = [(None, "users")];
        assert_eq!(audit.unused_patterns(&tables).collect::<Vec<_>>(), ["user"]);
    }
}
