//! The pools that diesel-async knows, as one.
#![expect(clippy::unwrap_used, reason = "test code: a failure is a panic")]

use std::fmt::{Debug, Display};
use std::future::Future;
use std::ops::DerefMut;
use std::time::Duration;

use ::deadpool::managed::Timeouts;
use ::mobc::Manager;
use diesel_async::pooled_connection::{AsyncDieselConnectionManager, PoolError, bb8, deadpool};

/// A pool whose connections are `C`.
pub(crate) trait PoolOf<C>: Send + Sync + 'static {
    /// A connection out of it.
    type Held<'p>: DerefMut<Target = C> + Send;
    /// There is none to give.
    type Error: Debug + Display;

    /// Builds a pool of at most this many connections.
    fn build(
        manager: AsyncDieselConnectionManager<C>,
        connections: u32,
    ) -> impl Future<Output = Self> + Send;

    /// Takes a connection.
    fn take(&self) -> impl Future<Output = Result<Self::Held<'_>, Self::Error>> + Send;

    /// Takes a connection where one is idle.
    fn take_idle(&self) -> impl Future<Output = Option<Self::Held<'_>>> + Send;
}

impl<C> PoolOf<C> for deadpool::Pool<C>
where
    C: Send + 'static,
    AsyncDieselConnectionManager<C>: ::deadpool::managed::Manager<Type = C, Error = PoolError>,
{
    type Held<'p> = deadpool::Object<C>;
    type Error = deadpool::PoolError;

    async fn build(manager: AsyncDieselConnectionManager<C>, connections: u32) -> Self {
        let builder = deadpool::Pool::builder(manager);
        let connections = usize::try_from(connections).unwrap();
        builder.max_size(connections).build().unwrap()
    }

    async fn take(&self) -> Result<Self::Held<'_>, Self::Error> {
        self.get().await
    }

    async fn take_idle(&self) -> Option<Self::Held<'_>> {
        let at_once = Timeouts {
            wait: Some(Duration::ZERO),
            ..Timeouts::default()
        };
        self.timeout_get(&at_once).await.ok()
    }
}

impl<C> PoolOf<C> for bb8::Pool<C>
where
    C: Send + 'static,
    AsyncDieselConnectionManager<C>: ::bb8::ManageConnection<Connection = C, Error = PoolError>,
{
    type Held<'p> = bb8::PooledConnection<'p, C>;
    type Error = bb8::RunError;

    async fn build(manager: AsyncDieselConnectionManager<C>, connections: u32) -> Self {
        let builder = bb8::Pool::builder().max_size(connections);
        builder.build(manager).await.unwrap()
    }

    async fn take(&self) -> Result<Self::Held<'_>, Self::Error> {
        self.get().await
    }

    async fn take_idle(&self) -> Option<Self::Held<'_>> {
        match self.state().idle_connections {
            0 => None,
            _ => self.get().await.ok(),
        }
    }
}

impl<C, M> PoolOf<C> for ::mobc::Pool<M>
where
    C: Send + 'static,
    M: Manager<Connection = C, Error = PoolError> + From<AsyncDieselConnectionManager<C>>,
{
    type Held<'p> = ::mobc::Connection<M>;
    type Error = ::mobc::Error<PoolError>;

    async fn build(manager: AsyncDieselConnectionManager<C>, connections: u32) -> Self {
        let builder = ::mobc::Pool::builder().max_open(u64::from(connections));
        builder.build(M::from(manager))
    }

    async fn take(&self) -> Result<Self::Held<'_>, Self::Error> {
        self.get().await
    }

    async fn take_idle(&self) -> Option<Self::Held<'_>> {
        match self.state().await.idle {
            0 => None,
            _ => self.get().await.ok(),
        }
    }
}
