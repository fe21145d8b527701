//! Settings as they stand in a file, in whatever format serde reads.

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::{AuditBuilder, MissingContext, OnDrift};
use crate::redact::Redaction;
use crate::rules::{Enrichment, OperationMatch, TableRule};
use crate::vocabulary::{DataClass, LogIndex, Operation, Severity, Snapshot};

/// What stands between a column and a path into its documents.
const PATH: &str = ":$";

/// The settings, by the names of [`AuditBuilder`]'s setters. The key of hashes is not among them: it
/// is a secret.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    service: Option<String>,
    environment: Option<String>,
    schemas: Vec<String>,
    exclude: Vec<String>,
    on_missing_context: Option<Missing>,
    on_drift: Option<Drift>,
    max_cell_bytes: Option<usize>,
    max_image_bytes: Option<usize>,
    indexes: Vec<LogIndex>,
    table: Vec<Rule>,
    enrich: Vec<Addition>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Missing {
    Deny,
    System(String),
    Unknown,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Drift {
    Deny,
    Install,
    Warn,
}

impl From<Drift> for OnDrift {
    fn from(policy: Drift) -> Self {
        match policy {
            Drift::Deny => Self::Deny,
            Drift::Install => Self::Install,
            Drift::Warn => Self::Warn,
        }
    }
}

/// A [`TableRule`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    pattern: String,
    operations: Option<Vec<Operation>>,
    #[serde(default)]
    include: Vec<String>,
    #[serde(default)]
    ignore: Vec<String>,
    /// By column, or column, colon and path, as `redacted_fields` of an event names it.
    #[serde(default)]
    redact: BTreeMap<String, Word>,
    snapshot: Option<Snapshot>,
    record_unchanged: Option<bool>,
    severity: Option<Severity>,
    data_class: Option<DataClass>,
    #[serde(default)]
    compliance: Vec<String>,
    label: Option<String>,
}

/// What [`AuditBuilder::enrich`] takes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Addition {
    pattern: String,
    operation: Option<Operation>,
    label: Option<String>,
    description: Option<String>,
    severity: Option<Severity>,
    data_class: Option<DataClass>,
    #[serde(default)]
    compliance: Vec<String>,
    #[serde(default)]
    notify: Vec<String>,
}

/// A [`Redaction`].
#[derive(Debug)]
struct Word(Redaction);

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        let unknown = || {
            D::Error::custom(format_args!(
                "`{word}` is no redaction; write `drop`, `mask`, `hash` or `truncate:n`"
            ))
        };
        Redaction::from_word(&word).map(Self).ok_or_else(unknown)
    }
}

impl Rule {
    fn into_rule(self) -> TableRule {
        let mut rule = TableRule::new(self.pattern)
            .include(self.include)
            .ignore(self.ignore)
            .compliance(self.compliance);
        for (place, Word(redaction)) in self.redact {
            rule = match place.find(PATH) {
                Some(at) => {
                    let (column, path) = place.split_at(at);
                    let path = path.strip_prefix(':').unwrap_or(path);
                    rule.redact_path(column, path, redaction)
                }
                None => rule.redact(place, redaction),
            };
        }
        rule.operations = self.operations;
        rule.snapshot = self.snapshot;
        rule.unchanged = self.record_unchanged;
        rule.enrichment.severity = self.severity;
        rule.enrichment.data_class = self.data_class;
        rule.enrichment.label = self.label;
        rule
    }
}

impl Addition {
    fn added(self) -> (String, OperationMatch, Enrichment) {
        let operation = self
            .operation
            .map_or(OperationMatch::Any, OperationMatch::Only);
        let enrichment = Enrichment {
            label: self.label,
            description: self.description,
            severity: self.severity,
            data_class: self.data_class,
            compliance: self.compliance,
            notify: self.notify,
        };
        (self.pattern, operation, enrichment)
    }
}

impl From<Settings> for AuditBuilder {
    fn from(settings: Settings) -> Self {
        let mut builder = Self {
            service: settings.service,
            environment: settings.environment,
            schemas: settings.schemas,
            exclude: settings.exclude,
            tables: settings.table.into_iter().map(Rule::into_rule).collect(),
            enrichments: settings.enrich.into_iter().map(Addition::added).collect(),
            indexes: settings.indexes,
            ..Self::default()
        };
        if let Some(policy) = settings.on_missing_context {
            builder = builder.on_missing_context(match policy {
                Missing::Deny => MissingContext::Deny,
                Missing::System(name) => MissingContext::System(name),
                Missing::Unknown => MissingContext::Unknown,
            });
        }
        if let Some(policy) = settings.on_drift {
            builder = builder.on_drift(policy.into());
        }
        if let Some(bytes) = settings.max_cell_bytes {
            builder = builder.max_cell_bytes(bytes);
        }
        if let Some(bytes) = settings.max_image_bytes {
            builder = builder.max_image_bytes(bytes);
        }
        builder
    }
}

