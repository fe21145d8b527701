//! What `check` finds: changes that are not captured, and rules that do not fit the database.

use std::fmt;

/// One finding; its text says what to do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Finding {
    /// A database that was attached beside the main one has no triggers.
    AttachedDatabase {
        /// Its name.
        database: String,
    },
    /// The audit log was there and is gone: writes to audited tables fail.
    LogMissing,
    /// The audit tables are not there.
    NotMigrated,
    /// A table has no key, so that a row is known by the hash of its values.
    NoKey {
        /// The table.
        table: String,
    },
    /// A REPLACE that removes a row of this table is seen as an INSERT only, because a trigger of
    /// the application is on an audited table.
    ReplaceHidesDelete {
        /// The table.
        table: String,
        /// The trigger.
        trigger: String,
    },
    /// A temporary table hides one of the audit tables.
    ShadowTable {
        /// Its name.
        table: String,
    },
    /// A table has more columns than a trigger can name.
    TooManyColumns {
        /// The table.
        table: String,
        /// The most that a captured table may have.
        most: usize,
    },
    /// A trigger in the database is not the one that the rules ask for.
    TriggerDiffers {
        /// The table.
        table: String,
        /// The trigger.
        trigger: String,
    },
    /// A trigger that no rule asks for.
    TriggerLeftOver {
        /// The table.
        table: String,
        /// The trigger.
        trigger: String,
    },
    /// A trigger that the rules ask for is not in the database.
    TriggerMissing {
        /// The table.
        table: String,
        /// The trigger.
        trigger: String,
    },
    /// A rule names a column that the table does not have.
    UnknownColumn {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// A rule's pattern matches no table.
    UnusedPattern {
        /// The pattern.
        pattern: String,
    },
    /// A table of an extension module cannot have triggers.
    VirtualTable {
        /// The table.
        table: String,
    },
}

impl Finding {
    /// Whether changes may go unrecorded, or be recorded otherwise than the rules ask for; other
    /// findings are worth knowing, and stop nothing.
    #[must_use]
    pub fn is_gap(&self) -> bool {
        !matches!(self, Self::NoKey { .. } | Self::UnusedPattern { .. })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AttachedDatabase { database } => write!(
                formatter,
                "changes in the attached database `{database}` are not recorded; open it with a \
                 pool of its own"
            ),
            Self::LogMissing => formatter.write_str(
                "the table `audit_logs` is gone, and writes to audited tables fail; restore it \
                 from a backup",
            ),
            Self::NotMigrated => {
                formatter.write_str("the audit tables are not there; run `migrate`")
            }
            Self::NoKey { table } => write!(
                formatter,
                "`{table}` has no primary key, so its rows are known by a hash of their values; \
                 add a key to follow a row over time"
            ),
            Self::ReplaceHidesDelete { table, trigger } => write!(
                formatter,
                "a REPLACE on `{table}` hides the row it removes, because the trigger `{trigger}` \
                 keeps recursive triggers off; write an upsert, or drop that trigger"
            ),
            Self::ShadowTable { table } => write!(
                formatter,
                "the temporary table `{table}` hides an audit table; rename it"
            ),
            Self::TooManyColumns { table, most } => write!(
                formatter,
                "`{table}` has more than {most} columns and is not captured; split it, or exclude \
                 it"
            ),
            Self::TriggerDiffers { table, trigger } => write!(
                formatter,
                "the trigger `{trigger}` on `{table}` is not the one that the rules ask for; run \
                 `migrate`"
            ),
            Self::TriggerLeftOver { table, trigger } => write!(
                formatter,
                "the trigger `{trigger}` on `{table}` is not asked for by any rule; run `migrate`"
            ),
            Self::TriggerMissing { table, trigger } => write!(
                formatter,
                "the trigger `{trigger}` on `{table}` is missing; run `migrate`"
            ),
            Self::UnknownColumn { table, column } => write!(
                formatter,
                "a rule names the column `{column}`, which `{table}` does not have; correct the \
                 rule"
            ),
            Self::UnusedPattern { pattern } => write!(
                formatter,
                "the pattern `{pattern}` of a rule matches no table; correct the rule"
            ),
            Self::VirtualTable { table } => write!(
                formatter,
                "`{table}` is a virtual table, on which triggers cannot be; exclude it, or audit \
                 the table behind it"
            ),
        }
    }
}
