//! Which index of the log leads to the events of a query.

use crate::query::filter::Filter;
use crate::query::{BoundQuery, LogQuery};
use crate::schema::LOG_TABLE;
use crate::vocabulary::{Dialect, LogIndex};

/// The opt-in indexes, beginning with the one that leads to the fewest events.
const INDEXES: [LogIndex; 5] = [
    LogIndex::Transaction,
    LogIndex::Request,
    LogIndex::Actor,
    LogIndex::Action,
    LogIndex::Tenant,
];

impl LogIndex {
    /// Its name in the database.
    #[must_use]
    pub fn name(self) -> String {
        format!("{LOG_TABLE}_{self}")
    }

    /// The column by which a query has to ask for the index to lead to its events.
    #[must_use]
    pub fn column(self) -> &'static str {
        match self {
            Self::Action => "action",
            Self::Actor => "actor_id",
            Self::Request => "request_id",
            Self::Tenant => "tenant_id",
            Self::Transaction => "transaction_id",
        }
    }

    /// Which events it leads to, in words.
    #[must_use]
    pub fn leads_to(self) -> String {
        format!("events by `{}`", self.column())
    }
}

impl LogQuery {
    /// The opt-in indexes that lead to the events of this query, the best one first; none where an
    /// index that every log has leads to them (records with their table, and ids), and none where no
    /// index would.
    ///
    /// Whatever the query, the primary key gives events in the order of time: without one of these
    /// the database reads backwards from the newest one until the limit is reached, which may be
    /// all of the log.
    #[must_use]
    pub fn opt_in_indexes(&self) -> Vec<LogIndex> {
        let has = |column: &str| {
            let is_it =
                |filter: &Filter| matches!(filter, Filter::OneOf(name, _) if *name == column);
            self.filters.iter().any(is_it)
        };
        // The indexes of records begin with the table.
        let leads = |filter: &Filter| match filter {
            Filter::Id(_) => true,
            Filter::Record(_) => has("table_name"),
            _ => false,
        };
        if self.filters.iter().any(leads) {
            return Vec::new();
        }
        let is_of = |index: &LogIndex| has(index.column());
        INDEXES.into_iter().filter(is_of).collect()
    }
}

/// The statement that gives the names of the indexes of the log, a row each.
#[must_use]
pub fn index_names(dialect: Dialect) -> BoundQuery {
    BoundQuery::plain(match dialect {
        Dialect::Postgres => {
            "SELECT indexname::text FROM pg_catalog.pg_indexes \
             WHERE schemaname = 'audit' AND tablename = 'audit_logs'"
        }
        Dialect::MySql => {
            "SELECT DISTINCT CONVERT(index_name USING utf8mb4) FROM information_schema.statistics \
             WHERE table_schema = DATABASE() AND table_name = 'audit_logs'"
        }
        Dialect::Sqlite => {
            "SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'audit_logs'"
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_of_the_fewest_events_comes_first() {
        let query = LogQuery::new().tenant("acme").actor("ann").request("r-1");
        assert_eq!(
            query.opt_in_indexes(),
            [LogIndex::Request, LogIndex::Actor, LogIndex::Tenant]
        );
    }

    #[test]
    fn a_record_and_a_list_need_none() {
        let record = LogQuery::new().table("users").record("1").actor("ann");
        assert_eq!(record.opt_in_indexes(), []);
        let list = LogQuery::new().table("users").since("1d");
        assert_eq!(list.opt_in_indexes(), []);
    }

    #[test]
    fn a_record_without_its_table_is_found_by_no_index_of_records() {
        let record = LogQuery::new().record("1");
        assert_eq!(record.opt_in_indexes(), []);
        let of_actor = record.actor("ann");
        assert_eq!(of_actor.opt_in_indexes(), [LogIndex::Actor]);
        let of_table = of_actor.table("users");
        assert_eq!(of_table.opt_in_indexes(), []);
    }
}
