//! Statements of a connection whose pool captures inline.

use std::borrow::BorrowMut;
use std::sync::Arc;

use audit_capture::inline::{Inline as Planned, PlanCache, Rows, Spliced};
use audit_core::query::BoundQuery;
use audit_core::stamp::{Slot, Stamp};
use futures_util::{StreamExt, TryStreamExt};
use sqlx::{Database, Either};
use sqlx_core::ext::async_stream::{TryAsyncStream, Yielder};

use super::super::inline::{Inline, Staleness, names_an_unknown_table, of_events, staleness};
use super::super::refusal::InlineRefusal;
use super::super::run::{Answers, FirstRow};
use super::super::statement::Statement;
use super::AuditedConnection;
use crate::database::AuditDatabase;
use crate::session::in_failed_transaction;

type Answer<DB> = Either<<DB as Database>::QueryResult, <DB as Database>::Row>;

/// Whoever waits for the answers of a statement.
pub(in super::super) struct Caller<'y, DB: Database> {
    yielder: &'y Yielder<Answer<DB>>,
    has_answers: bool,
}

impl<DB: Database> Caller<'_, DB> {
    async fn answer(&mut self, answer: Answer<DB>) {
        self.has_answers = true;
        self.yielder.r#yield(answer).await;
    }

    /// Hands on what comes; rows that nobody called for are dropped.
    async fn answer_all(
        &mut self,
        mut answers: Answers<'_, DB>,
        rows: Rows,
    ) -> Result<(), sqlx::Error> {
        while let Some(answer) = answers.try_next().await? {
            if rows != Rows::Uncalled || answer.is_left() {
                self.answer(answer).await;
            }
        }
        Ok(())
    }
}

/// The answers of a statement on a connection that is taken when the first of them is asked for.
pub(in super::super) fn answers<'e, DB, C>(
    inline: Arc<Inline>,
    connection: impl Future<Output = Result<C, sqlx::Error>> + Send + 'e,
    statement: Statement<DB>,
) -> Answers<'e, DB>
where
    DB: AuditDatabase,
    C: BorrowMut<AuditedConnection<DB>> + Send + 'e,
{
    let stream = TryAsyncStream::new(move |yielder| async move {
        let mut held = connection.await?;
        let mut caller = Caller {
            yielder: &yielder,
            has_answers: false,
        };
        let connection: &mut AuditedConnection<DB> = held.borrow_mut();
        connection.run_inline(&inline, statement, &mut caller).await
    });
    stream.boxed()
}

