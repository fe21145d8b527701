//! A statement on its way from the application to sqlx.

use std::fmt;

use sqlx::error::BoxDynError;
use sqlx::{Database, Execute, SqlStr};

/// What the application runs. Every statement of the executors is one: a place to see its text, and
/// the only one in which another could take it.
pub struct Statement<DB: Database> {
    text: SqlStr,
    arguments: Result<Option<DB::Arguments>, BoxDynError>,
    prepared: Option<DB::Statement>,
    is_persistent: bool,
}

// Its binds are nobody's business.
impl<DB: Database> fmt::Debug for Statement<DB> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Statement").finish_non_exhaustive()
    }
}

impl<DB: Database> Statement<DB> {
    pub(super) fn of<'q>(mut query: impl Execute<'q, DB>) -> Self {
        Self {
            arguments: query.take_arguments(),
            prepared: query.statement().cloned(),
            is_persistent: query.persistent(),
            text: query.sql(),
        }
    }

    pub(super) fn text(&self) -> &str {
        self.text.as_str()
    }
}

impl<DB: Database> Execute<'_, DB> for Statement<DB> {
    fn sql(self) -> SqlStr {
        self.text
    }

    fn statement(&self) -> Option<&DB::Statement> {
        self.prepared.as_ref()
    }

    fn take_arguments(&mut self) -> Result<Option<DB::Arguments>, BoxDynError> {
        std::mem::replace(&mut self.arguments, Ok(None))
    }

    fn persistent(&self) -> bool {
        self.is_persistent
    }
}
