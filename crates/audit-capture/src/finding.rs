//! What `check` finds: changes that are not captured, and rules that do not fit the database.

mod words;

use std::fmt;

use audit_core::Operation;

/// One finding; its text says what to do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Finding {
    /// A database that was attached beside the main one has no triggers.
    AttachedDatabase {
        /// Its name.
        database: String,
    },
    /// The operator has turned capture off: changes are not recorded.
    CaptureOff {
        /// The table, as the setting names it; `None` stands for the whole database.
        table: Option<String>,
    },
    /// A foreign key changes rows of a database that is not among the schemas of the settings,
    /// together with those of an audited table (MySQL).
    CascadeLeaves {
        /// That database.
        database: String,
        /// The table there.
        table: String,
        /// Its foreign key.
        foreign_key: String,
    },
    /// A foreign key of this table changes its rows together with those of another in a way that
    /// cannot be recorded (MySQL).
    CascadeUnseen {
        /// The table.
        table: String,
        /// The foreign key.
        foreign_key: String,
    },
    /// This account may not see the audit tables and triggers: nothing was compared, and only the
    /// probe tells whether changes are recorded (MySQL).
    CatalogHidden,
    /// A rule hides a part of a column that cannot be taken apart there, so that the whole of it is
    /// hidden: it holds no JSON, the server cannot follow the path, or it is MySQL.
    ColumnUndivided {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// The account that triggers of ours run as is not there: every write fails (MySQL).
    DefinerMissing {
        /// The account.
        account: String,
    },
    /// A trigger of the user on an audited table fires before ours, so that what it writes is
    /// recorded before what made it fire (PostgreSQL).
    EarlierTrigger {
        /// The table.
        table: String,
        /// The trigger.
        trigger: String,
    },
    /// The type of an audited column belongs to a role that does not own the log: it could give
    /// the type a cast to json, which would run with the rights of the log's owner (PostgreSQL).
    ForeignType {
        /// The type.
        type_name: String,
        /// The role.
        role: String,
    },
    /// A function of the audit log is missing or is not the one of this version (PostgreSQL).
    FunctionDiffers {
        /// The function.
        function: String,
    },
    /// An index that the log is to have is not there, or not ready: what it would lead to is found by
    /// reading all of the log.
    IndexMissing {
        /// Its name.
        index: String,
        /// Which events it leads to, in words.
        leads_to: String,
    },
    /// A type has a cast to json, which would run with the rights of the log's owner
    /// (PostgreSQL).
    JsonCast {
        /// The type.
        type_name: String,
    },
    /// A trigger or rule is on the audit log itself, and may change or drop events (PostgreSQL).
    LogAltered {
        /// The trigger or rule.
        trigger: String,
    },
    /// The server may write the values of binds to its log, among them the key of hashes.
    KeyInServerLog,
    /// The database holds large objects, whose changes no trigger can see (PostgreSQL).
    LargeObjects,
    /// The audit log was there and is gone: writes to audited tables fail.
    LogMissing,
    /// A role can write the audit log by itself, and so remove events (PostgreSQL).
    LogWritable {
        /// The role.
        role: String,
    },
    /// The audit tables are not there.
    NotMigrated,
    /// A table's storage engine has no transactions: what is rolled back stays changed, without
    /// its event (MySQL).
    NotTransactional {
        /// The table.
        table: String,
        /// The engine.
        engine: String,
    },
    /// No month is made for what is written soon, or now.
    MonthsRunOut {
        /// The day from which on there is none, in UTC.
        end: String,
    },
    /// A table has no key, so that a row is known by the hash of its values.
    NoKey {
        /// The table.
        table: String,
    },
    /// A change of the log's partitions was begun and not ended.
    PartitionsUnfinished,
    /// The database was locked for longer than the connection waits, so that capture was not
    /// probed. It says nothing about capture.
    ProbeBusy {
        /// The database's words.
        reason: String,
    },
    /// This account may not make the probe, so that capture was not probed.
    ProbeDenied {
        /// The reason.
        reason: String,
    },
    /// An event of the probe is not what was done.
    ProbeDiffers {
        /// The column of the event.
        column: String,
    },
    /// A write of the probe left no event: triggers do not fire on the pool's connections.
    ProbeLost {
        /// What was done.
        operation: Operation,
    },
    /// The event of the probe was refused, as every audited write is: the log takes no rows.
    ProbeRefused {
        /// The database's words.
        reason: String,
    },
    /// The context of the probe did not arrive: the pool's connections are not stamped.
    ProbeUnstamped,
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
    /// The audit log or its functions belong to a superuser (PostgreSQL).
    SuperuserOwner {
        /// The role.
        role: String,
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
    /// An account of the application may empty audited tables, or drop partitions of them, which
    /// no trigger can see (MySQL). Accounts that may do so in every database are administrators' and
    /// are left out, as is the one that triggers run as unless it is the one that asks.
    TruncateAllowed {
        /// The account or role.
        account: String,
    },
    /// No trigger can see this table truncated (PostgreSQL).
    TruncateUnseen {
        /// The table.
        table: String,
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
    /// A setting of the operator is for a table that is not there.
    UnusedSetting {
        /// The table, as the setting names it.
        table: String,
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
        !matches!(
            self,
            Self::CatalogHidden
                | Self::ForeignType { .. }
                | Self::IndexMissing { .. }
                | Self::JsonCast { .. }
                | Self::KeyInServerLog
                | Self::LargeObjects
                | Self::LogWritable { .. }
                | Self::MonthsRunOut { .. }
                | Self::NoKey { .. }
                | Self::PartitionsUnfinished
                | Self::ProbeBusy { .. }
                | Self::ProbeDenied { .. }
                | Self::SuperuserOwner { .. }
                | Self::TruncateAllowed { .. }
                | Self::UnusedPattern { .. }
                | Self::UnusedSetting { .. }
        )
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CascadeLeaves { .. }
            | Self::CascadeUnseen { .. }
            | Self::DefinerMissing { .. }
            | Self::NotTransactional { .. }
            | Self::TruncateAllowed { .. } => self.fmt_mysql(formatter),
            Self::CaptureOff { .. } | Self::UnusedSetting { .. } => self.fmt_switch(formatter),
            Self::MonthsRunOut { .. } | Self::PartitionsUnfinished => {
                self.fmt_partitions(formatter)
            }
            Self::CatalogHidden
            | Self::TriggerDiffers { .. }
            | Self::TriggerLeftOver { .. }
            | Self::TriggerMissing { .. } => self.fmt_trigger(formatter),
            Self::ProbeBusy { .. }
            | Self::ProbeDenied { .. }
            | Self::ProbeDiffers { .. }
            | Self::ProbeLost { .. }
            | Self::ProbeRefused { .. }
            | Self::ProbeUnstamped => self.fmt_probe(formatter),
            Self::EarlierTrigger { .. }
            | Self::ForeignType { .. }
            | Self::FunctionDiffers { .. }
            | Self::JsonCast { .. }
            | Self::LargeObjects
            | Self::LogAltered { .. }
            | Self::LogWritable { .. }
            | Self::SuperuserOwner { .. }
            | Self::TruncateUnseen { .. } => self.fmt_postgres(formatter),
            Self::ColumnUndivided { .. }
            | Self::UnknownColumn { .. }
            | Self::UnusedPattern { .. } => self.fmt_rule(formatter),
            Self::AttachedDatabase { .. } | Self::ReplaceHidesDelete { .. } => {
                self.fmt_sqlite(formatter)
            }
            Self::ShadowTable { table } => write!(
                formatter,
                "the temporary table `{table}` hides an audit table; rename it"
            ),
            Self::IndexMissing { index, leads_to } => write!(
                formatter,
                "the index `{index}` of the log is missing or not ready, which leads to {leads_to}, so \
                 that the whole log is read for them; `audit optimize` tells how to make it"
            ),
            Self::KeyInServerLog => formatter.write_str(
                "the server may log the values of binds, and with them the key of hashed columns; \
                 set `log_parameter_max_length` to 0 (PostgreSQL), or `general_log` to 0 (MySQL)",
            ),
            Self::LogMissing => formatter.write_str(
                "the table `audit_logs` is gone, and writes to audited tables fail; restore it \
                 from a backup",
            ),
            Self::NotMigrated => formatter.write_str(
                "the audit tables are not there, or this account may not see them; run `migrate`, \
                 or grant it SELECT, INSERT, UPDATE and DELETE on `audit_probe` (MySQL)",
            ),
            Self::NoKey { table } => write!(
                formatter,
                "`{table}` has no primary key, so its rows are known by a hash of their values; \
                 add a key to follow a row over time"
            ),
            Self::TooManyColumns { table, most } => write!(
                formatter,
                "`{table}` has more than {most} columns and is not captured; split it, or exclude \
                 it"
            ),
            Self::VirtualTable { table } => write!(
                formatter,
                "`{table}` is a virtual table, on which triggers cannot be; exclude it, or audit \
                 the table behind it"
            ),
        }
    }
}
