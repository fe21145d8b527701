//! The rule that holds for one table and operation, once all rules are laid over one another.

use crate::audit::Audit;
use crate::redact::Redaction;
use crate::rules::{Enrichment, JsonPath, OperationMatch, TableRule};
use crate::vocabulary::{DataClass, Operation, Severity, Snapshot};

/// What is to be done with one column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResolvedColumn {
    /// In the images as it is.
    Plain,
    /// In the images, but a change of it alone is not recorded.
    Ignored(Option<Redaction>),
    /// In the images in another form, or left out by [`Redaction::Drop`].
    Redacted(Redaction),
    /// Not in the images because an `include` list leaves it out; a change of it alone is not
    /// recorded.
    Excluded,
}

/// The rule that holds for one table and operation.
#[derive(Debug, Clone, PartialEq)]
pub struct ResolvedRule {
    include: Vec<String>,
    ignore: Vec<String>,
    redact: Vec<(String, Redaction)>,
    redact_paths: Vec<(String, JsonPath, Redaction)>,
    snapshot: Snapshot,
    unchanged: bool,
    enrichment: Enrichment,
}

impl ResolvedRule {
    /// The rule of a table that no other rule reaches: whole rows, nothing hidden.
    #[must_use]
    pub fn plain(enrichment: Enrichment) -> Self {
        Self {
            include: Vec::new(),
            ignore: Vec::new(),
            redact: Vec::new(),
            redact_paths: Vec::new(),
            snapshot: Snapshot::Full,
            unchanged: false,
            enrichment,
        }
    }

    /// What is to be done with a column.
    #[must_use]
    pub fn column(&self, name: &str) -> ResolvedColumn {
        let listed = |list: &[String]| list.iter().any(|column| column == name);
        if !self.include.is_empty() && !listed(&self.include) {
            return ResolvedColumn::Excluded;
        }
        let redaction = self.redaction(name);
        if listed(&self.ignore) {
            return ResolvedColumn::Ignored(redaction);
        }
        redaction.map_or(ResolvedColumn::Plain, ResolvedColumn::Redacted)
    }

    fn redaction(&self, name: &str) -> Option<Redaction> {
        self.redact
            .iter()
            .rev()
            .find(|(column, _)| column == name)
            .map(|(_, how)| *how)
    }

    /// The paths that are hidden in a column, each once, with what the last rule says of it; none
    /// where a redaction of the column itself leaves nothing to take apart.
    pub fn paths(&self, column: &str) -> impl Iterator<Item = (&JsonPath, Redaction)> {
        let is_taken_apart = matches!(
            self.column(column),
            ResolvedColumn::Plain
                | ResolvedColumn::Ignored(None | Some(Redaction::Truncate(_)))
                | ResolvedColumn::Redacted(Redaction::Truncate(_))
        );
        let (all, column) = (&self.redact_paths, column.to_owned());
        let own = all
            .iter()
            .enumerate()
            .filter(move |(_, (of, ..))| is_taken_apart && *of == column);
        own.filter(|(at, (of, path, _))| {
            let later = all.iter().skip(at + 1);
            !later
                .into_iter()
                .any(|(other, same, _)| other == of && same == path)
        })
        .map(|(_, (_, path, redaction))| (path, *redaction))
    }

    /// The columns that the rules name, for a check that the table has them.
    pub fn named_columns(&self) -> impl Iterator<Item = &str> {
        let redacted = self.redact.iter().map(|(column, _)| column.as_str());
        let in_part = self.redact_paths.iter().map(|(column, ..)| column.as_str());
        self.include
            .iter()
            .chain(&self.ignore)
            .map(String::as_str)
            .chain(redacted)
            .chain(in_part)
    }

    /// Whether every column is in the images as it is.
    #[must_use]
    pub fn keeps_every_column(&self) -> bool {
        self.include.is_empty() && self.redact.is_empty() && self.redact_paths.is_empty()
    }