/// The first row of the same; the others are waited for, as an error may follow.
pub(in super::super) fn first_row<DB: Database>(mut answers: Answers<'_, DB>) -> FirstRow<'_, DB> {
    Box::pin(async move {
        let mut first = None;
        while let Some(answer) = answers.try_next().await? {
            first = first.or(answer.right());
        }
        Ok(first)
    })
}

impl<DB: AuditDatabase> AuditedConnection<DB> {
    async fn run_inline(
        &mut self,
        inline: &Inline,
        statement: Statement<DB>,
        caller: &mut Caller<'_, DB>,
    ) -> Result<(), sqlx::Error> {
        self.check_out().await?;
        self.refresh(inline).await?;
        let planned = self.plan(inline, statement.text()).await?;
        let is_alone = self.depth == 0 && matches!(*planned, Planned::Spliced(_));
        let copy = is_alone.then(|| statement.copy()).flatten();
        let ran = self.run_planned(inline, &planned, statement, caller).await;
        match (ran, copy) {
            (Err(error), Some(copy)) if !caller.has_answers => {
                Box::pin(self.run_once_more(inline, copy, caller, error)).await
            }
            (Err(error), _) => {
                if staleness(&error) == Some(Staleness::Plan) && inline.may_look() {
                    inline.expire();
                }
                Err(error)
            }
            (done, _) => done,
        }
    }

    /// Reads the catalog where it has become old.
    pub(super) async fn refresh(&mut self, inline: &Inline) -> Result<(), sqlx::Error> {
        match self.depth == 0 && inline.takes_turn() {
            // Apart, as hardly any statement has the turn.
            true => Box::pin(self.take_turn(inline)).await,
            false => Ok(()),
        }
    }

    async fn take_turn(&mut self, inline: &Inline) -> Result<(), sqlx::Error> {
        match self.is_outside_a_transaction().await? {
            true => inline
                .read_again::<DB>(&mut self.connection)
                .await
                .map(drop),
            false => {
                inline.expire();
                Ok(())
            }
        }
    }

    /// Whether the next statement is a transaction of its own.
    async fn is_outside_a_transaction(&mut self) -> Result<bool, sqlx::Error> {
        if self.depth > 0 {
            return Ok(false);
        }
        match DB::is_outside_a_transaction(&mut self.connection).await {
            Err(error) if in_failed_transaction(&error) => Ok(false),
            answer => answer,
        }
    }

    /// What is to run. A table that is not known may be new.
    async fn plan(&mut self, inline: &Inline, text: &str) -> Result<Arc<Planned>, sqlx::Error> {
        if !DB::keeps_context(text) {
            // It may roll back, or change, what was read in this transaction.
            self.plans = None;
        }
        let mut planned = self.plans(inline).plan(text);
        if names_an_unknown_table(&planned) && inline.may_look() {
            Box::pin(self.look_again(inline)).await?;
            planned = self.plans(inline).plan(text);
        }
        planned.map_err(|reason| InlineRefusal::from(reason).into())
    }

    fn plans(&self, inline: &Inline) -> Arc<PlanCache> {
        self.plans.clone().unwrap_or_else(|| inline.plans())
    }

    /// Reads the catalog again. What a transaction sees may be its own, so that nobody else plans by it.
    async fn look_again(&mut self, inline: &Inline) -> Result<(), sqlx::Error> {
        if self.depth > 0 {
            inline.expire();
            self.plans = inline.read_aside::<DB>(&mut self.connection).await?;
        } else if self.is_outside_a_transaction().await? {
            inline.read_again::<DB>(&mut self.connection).await?;
        } else {
            inline.expire();
        }
        Ok(())
    }

    async fn run_planned(
        &mut self,
        inline: &Inline,
        planned: &Planned,
        statement: Statement<DB>,
        caller: &mut Caller<'_, DB>,
    ) -> Result<(), sqlx::Error> {
        match planned {
            Planned::AsIs => self.run_as_it_is(statement, caller).await,
            Planned::Spliced(spliced) => self.run_spliced(inline, spliced, statement, caller).await,
            Planned::Uncaptured { event, .. } => {
                if inline.needs_context() {
                    refuse_without_actor(&self.attachment.current_stamp())?;
                }
                inline.count_uncaptured();
                match event {
                    None => self.run_as_it_is(statement, caller).await,
                    Some(event) => Box::pin(self.run_recorded(event, statement, caller)).await,
                }
            }
        }
    }

    async fn run_as_it_is(
        &mut self,
        statement: Statement<DB>,
        caller: &mut Caller<'_, DB>,
    ) -> Result<(), sqlx::Error> {
        let keeps_context = DB::keeps_context(statement.text());
        let connection = self.ready_for(keeps_context).await?;
        let answers = DB::fetch_many(connection, statement);
        caller.answer_all(answers, Rows::Given).await
    }

    // The context is among its binds: what the connection carries does not matter.
    async fn run_spliced(
        &mut self,
        inline: &Inline,
        spliced: &Spliced,
        statement: Statement<DB>,
        caller: &mut Caller<'_, DB>,
    ) -> Result<(), sqlx::Error> {
        let stamp = self.attachment.current_stamp();
        if spliced.needs_context() {
            refuse_without_actor(&stamp)?;
        }
        let key = spliced.needs_key().then(|| inline.key());
        let statement = statement.spliced(spliced, std::iter::once(stamp.joined()).chain(key))?;
        let answers = DB::fetch_many(&mut self.connection, statement);
        let ran = caller.answer_all(answers, spliced.rows()).await;
        ran.map_err(|error| of_events(error, spliced))
    }

    /// Runs a statement together with the event that tells of it.
    async fn run_recorded(
        &mut self,
        event: &BoundQuery,
        statement: Statement<DB>,
        caller: &mut Caller<'_, DB>,
    ) -> Result<(), sqlx::Error> {
        let statement = statement.bound()?;
        let answers = if self.is_outside_a_transaction().await? {
            let mut transaction = self.begin().await?;
            let answers = transaction.run_behind(event, statement).await?;
            transaction.commit().await?;
            answers
        } else {
            self.run_behind(event, statement).await?
        };
        for answer in answers {
            caller.answer(answer).await;
        }
        Ok(())
    }

    // A statement that the server refuses takes its event with it, as the transaction has failed then. For
    // every other end of it nobody knows whether it ran, and the transaction must not be committed.
    async fn run_behind(
        &mut self,
        event: &BoundQuery,
        statement: Statement<DB>,
    ) -> Result<Vec<Answer<DB>>, sqlx::Error> {
        let keeps_context = DB::keeps_context(statement.text());
        self.ready_for(true).await?;
        if !keeps_context {
            self.carried.forget();
        }
        self.is_interrupted = true;
        let connection = &mut self.connection;
        let ran = match DB::texts(connection, event).await {
            Ok(_) => DB::fetch_many(connection, statement).try_collect().await,
            Err(error) => Err(error),
        };
        self.is_interrupted = matches!(&ran, Err(error) if error.as_database_error().is_none());
        ran
    }

    /// Runs a statement again that failed and did nothing, where its plan was that of other tables.
    async fn run_once_more(
        &mut self,
        inline: &Inline,
        statement: Statement<DB>,
        caller: &mut Caller<'_, DB>,
        error: sqlx::Error,
    ) -> Result<(), sqlx::Error> {
        let Some(staleness) = staleness(&error).filter(|_| inline.may_look()) else {
            return Err(error);
        };
        if !self.is_outside_a_transaction().await? {
            inline.expire();
            return Err(error);
        }
        let is_another = inline.read_again::<DB>(&mut self.connection).await?;
        if staleness == Staleness::Prepared {
            DB::forget_prepared(&mut self.connection).await?;
        } else if !is_another {
            return Err(error);
        }
        let planned = inline.plans().plan(statement.text());
        let planned = planned.map_err(InlineRefusal::from)?;
        self.run_planned(inline, &planned, statement, caller).await
    }
}

fn refuse_without_actor(stamp: &Stamp) -> Result<(), sqlx::Error> {
    match stamp.get(Slot::ActorKind) {
        Some(_) => Ok(()),
        None => Err(InlineRefusal::MissingContext.into()),
    }
}
