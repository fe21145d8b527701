//! The words of findings, by what they are about.

use std::fmt;

use super::Finding;

impl Finding {
    /// The words of rules that do not fit.
    pub(super) fn fmt_rule(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
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
    pub(super) fn fmt_trigger(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
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

    /// The words of what keeps partitions from being complete.
    pub(super) fn fmt_partitions(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MonthsRunOut { end } => write!(
                formatter,
                "no month is made for events from {end} on, which then come together in one \
                 partition; run `audit partitions create`"
            ),
            Self::PartitionsUnfinished => formatter.write_str(
                "a change of the log's partitions was not ended, and writes can fail in two weeks; \
                 repeat it with `audit partitions convert`, or `create`",
            ),
            _ => Ok(()),
        }
    }

    /// The words of what the operator decides.
    pub(super) fn fmt_switch(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
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
    pub(super) fn fmt_probe(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
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
    pub(super) fn fmt_sqlite(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
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

    /// The words of what only MySQL and MariaDB have.
    pub(super) fn fmt_mysql(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CascadeLeaves {
                database,
                table,
                foreign_key,
            } => write!(
                formatter,
                "the foreign key `{foreign_key}` changes rows of `{database}.{table}`, and that \
                 database is not among the schemas of the settings; add it to them, or exclude \
                 `{database}.{table}`"
            ),
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
            Self::NotTransactional { table, engine } => write!(
                formatter,
                "`{table}` is kept by {engine}, which has no transactions, so that a change and \
                 its event can part; convert it to InnoDB"
            ),
            Self::TruncateAllowed { account } => write!(
                formatter,
                "the account or role `{account}` has the right DROP, with which it may TRUNCATE \
                 audited tables and drop partitions of them, and no trigger sees that; run the \
                 application without that right"
            ),
            _ => Ok(()),
        }
    }

    /// The words of what only PostgreSQL has.
    pub(super) fn fmt_postgres(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
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
            Self::LargeObjects => formatter.write_str(
                "the database holds large objects, and no trigger can see them change; keep what is \
                 to be audited in columns of the type bytea",
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