    /// How much of an updated row the images hold.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.snapshot
    }

    /// Whether an UPDATE that changed nothing is recorded.
    #[must_use]
    pub fn records_unchanged(&self) -> bool {
        self.unchanged
    }

    /// The label.
    #[must_use]
    pub fn label(&self) -> Option<&str> {
        self.enrichment.label.as_deref()
    }

    /// The template of a sentence.
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        self.enrichment.description.as_deref()
    }

    /// The severity.
    #[must_use]
    pub fn severity(&self) -> Option<Severity> {
        self.enrichment.severity
    }

    /// The data class.
    #[must_use]
    pub fn data_class(&self) -> Option<DataClass> {
        self.enrichment.data_class
    }

    /// The compliance tags.
    #[must_use]
    pub fn compliance(&self) -> &[String] {
        &self.enrichment.compliance
    }

    /// Who is to be told.
    #[must_use]
    pub fn notify(&self) -> &[String] {
        &self.enrichment.notify
    }
}

impl Audit {
    /// The rule for an operation on a table, or `None` when it is not recorded. `schema` is the
    /// table's schema where the dialect has schemas.
    ///
    /// Laid over one another in this order: rules for `*`, enrichments of `*` for any operation
    /// and for this one, rules for the table, enrichments of the table for any operation and for
    /// this one. Scalars of the last win, lists are united.
    #[must_use]
    pub fn rule(
        &self,
        schema: Option<&str>,
        table: &str,
        operation: Operation,
    ) -> Option<ResolvedRule> {
        if self.is_excluded(schema, table) {
            return None;
        }
        let mut operations = vec![
            Operation::Insert,
            Operation::Update,
            Operation::Delete,
            Operation::Truncate,
        ];
        let mut resolved = ResolvedRule::plain(Enrichment::new());
        for everything in [true, false] {
            for rule in self.table_rules(schema, table, everything) {
                resolved.overlay(rule);
                if let Some(only) = &rule.operations {
                    operations.clone_from(only);
                }
            }
            for exact in [false, true] {
                for (matches, enrichment) in self.enrichments(schema, table, everything) {
                    let fits = match matches {
                        OperationMatch::Any => !exact,
                        OperationMatch::Only(only) => exact && *only == operation,
                    };
                    if fits {
                        resolved.enrichment.overlay(enrichment);
                    }
                }
            }
        }
        operations.contains(&operation).then_some(resolved)
    }
}

