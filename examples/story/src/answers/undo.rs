//! What a request did, taken back.

use std::error::Error;

use audit_core::query::LogQuery;
use audit_core::{LogReader, RowWriter, context};
use audit_store::{StoreError, Trail, UndoError, UndoPlan, UndoStep, Undone};
use serde::Serialize;

use crate::Refusal;

/// What it takes to take a request back, and what stands against it.
#[derive(Debug, Serialize)]
pub struct Plan {
    /// Whose changes are taken back.
    request_id: String,
    /// What becomes of each record, in this order.
    steps: Vec<UndoStep>,
    /// Events that nothing can take back, in words.
    obstacles: Vec<String>,
    /// Whether nothing stands against it.
    is_clear: bool,
    /// What was done; absent of a plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    undone: Option<Undone>,
}

/// A request that is to be taken back. Nothing is done before [`Undo::apply`].
#[derive(Debug)]
pub struct Undo {
    request_id: String,
    plan: UndoPlan,
}

impl Undo {
    /// Plans it: reads what the request did, and the rows as they are.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when the log knows no change of such a request; when the log fails.
    pub async fn of<R, E>(trail: &mut Trail<R>, request_id: String) -> Result<Self, E>
    where
        R: LogReader,
        E: From<Refusal> + From<StoreError<R::Error>>,
    {
        let query = LogQuery::new().request(request_id.as_str());
        let plan = trail.plan_undo(&query).await?;
        if plan.steps().is_empty() && plan.obstacles().is_empty() {
            return Err(Refusal::NotFound.into());
        }
        Ok(Self { request_id, plan })
    }

    /// The plan, to look at.
    #[must_use]
    pub fn plan(self) -> Plan {
        self.told(None)
    }

    /// Does it, in the caller's transaction, as whoever asks for it. The changes are events of the
    /// request that asks, by whose id they can be taken back in turn.
    ///
    /// # Errors
    /// [`Refusal::Undo`] when something stands against it, and nothing was done; when the database
    /// fails, and the transaction is to be rolled back.
    pub async fn apply<W, E>(self, reason: Option<String>, writer: &mut W) -> Result<Plan, E>
    where
        W: RowWriter,
        E: From<Refusal> + From<W::Error>,
    {
        let mut who = context::current().unwrap_or_default();
        who = who.with_action("audit.undo");
        if let Some(reason) = reason {
            who = who.with_reason(reason);
        }
        match who.scope(self.plan.apply(writer)).await {
            Ok(undone) => Ok(self.told(Some(undone))),
            Err(UndoError::Refused { source, .. }) => Err(source.into()),
            Err(error) => Err(Refusal::Undo {
                why: why(&error),
                plan: Box::new(self.told(None)),
            }
            .into()),
        }
    }

    fn told(self, undone: Option<Undone>) -> Plan {
        let obstacles = self.plan.obstacles().iter().map(ToString::to_string);
        Plan {
            request_id: self.request_id,
            steps: self.plan.steps().to_vec(),
            obstacles: obstacles.collect(),
            is_clear: self.plan.is_clear(),
            undone,
        }
    }
}

/// Why nothing was done, and what to do about it, for a caller who has no choice of what is skipped.
fn why<E: Error + 'static>(error: &UndoError<E>) -> String {
    match error {
        UndoError::Conflicts { count } => format!(
            "something stands against {count} of the records, as the plan tells; put that in order and send the \
             request again"
        ),
        UndoError::Missing { count } => format!(
            "the log does not hold values of {count} of the records, as the plan tells; nothing was taken back"
        ),
        UndoError::Obstacles { count } => format!(
            "{count} of the events cannot be taken back, as the plan tells; nothing was taken back"
        ),
        UndoError::Stale {
            table_name,
            record_id,
        } => format!(
            "record `{record_id}` of `{table_name}` was changed while this was planned; send the request again"
        ),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_against_an_undo_says_what_a_caller_can_do() {
        let told = |error: UndoError<std::io::Error>| why(&error);
        let stale = told(UndoError::Stale {
            table_name: "invoices".to_owned(),
            record_id: "7".to_owned(),
        });
        assert_eq!(
            stale,
            "record `7` of `invoices` was changed while this was planned; send the request again"
        );
        for text in [
            told(UndoError::Conflicts { count: 2 }),
            told(UndoError::Missing { count: 2 }),
            told(UndoError::Obstacles { count: 2 }),
        ] {
            assert!(text.contains("as the plan tells"), "{text}");
            // There is nothing of that to choose here.
            assert!(
                !text.contains("skip") && !text.contains("selection"),
                "{text}"
            );
        }
    }
}
