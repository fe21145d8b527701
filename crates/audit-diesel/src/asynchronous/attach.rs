//! A manager whose pool puts the context on the connections that it hands out.

use std::fmt;
use std::sync::Arc;

use audit_adapter::{Attachment, ContextScope, prepare};
use audit_core::Audit;
use diesel::result::{ConnectionError, Error};
use diesel::{ConnectionResult, QueryResult};
use diesel_async::pooled_connection::{
    AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod, SetupCallback,
};
use diesel_async::{SimpleAsyncConnection as _, TransactionManager as _};
use futures_core::future::BoxFuture;

use super::database::AsyncAuditConnection;
use super::database::sealed::Capture as _;
use super::session::Session;
use crate::blocking::{AttachError, initialize, unreadable};

/// A manager under construction; see [`attach`].
#[must_use = "call `manager` or `config`"]
pub struct Attach<C> {
    config: ManagerConfig<C>,
    audit: Audit,
    scope: ContextScope,
}

impl<C> fmt::Debug for Attach<C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Attach")
            .field("audit", &self.audit)
            .finish_non_exhaustive()
    }
}

/// Builds a manager of diesel-async whose connections carry the audit context of whoever has taken
/// them out of the pool. Pool and connections are diesel-async's own types.
///
/// The `custom_setup` of the configuration runs before ours, and a recycling method of your own
/// after ours. The stamp stands in for the ping of `RecyclingMethod::Fast` and `Verified`.
pub fn attach<C: AsyncAuditConnection>(config: ManagerConfig<C>, audit: &Audit) -> Attach<C> {
    Attach {
        config,
        audit: audit.clone(),
        scope: ContextScope::default(),
    }
}

impl<C: AsyncAuditConnection> Attach<C> {
    /// How long the context stays on a connection. [`ContextScope::Transaction`] is for PostgreSQL
    /// alone.
    pub fn context_scope(mut self, scope: ContextScope) -> Self {
        self.scope = scope;
        self
    }

    /// The manager for a URL, for the pool of your choice.
    ///
    /// # Errors
    /// As [`Attach::config`].
    pub fn manager(
        self,
        url: impl Into<String>,
    ) -> Result<AsyncDieselConnectionManager<C>, AttachError> {
        let config = self.config()?;
        Ok(AsyncDieselConnectionManager::new_with_config(url, config))
    }

    /// The configuration, for a manager of your own making.
    ///
    /// # Errors
    /// [`AttachError::Functions`] when SQLite cannot take our functions;
    /// [`AttachError::NoTransactionScope`] when the database has no context that ends with a
    /// transaction.
    pub fn config(self) -> Result<ManagerConfig<C>, AttachError> {
        initialize(Some(C::Raw::DIALECT))?;
        AttachError::refuse_scope(Some(C::Raw::DIALECT), self.scope)?;
        let attachment = Arc::new(Attachment::new(&self.audit, self.scope));
        let mut config = ManagerConfig::default();
        config.custom_setup = setup(self.config.custom_setup, Arc::clone(&attachment));
        config.recycling_method = recycle(self.config.recycling_method, attachment);
        Ok(config)
    }
}

/// Opens a connection as the user would, and makes it ready.
fn setup<C: AsyncAuditConnection>(
    user: SetupCallback<C>,
    attachment: Arc<Attachment>,
) -> SetupCallback<C> {
    Box::new(move |url| {
        let opening = user(url);
        let attachment = Arc::clone(&attachment);
        Box::pin(async move { ready(opening.await?, &attachment).await })
    })
}

async fn ready<C: AsyncAuditConnection>(
    mut connection: C,
    attachment: &Arc<Attachment>,
) -> ConnectionResult<C> {
    let prepared = prepare(&mut Session(connection.raw()), attachment).await;
    let prepared = prepared.map_err(unreadable);
    prepared.map_err(ConnectionError::CouldntSetupConfiguration)?;
    let stamped = check_out(&mut connection, attachment).await;
    stamped.map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}

/// Stamps a connection that comes out of the pool; then does what the user asks for.
fn recycle<C: AsyncAuditConnection>(
    user: RecyclingMethod<C>,
    attachment: Arc<Attachment>,
) -> RecyclingMethod<C> {
    let user = Arc::new(user);
    RecyclingMethod::CustomFunction(Box::new(move |connection| {
        let (attachment, user) = (Arc::clone(&attachment), Arc::clone(&user));
        Box::pin(async move {
            // A pool that looks at this when a connection comes back hands out none of these.
            if C::TransactionManager::is_broken_transaction_manager(connection) {
                return Err(Error::AlreadyInTransaction);
            }
            check_out(connection, &attachment).await?;
            match &*user {
                RecyclingMethod::Fast | RecyclingMethod::Verified => Ok(()),
                RecyclingMethod::CustomQuery(query) => connection.batch_execute(query).await,
                RecyclingMethod::CustomFunction(function) => function(connection).await,
            }
        })
    }))
}

fn check_out<'c, C: AsyncAuditConnection>(
    connection: &'c mut C,
    attachment: &'c Arc<Attachment>,
) -> BoxFuture<'c, QueryResult<()>> {
    Box::pin(async move {
        let puts_on = attachment.scope() == ContextScope::Connection;
        let stamp = puts_on.then(|| attachment.current_stamp());
        match &stamp {
            Some(stamp) => connection.raw().check_out(attachment, stamp).await?,
            None => connection.raw().batch_execute("SELECT 1").await?,
        }
        connection.attached(attachment, stamp);
        Ok(())
    })
}