impl ResolvedRule {
    fn overlay(&mut self, rule: &TableRule) {
        self.include.extend(rule.include.iter().cloned());
        self.ignore.extend(rule.ignore.iter().cloned());
        self.redact.extend(rule.redact.iter().cloned());
        let paths = rule.redact_paths.iter().filter_map(|(column, path, how)| {
            Some((column.clone(), path.as_ref().ok()?.clone(), *how))
        });
        self.redact_paths.extend(paths);
        self.snapshot = rule.snapshot.unwrap_or(self.snapshot);
        self.unchanged = rule.unchanged.unwrap_or(self.unchanged);
        self.enrichment.overlay(&rule.enrichment);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rule(audit: &Audit, table: &str, operation: Operation) -> ResolvedRule {
        audit.rule(Some("public"), table, operation).unwrap()
    }

    #[test]
    fn scalars_of_the_most_exact_rule_win_and_lists_are_united() {
        let audit = Audit::builder()
            .enrich(
                "users",
                Operation::Delete,
                Enrichment::new().severity(Severity::Critical),
            )
            .table(
                TableRule::new("users")
                    .severity(Severity::High)
                    .compliance(["gdpr"]),
            )
            .table(
                TableRule::new("*")
                    .severity(Severity::Low)
                    .label("Row")
                    .compliance(["sox"]),
            )
            .build()
            .unwrap();
        let update = rule(&audit, "users", Operation::Update);
        assert_eq!(update.severity(), Some(Severity::High));
        assert_eq!(update.label(), Some("Row"));
        assert_eq!(update.compliance(), ["sox", "gdpr"]);
        let delete = rule(&audit, "users", Operation::Delete);
        assert_eq!(delete.severity(), Some(Severity::Critical));
        assert_eq!(
            rule(&audit, "other", Operation::Delete).severity(),
            Some(Severity::Low)
        );
    }

    #[test]
    fn what_is_said_last_and_most_exactly_of_a_column_or_an_operation_holds() {
        let redact = |pattern: &str, how| TableRule::new(pattern).redact("secret", how);
        let word = |label: &str| Enrichment::new().label(label);
        let audit = Audit::builder()
            .table(redact("users", Redaction::Mask))
            .table(redact("users", Redaction::Truncate(2)))
            .table(redact("*", Redaction::Drop))
            .enrich("users", Operation::Delete, word("deleted"))
            .enrich("users", OperationMatch::Any, word("changed"))
            .build()
            .unwrap();
        let delete = rule(&audit, "users", Operation::Delete);
        let secret = delete.column("secret");
        assert_eq!(secret, ResolvedColumn::Redacted(Redaction::Truncate(2)));
        assert_eq!(delete.label(), Some("deleted"));
        assert_eq!(
            rule(&audit, "users", Operation::Update).label(),
            Some("changed")
        );
        let other = rule(&audit, "other", Operation::Update).column("secret");
        assert_eq!(other, ResolvedColumn::Redacted(Redaction::Drop));
    }

    #[test]
    fn excluded_tables_and_operations_have_no_rule() {
        let audit = Audit::builder()
            .exclude("sess*")
            .table(TableRule::new("events").operations([Operation::Delete]))
            .build()
            .unwrap();
        assert_eq!(audit.rule(None, "sessions", Operation::Insert), None);
        assert_eq!(audit.rule(None, "events", Operation::Insert), None);
        assert!(audit.rule(None, "events", Operation::Delete).is_some());
        assert_eq!(
            audit.rule(None, "_sqlx_migrations", Operation::Insert),
            None
        );
    }

    #[test]
    fn a_schema_in_the_pattern_must_match() {
        let audit = Audit::builder().exclude("archive.*").build().unwrap();
        assert_eq!(
            audit.rule(Some("archive"), "users", Operation::Insert),
            None
        );
        assert!(
            audit
                .rule(Some("public"), "users", Operation::Insert)
                .is_some()
        );
    }

    #[test]
    fn a_redacted_column_stays_redacted_when_it_is_ignored() {
        let audit = Audit::builder()
            .table(
                TableRule::new("users")
                    .redact("token", Redaction::Mask)
                    .ignore(["token"]),
            )
            .build()
            .unwrap();
        let rule = rule(&audit, "users", Operation::Update);
        assert_eq!(
            rule.column("token"),
            ResolvedColumn::Ignored(Some(Redaction::Mask))
        );
        assert_eq!(rule.column("name"), ResolvedColumn::Plain);
    }

    #[test]
    fn the_last_rule_for_a_path_counts_and_the_column_wins_unless_it_truncates() {
        let paths = |exact: TableRule| {
            let audit = Audit::builder()
                .table(
                    exact
                        .redact_path("data", "$['a']", Redaction::Hash)
                        .redact_path("other", "$.b", Redaction::Hash),
                )
                .table(
                    TableRule::new("*")
                        .redact_path("data", "$.a", Redaction::Mask)
                        .redact_path("data", "$.b", Redaction::Drop),
                )
                .build()
                .unwrap();
            let rule = rule(&audit, "users", Operation::Update);
            assert!(!rule.keeps_every_column());
            assert!(rule.named_columns().any(|column| column == "other"));
            let paths = rule.paths("data");
            paths
                .map(|(path, how)| format!("{path} {how:?}"))
                .collect::<Vec<_>>()
        };
        let users = || TableRule::new("users");
        let both = ["$.b Drop", "$.a Hash"];
        assert_eq!(paths(users()), both);
        assert_eq!(paths(users().ignore(["data"])), both);
        assert_eq!(paths(users().redact("data", Redaction::Truncate(9))), both);
        for wide in [Redaction::Drop, Redaction::Mask, Redaction::Hash] {
            assert_eq!(paths(users().redact("data", wide)), [""; 0]);
            assert_eq!(
                paths(users().redact("data", wide).ignore(["data"])),
                [""; 0]
            );
        }
        assert_eq!(paths(users().include(["id"])), [""; 0]);
    }

    proptest! {
        #[test]
        fn the_order_of_rules_of_different_exactness_does_not_matter(seed in 0usize..6) {
            let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
            let mut builder = Audit::builder();
            for step in orders[seed] {
                builder = match step {
                    0 => builder.table(TableRule::new("*").label("any").severity(Severity::Low)),
                    1 => builder.table(TableRule::new("users").label("user")),
                    _ => builder.enrich("*", Operation::Insert, Enrichment::new().label("insert")),
                };
            }
            let audit = builder.build().unwrap();
            let users = audit.rule(None, "users", Operation::Insert).unwrap();
            prop_assert_eq!(users.label(), Some("user"));
            let other = audit.rule(None, "other", Operation::Insert).unwrap();
            prop_assert_eq!(other.label(), Some("insert"));
            prop_assert_eq!(users.severity(), Some(Severity::Low));
        }
    }
}
