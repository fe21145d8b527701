//! What is recorded, and how.

use audit_core::{Audit, BuildError, Enrichment, Operation, Redaction, Severity, TableRule};

/// Every table is audited; these rules only add to it and hide passwords.
pub(crate) fn audit() -> Result<Audit, BuildError> {
    Audit::builder()
        .service(env!("CARGO_PKG_NAME"))
        .environment("demo")
        .table(TableRule::new("users").redact("password", Redaction::Drop))
        .table(
            TableRule::new("invoices")
                .severity(Severity::Medium)
                .compliance(["sox"]),
        )
        .enrich(
            "invoices",
            Operation::Delete,
            Enrichment::new()
                .label("Invoice deleted")
                .severity(Severity::High),
        )
        .build()
}
