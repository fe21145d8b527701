//! What a request did, taken back.

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
                why: error.to_string(),
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
