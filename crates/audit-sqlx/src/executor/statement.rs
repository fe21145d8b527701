//! A statement on its way from the application to sqlx.

use std::fmt;

use std::sync::Arc;

use audit_capture::inline::Spliced;
use sqlx::error::BoxDynError;
use sqlx::{Arguments, AssertSqlSafe, Database, Execute, SqlSafeStr, SqlStr};

use super::refusal::InlineRefusal;
use super::run::Run;

/// What the application runs. Every statement of the executors is one: a place to see its text, and
/// the only one in which another takes it.
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

    /// The same, once its values could be bound.
    pub(super) fn bound(self) -> Result<Self, sqlx::Error> {
        let arguments = self.arguments.map_err(sqlx::Error::Encode)?;
        let arguments = Ok(arguments);
        Ok(Self { arguments, ..self })
    }
}

impl<DB: Run> Statement<DB> {
    /// The same once more; none where its values could not be bound.
    pub(super) fn copy(&self) -> Option<Self> {
        let arguments = self.arguments.as_ref().ok()?;
        Some(Self {
            text: self.text.clone(),
            arguments: Ok(arguments.as_ref().map(DB::copy_arguments)),
            prepared: self.prepared.clone(),
            is_persistent: self.is_persistent,
        })
    }

    /// The statement that takes the place of this one, with texts bound behind its own values. One without
    /// values is prepared as well; what the application prepared has other columns and is not handed on.
    pub(super) fn spliced<'t>(
        self,
        spliced: &Spliced,
        texts: impl Iterator<Item = &'t str>,
    ) -> Result<Self, sqlx::Error> {
        let arguments = self.arguments.map_err(sqlx::Error::Encode)?;
        let mut arguments = arguments.unwrap_or_default();
        let (binds, parameters) = (arguments.len(), spliced.parameters());
        if binds != parameters {
            return Err(InlineRefusal::Binds { binds, parameters }.into());
        }
        for text in texts {
            DB::bind_text(&mut arguments, text).map_err(sqlx::Error::Encode)?;
        }
        Ok(Self {
            text: AssertSqlSafe(Arc::clone(spliced.text())).into_sql_str(),
            arguments: Ok(Some(arguments)),
            prepared: None,
            is_persistent: self.is_persistent,
        })
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
