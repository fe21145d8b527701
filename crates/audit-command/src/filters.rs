//! The filters of the log as flags.

use audit_core::{ActorKind, DataClass, Operation, Outcome, Severity, Source, UnknownWord};
use audit_store::LogQuery;
use clap::Args;
use uuid::Uuid;

/// Which events. Of a flag that is given several times any value will do; all flags must hold.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Filters")]
pub(crate) struct Filters {
    /// At or after a time: `90m`, `24h`, `30d`, `2w`, `3mo`, `1y`, `yesterday`, `monday`,
    /// `2026-01-31`, `2026-01-31T09:00:00Z`
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Before a time
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Of a table
    #[arg(long, value_name = "NAME")]
    table: Vec<String>,
    /// Of tables of a schema
    #[arg(long, value_name = "NAME")]
    schema: Vec<String>,
    /// Of a record, under its present or its previous id
    #[arg(long, value_name = "ID")]
    record: Vec<String>,
    /// That gave a record with this id another one
    #[arg(long, value_name = "ID")]
    previous_record: Vec<String>,
    /// Of an actor
    #[arg(long, value_name = "ID")]
    actor: Vec<String>,
    /// Of a kind of actors: user, service, system, anonymous, unknown
    #[arg(long, value_name = "KIND")]
    actor_kind: Vec<ActorKind>,
    /// Done for a party
    #[arg(long, value_name = "ID")]
    on_behalf_of: Vec<String>,
    /// Of a tenant
    #[arg(long, value_name = "ID")]
    tenant: Vec<String>,
    /// Of an operation: insert, update, delete, truncate, select, ddl, custom
    #[arg(long, value_name = "WORD", value_parser = operation)]
    operation: Vec<Operation>,
    /// With a business verb
    #[arg(long, value_name = "VERB")]
    action: Vec<String>,
    /// That ended so: success, failure, denied
    #[arg(long, value_name = "WORD")]
    outcome: Vec<Outcome>,
    /// Of a severity: low, medium, high, critical
    #[arg(long, value_name = "WORD")]
    severity: Vec<Severity>,
    /// Of a class of data: public, internal, confidential, restricted
    #[arg(long, value_name = "WORD")]
    data_class: Vec<DataClass>,
    /// Evidence for a regime; with several, for all of them
    #[arg(long, value_name = "NAME")]
    compliance: Vec<String>,
    /// With a label
    #[arg(long, value_name = "TEXT")]
    label: Vec<String>,
    /// Of a service
    #[arg(long, value_name = "NAME")]
    service: Vec<String>,
    /// Of an environment
    #[arg(long, value_name = "NAME")]
    environment: Vec<String>,
    /// Written by a part of the system: trigger, manual, inline, lane, wal
    #[arg(long, value_name = "WORD")]
    source: Vec<Source>,
    /// Of a request
    #[arg(long, value_name = "ID")]
    request: Vec<String>,
    /// Of a route
    #[arg(long, value_name = "ROUTE")]
    route: Vec<String>,
    /// Of a trace
    #[arg(long, value_name = "ID")]
    trace: Vec<String>,
    /// Of a job
    #[arg(long, value_name = "NAME")]
    job: Vec<String>,
    /// Of a database transaction
    #[arg(long, value_name = "ID")]
    transaction: Vec<String>,
    /// Updates that changed a column; with several, all of them
    #[arg(long, value_name = "COLUMN")]
    changed: Vec<String>,
    /// With a field that meets a condition, such as 'after.status = "paid"'; with several, all
    #[arg(long = "where", value_name = "CONDITION")]
    conditions: Vec<String>,
    /// With a text inside the label, the description, the record id or a value; with several, all
    #[arg(long, value_name = "TEXT")]
    search: Vec<String>,
    /// This event
    #[arg(long, visible_alias = "event", value_name = "ID")]
    id: Vec<Uuid>,
}

/// An operation, in either case.
fn operation(word: &str) -> Result<Operation, UnknownWord> {
    word.to_ascii_uppercase().parse()
}

/// Expands to a query that is narrowed by each flag that was given.
macro_rules! narrowed {
    ($query:expr, $filters:expr, $($name:ident),+ $(,)?) => {{
        let mut query: LogQuery = $query;
        $(if !$filters.$name.is_empty() {
            query = query.$name($filters.$name.clone());
        })+
        query
    }};
}

impl Filters {
    /// The query.
    pub(crate) fn query(&self) -> LogQuery {
        let mut query = self.where_from(self.of_what(LogQuery::new()));
        if let Some(time) = &self.since {
            query = query.since(time);
        }
        if let Some(time) = &self.until {
            query = query.until(time);
        }
        for column in &self.changed {
            query = query.changed(column);
        }
        for condition in &self.conditions {
            query = query.filter(condition.as_str());
        }
        for text in &self.search {
            query = query.search(text);
        }
        query
    }

    /// Narrows to records, and to what was done.
    fn of_what(&self, query: LogQuery) -> LogQuery {
        narrowed!(
            query,
            self,
            action,
            compliance,
            data_class,
            id,
            label,
            operation,
            outcome,
            previous_record,
            record,
            schema,
            severity,
            table,
        )
    }

    /// Narrows to who did it, and from where.
    fn where_from(&self, query: LogQuery) -> LogQuery {
        narrowed!(
            query,
            self,
            actor,
            actor_kind,
            environment,
            job,
            on_behalf_of,
            request,
            route,
            service,
            source,
            tenant,
            trace,
            transaction,
        )
    }
}
