//! The connections of each database.

use diesel::result::{ConnectionError, Error};
use diesel::{ConnectionResult, QueryResult, SqliteConnection};
use diesel_async::pooled_connection::AsyncDieselConnectionManager;
use diesel_async::sync_connection_wrapper::SyncConnectionWrapper;
use diesel_async::{
    AnsiTransactionManager, AsyncConnection as _, AsyncMysqlConnection, AsyncPgConnection,
    RunQueryDsl as _, SimpleAsyncConnection as _,
};
use futures_util::future::BoxFuture;
use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::Connection;
use crate::adapter::diesel::{Connection as _, Told, open_by_hand};
use crate::engine::Call;
use crate::variant::Variant;
use crate::{mysql, postgres};

impl Connection for SyncConnectionWrapper<SqliteConnection> {
    type Statement = Call;
    type Manager = AsyncDieselConnectionManager<Self>;

    fn open(url: &str, variant: Variant) -> BoxFuture<'_, ConnectionResult<Self>> {
        if !variant.has_hand_hooks() {
            return Box::pin(Self::establish(url));
        }
        let url = url.to_owned();
        let opening = spawn_blocking(move || open_by_hand(&url, variant));
        Box::pin(async move {
            let opened = opening.await;
            let opened = opened.map_err(|error| ConnectionError::BadConnection(error.to_string()));
            Ok(Self::new(opened??))
        })
    }

    fn stamp(&mut self, text: String) -> BoxFuture<'_, QueryResult<()>> {
        self.spawn_blocking(move |connection| connection.stamp(&text))
    }
}

impl Connection for AsyncPgConnection {
    type Statement = Call;
    type Manager = AsyncDieselConnectionManager<Self>;

    fn stamp(&mut self, text: String) -> BoxFuture<'_, QueryResult<()>> {
        Box::pin(async move {
            self.batch_execute(&postgres::stamp_or_refuse_statement(&text))
                .await
        })
    }
}

impl Connection for AsyncMysqlConnection {
    type Statement = Call;
    type Manager = AsyncDieselConnectionManager<Self>;

    /// Over the network, as through the other libraries.
    fn open(url: &str, _variant: Variant) -> BoxFuture<'_, ConnectionResult<Self>> {
        let url = format!("{url}?prefer_socket=false");
        Box::pin(async move { Self::establish(&url).await })
    }

    fn stamp(&mut self, text: String) -> BoxFuture<'_, QueryResult<()>> {
        Box::pin(async move {
            let echo = Uuid::now_v7().simple().to_string();
            let call = mysql::stamp_and_tell_call(&text, echo.clone());
            let told: Told = call.get_result(self).await?;
            match told.is_idle(&echo) {
                true => Ok(()),
                false => Err(Error::AlreadyInTransaction),
            }
        })
    }

    fn begin_by_hand(&mut self) -> BoxFuture<'_, QueryResult<()>> {
        Box::pin(async move {
            AnsiTransactionManager::begin_transaction_sql(self, &mysql::begin_statement()).await
        })
    }
}
