//! Which index a query waits for.

use std::fmt;

use audit_core::query::{LogQuery, index_names};
use audit_core::{LogIndex, LogReader};

use crate::error::StoreError;
use crate::trail::Trail;

/// An index that would lead to the events of a query, and that the log does not have: without it
/// the database may read all of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct MissingIndex {
    /// The index; `AuditBuilder::index` asks for it, `migrate` makes it.
    pub index: LogIndex,
}

impl fmt::Display for MissingIndex {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "no index leads to these events, so all of the log may be read; ask for the index \
             `{}` in the rules and migrate",
            self.index
        )
    }
}

impl<R: LogReader, S: Send> Trail<R, S> {
    /// The index that a query waits for; `None` where the log has one that leads to its events, or
    /// none could. The database is asked where the query is one that an opt-in index leads to.
    ///
    /// # Errors
    /// [`StoreError::Log`] when the database fails.
    pub async fn missing_index(
        &mut self,
        query: &LogQuery,
    ) -> Result<Option<MissingIndex>, StoreError<R::Error>> {
        let query = self.within(query);
        self.index_missing_for(&query).await
    }

    /// The same for a query that is within this trail.
    pub(crate) async fn index_missing_for(
        &mut self,
        query: &LogQuery,
    ) -> Result<Option<MissingIndex>, StoreError<R::Error>> {
        let wanted = query.opt_in_indexes();
        let Some(best) = wanted.first() else {
            return Ok(None);
        };
        let rows = self.texts(Ok(index_names(self.dialect()))).await?;
        let mut names = rows.iter().flatten().flatten();
        let has_one = names.any(|name| wanted.iter().any(|index| *name == index.name()));
        Ok((!has_one).then_some(MissingIndex { index: *best }))
    }
}
