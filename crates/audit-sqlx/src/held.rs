//! A connection of a pool that work of ours holds.

use std::ops::{Deref, DerefMut};

use sqlx::pool::PoolConnection;
use sqlx::{Database, Pool};

use crate::database::ConnectionOf;

/// A connection that is closed unless it is given back: what a dropped future leaves half done, or
/// half read, reaches nobody.
pub(crate) struct Held<DB: Database> {
    connection: PoolConnection<DB>,
    is_done: bool,
}

impl<DB: Database> Held<DB> {
    pub(crate) async fn acquire(pool: &Pool<DB>) -> Result<Self, sqlx::Error> {
        Ok(Self {
            connection: pool.acquire().await?,
            is_done: false,
        })
    }

    pub(crate) fn give_back(mut self) {
        self.is_done = true;
    }
}

impl<DB: Database> Deref for Held<DB> {
    type Target = ConnectionOf<DB>;

    fn deref(&self) -> &Self::Target {
        &self.connection
    }
}

impl<DB: Database> DerefMut for Held<DB> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.connection
    }
}

impl<DB: Database> Drop for Held<DB> {
    fn drop(&mut self) {
        if !self.is_done {
            self.connection.close_on_drop();
        }
    }
}
