//! A plan that is applied.

use std::collections::HashSet;

use audit_core::{RowWriter, context};

use super::order::Action;
use super::{OnConflict, UndoError, UndoPlan, UndoStep, Undone};

impl UndoPlan {
    /// Which of the steps are to be done.
    fn checked<E: std::error::Error>(&self) -> Result<Vec<bool>, UndoError<E>> {
        if !self.obstacles.is_empty() {
            return Err(UndoError::Obstacles {
                count: self.obstacles.len(),
            });
        }
        let stands = |step: &&UndoStep| match self.on_conflict {
            OnConflict::Skip => false,
            OnConflict::Overwrite => !step.can_be_forced(),
            OnConflict::Refuse => !step.conflicts.is_empty(),
        };
        let count = self.steps.iter().filter(stands).count();
        if count > 0 {
            return Err(UndoError::Conflicts { count });
        }
        let lacks = |step: &&UndoStep| self.does(step) && !step.missing.is_empty();
        let count = self.steps.iter().filter(lacks).count();
        if count > 0 && !self.leaves_missing {
            return Err(UndoError::Missing { count });
        }
        Ok(self.steps.iter().map(|step| self.does(step)).collect())
    }

    /// Whether a step is not skipped.
    fn does(&self, step: &UndoStep) -> bool {
        self.on_conflict != OnConflict::Skip || step.conflicts.is_empty()
    }

    /// Whether applying it, as it is told to, has all foreign keys looked at when the transaction ends, so
    /// that COMMIT may fail: on SQLite, where it changes records that refer to each other in a circle by columns
    /// that may not be NULL.
    #[must_use]
    pub fn defers_references(&self) -> bool {
        let is_done = |place: &usize| self.steps.get(*place).is_some_and(|step| self.does(step));
        let needing = self.defers.iter().flat_map(|(_, places)| places);
        needing.into_iter().any(is_done)
    }

    /// Does it, in the caller's transaction: each row is locked, looked at once more, and changed. The
    /// changes are events of their own, by the context of this task, that name in `reverts` those that
    /// they take back.
    ///
    /// The transaction must come from an attached connection, or nothing records the changes. On SQLite,
    /// where records refer to each other in a circle by columns that may not be NULL, all foreign keys are
    /// looked at when the transaction ends (`PRAGMA defer_foreign_keys`), those of the caller's own changes
    /// too: then it is COMMIT that fails.
    ///
    /// # Errors
    /// Before anything is changed: [`UndoError::Obstacles`], [`UndoError::Conflicts`] and
    /// [`UndoError::Missing`], unless the plan was told what to do with them. [`UndoError::Stale`] and
    /// [`UndoError::Refused`] leave the transaction to be rolled back.
    ///
    /// # Cancel safety
    /// None: roll the transaction back when the future is dropped.
    pub async fn apply<W: RowWriter>(&self, writer: &mut W) -> Result<Undone, UndoError<W::Error>> {
        let done = self.checked()?;
        let records = done.iter().filter(|done| **done).count();
        let mut undone = Undone {
            records,
            skipped: done.len() - records,
            differing: Vec::new(),
        };
        let who = context::current().unwrap_or_default();
        if let (Some((defers, _)), Some(step)) = (&self.defers, self.steps.first())
            && self.defers_references()
        {
            let deferred = writer.texts(defers).await;
            deferred.map_err(|source| step.refused(source))?;
        }
        let mut touched = HashSet::new();
        for action in &self.actions {
            let (Some(step), Some(true)) = (
                self.steps.get(action.place()),
                done.get(action.place()).copied(),
            ) else {
                continue;
            };
            let context = who.clone().with_reverts(&step.reverts);
            let stamped = context.scope(async { writer.stamp().await }).await;
            stamped.map_err(|source| step.refused(source))?;
            let is_first = touched.insert(action.place());
            let differing = self.act(*action, step, is_first, writer).await?;
            undone.differing.extend(differing);
        }
        if let Some(step) = self.steps.last() {
            let stamped = writer.stamp().await;
            stamped.map_err(|source| step.refused(source))?;
        }
        Ok(undone)
    }

    async fn act<W: RowWriter>(
        &self,
        action: Action,
        step: &UndoStep,
        is_first: bool,
        writer: &mut W,
    ) -> Result<Vec<(String, String, String)>, UndoError<W::Error>> {
        let Some(table) = self.tables.get(&step.table()) else {
            return Ok(Vec::new());
        };
        let dialect = writer.dialect();
        if is_first {
            let read = table.read(dialect, &step.key, &step.expected(), true);
            let rows = writer.texts(&read).await;
            let rows = rows.map_err(|source| step.refused(source))?;
            if !step.is_as_planned(rows.first()) {
                return Err(UndoError::Stale {
                    table_name: step.table_name.clone(),
                    record_id: step.record_id.clone(),
                });
            }
        }
        if let Some(write) = step.statement(action, table, dialect) {
            let written = writer.texts(&write).await;
            written.map_err(|source| step.refused(source))?;
        }
        if matches!(action, Action::Unlink(_) | Action::WithoutLinks(_)) {
            return Ok(Vec::new());
        }
        let key = step.key_then(table);
        let wanted = step.then.clone().unwrap_or_default();
        let read = table.read(dialect, &key, &wanted, false);
        let rows = writer.texts(&read).await;
        let rows = rows.map_err(|source| step.refused(source))?;
        Ok(step.differing(rows.first()))
    }
}