/// Settings can stand in a file that a service and the command `audit` share, in any format that serde
/// reads. The names are those of the setters; what is not known is an error. The key of hashes is
/// not read: it is a secret, and given by [`AuditBuilder::hash_key`].
///
/// ```
/// let file = r#"
///     service = "shop"
///     exclude = ["tmp_*"]
///     on_missing_context = { system = "shop" }   # or "unknown", "deny"
///     indexes = ["request", "actor"]
///
///     [[table]]
///     pattern = "users"
///     ignore = ["seen_at"]
///     data_class = "confidential"
///     redact = { password = "drop", "card:$.number" = "truncate:4" }
///
///     [[enrich]]
///     pattern = "invoices"
///     operation = "DELETE"
///     severity = "high"
/// "#;
/// let audit = toml::from_str::<audit_core::AuditBuilder>(file)?.build()?;
/// assert_eq!(audit.service(), Some("shop"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
impl<'de> Deserialize<'de> for AuditBuilder {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Settings::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Audit;

    const FILE: &str = r#"
        service = "shop"
        environment = "test"
        schemas = ["app"]
        exclude = ["tmp_*"]
        on_missing_context = { system = "shop" }
        on_drift = "install"
        max_cell_bytes = 1000
        max_image_bytes = 2000
        indexes = ["request"]

        [[table]]
        pattern = "users"
        operations = ["INSERT", "DELETE"]
        include = ["id"]
        ignore = ["seen_at"]
        redact = { password = "drop", "card:$.number" = "truncate:4", "odd:name" = "mask" }
        snapshot = "changed"
        record_unchanged = true
        severity = "low"
        data_class = "confidential"
        compliance = ["GDPR"]
        label = "a user"

        [[enrich]]
        pattern = "invoices"
        operation = "DELETE"
        label = "gone"
        description = "{actor_id} deleted it"
        severity = "high"
        data_class = "internal"
        compliance = ["SOX"]
        notify = ["ops"]

        [[enrich]]
        pattern = "*"
        label = "any"
    "#;

    #[test]
    fn a_file_says_what_code_would() {
        let read: AuditBuilder = toml::from_str(FILE).unwrap();
        let rule = TableRule::new("users")
            .operations([Operation::Insert, Operation::Delete])
            .include(["id"])
            .ignore(["seen_at"])
            .redact_path("card", "$.number", Redaction::Truncate(4))
            .redact("odd:name", Redaction::Mask)
            .redact("password", Redaction::Drop)
            .snapshot(Snapshot::Changed)
            .record_unchanged(true)
            .severity(Severity::Low)
            .data_class(DataClass::Confidential)
            .compliance(["GDPR"])
            .label("a user");
        let added = Enrichment::new()
            .label("gone")
            .description("{actor_id} deleted it")
            .severity(Severity::High)
            .data_class(DataClass::Internal)
            .compliance(["SOX"])
            .notify(["ops"]);
        let written = Audit::builder()
            .service("shop")
            .environment("test")
            .schema("app")
            .exclude("tmp_*")
            .on_missing_context(MissingContext::System("shop".to_owned()))
            .on_drift(OnDrift::Install)
            .max_cell_bytes(1000)
            .max_image_bytes(2000)
            .index(LogIndex::Request)
            .table(rule)
            .enrich("invoices", Operation::Delete, added)
            .enrich("*", OperationMatch::Any, Enrichment::new().label("any"));
        assert_eq!(format!("{read:?}"), format!("{written:?}"));
        read.build().unwrap();
    }

    #[test]
    fn what_is_not_known_is_an_error() {
        for (text, word) in [
            ("sevice = 'x'", "sevice"),
            ("hash_key = 'secret'", "hash_key"),
            ("[[table]]\npattern = 'a'\nredact = { b = 'blur' }", "blur"),
            ("[[table]]\nredact = { b = 'mask' }", "pattern"),
            ("[[enrich]]\npattern = 'a'\nseverity = 'loud'", "loud"),
            ("on_missing_context = 'ignore'", "ignore"),
        ] {
            let error = toml::from_str::<AuditBuilder>(text).unwrap_err();
            assert!(error.to_string().contains(word), "{error}");
        }
    }
}
