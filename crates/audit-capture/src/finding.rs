//! What `check` finds: changes that are not captured, and rules that do not fit the database.

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
                | Self::JsonCast { .. }
                | Self::KeyInServerLog
                | Self::LogWritable { .. }
                | Self::MonthsRunOut { .. }
                | Self::NoKey { .. }
                | Self::PartitionsUnfinished
                | Self::ProbeBusy { .. }
                | Self::ProbeDenied { .. }
                | Self::SuperuserOwner { .. }
                | Self::UnusedPattern { .. }
                | Self::UnusedSetting { .. }
        )
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CascadeUnseen { table, foreign_key } => write!(
                formatter,
                "the foreign key `{foreign_key}` of `{table}` changes rows in a way that is not \
                 recorded; give it ON DELETE RESTRICT and ON UPDATE RESTRICT, or exclude `{table}`"
            ),
            Self::DefinerMissing { account } => write!(
                formatter,
                "the audit triggers run as `{account}`, which is not there, so that every write \
                 fails; create the account, or drop the triggers and run `migrate`"
            ),
            Self::CaptureOff { .. } | Self::UnusedSetting { .. } => self.fmt_switch(formatter),
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
            Self::MonthsRunOut { end } => write!(
                formatter,
                "no month is made for events from {end} on, which then come together in one \
                 partition; run `audit partitions create`"
            ),
            Self::PartitionsUnfinished => formatter.write_str(
                "a change of the log's partitions was not ended, and writes can fail in two weeks; \
                 repeat it with `audit partitions convert`, or `create`",
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
            Self::NotTransactional { table, engine } => write!(
                formatter,
                "`{table}` is kept by {engine}, which has no transactions, so that a change and \
                 its event can part; convert it to InnoDB"
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

impl Finding {
    /// The words of rules that do not fit.
    fn fmt_rule(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ColumnUndivided { table, column } => write!(
                formatter,
                "a rule hides a part of the column `{column}` of `{table}`, which cannot be taken \
                 apart there, so the whole column is hidden; redact the column, or make it a JSON \
                 column"
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
            _ => Ok(()),
        }
    }

    /// The words of the comparison of triggers.
    fn fmt_trigger(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CatalogHidden => formatter.write_str(
                "this account may not see the audit triggers, so that only the probe was made; \
                 run `check` as the account that runs `migrate` to compare them",
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
            _ => Ok(()),
        }
    }

    /// The words of what the operator decides.
    fn fmt_switch(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CaptureOff { table: None } => formatter.write_str(
                "the operator has turned capture off for the whole database, and changes are not \
                 recorded; set `capture` in `audit_settings` to 'on' and run `migrate`",
            ),
            Self::CaptureOff { table: Some(table) } => write!(
                formatter,
                "the operator has turned capture off for `{table}`, and its changes are not \
                 recorded; set `capture:{table}` in `audit_settings` to 'on' and run `migrate`"
            ),
            Self::UnusedSetting { table } => write!(
                formatter,
                "the setting `capture:{table}` in `audit_settings` is for no table; correct its \
                 name, or delete it"
            ),
            _ => Ok(()),
        }
    }

    /// The words of what the probe shows.
    fn fmt_probe(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ProbeBusy { reason } => write!(
                formatter,
                "capture was not probed, because the database was busy; call `check` again: \
                 {reason}"
            ),
            Self::ProbeDenied { reason } => write!(
                formatter,
                "capture was not probed; give this account the right to (MySQL: SELECT, INSERT, \
                 UPDATE and DELETE on `audit_probe`; PostgreSQL: EXECUTE on `audit.probe`): \
                 {reason}"
            ),
            Self::ProbeDiffers { column } => write!(
                formatter,
                "an event of the probe has another `{column}` than what was done; run `migrate`, \
                 and look for what changes events on their way"
            ),
            Self::ProbeLost { operation } => write!(
                formatter,
                "the {operation} of the probe left no event, so triggers do not fire on the \
                 connections of this pool; run `migrate`, look for what turns them off \
                 (PostgreSQL: set `session_replication_role` to origin), and open them anew"
            ),
            Self::ProbeRefused { reason } => write!(
                formatter,
                "the event of the probe was refused, and so is every audited write; remove the \
                 reason: {reason}"
            ),
            Self::ProbeUnstamped => formatter.write_str(
                "the context of the probe did not arrive, so that events tell nobody's name; look \
                 for what resets the connections of this pool, and use \
                 `ContextScope::Transaction` behind a pooler that shares sessions",
            ),
            _ => Ok(()),
        }
    }

    /// The words of what only SQLite has.
    fn fmt_sqlite(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AttachedDatabase { database } => write!(
                formatter,
                "changes in the attached database `{database}` are not recorded; open it with a \
                 pool of its own"
            ),
            Self::ReplaceHidesDelete { table, trigger } => write!(
                formatter,
                "a REPLACE on `{table}` hides the row it removes, because the trigger `{trigger}` \
                 keeps recursive triggers off; write an upsert, or drop that trigger"
            ),
            _ => Ok(()),
        }
    }

    /// The words of what only PostgreSQL has.
    fn fmt_postgres(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EarlierTrigger { table, trigger } => write!(
                formatter,
                "the trigger `{trigger}` on `{table}` fires before those of the audit log; rename \
                 it to begin with a letter"
            ),
            Self::ForeignType { type_name, role } => write!(
                formatter,
                "the type `{type_name}` of an audited column belongs to the role `{role}`, which \
                 could give it a cast that runs with the rights of the audit log's owner; give \
                 the type to that owner"
            ),
            Self::FunctionDiffers { function } => write!(
                formatter,
                "the function `audit.{function}` is not the one of this version; run `migrate`"
            ),
            Self::JsonCast { type_name } => write!(
                formatter,
                "the cast of the type `{type_name}` to json runs with the rights of the audit \
                 log's owner; drop it, or let that role own nothing but the audit log"
            ),
            Self::LogAltered { trigger } => write!(
                formatter,
                "`{trigger}` on the audit log itself can change or drop events; drop it"
            ),
            Self::LogWritable { role } => write!(
                formatter,
                "the role `{role}` can write the audit log by itself, and so remove events; run \
                 the application with a role of its own, without rights on the audit tables"
            ),
            Self::SuperuserOwner { role } => write!(
                formatter,
                "the audit log or a function of it belongs to the superuser `{role}`; run \
                 `migrate` with a role of its own"
            ),
            Self::TruncateUnseen { table } => write!(
                formatter,
                "no trigger can see `{table}` truncated on this server; take the right to \
                 truncate it from the application"
            ),
            _ => Ok(()),
        }
    }
}
