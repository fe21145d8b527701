//! A manager of r2d2 with hooks written by hand: at checkout in the place of the ping, and at
//! release.

use diesel::r2d2::{ConnectionManager, Error, ManageConnection};

use super::{Connection, open_by_hand};
use crate::caller::STAMP;
use crate::variant::Variant;

pub(super) struct ByHand<C> {
    manager: ConnectionManager<C>,
    url: String,
    variant: Variant,
}

impl<C: Connection> ByHand<C> {
    pub(super) fn new(url: String, variant: Variant) -> Self {
        Self {
            manager: ConnectionManager::new(url.clone()),
            url,
            variant,
        }
    }
}

impl<C: Connection> ManageConnection for ByHand<C> {
    type Connection = C;
    type Error = Error;

    fn connect(&self) -> Result<C, Error> {
        open_by_hand(&self.url, self.variant).map_err(Error::ConnectionError)
    }

    fn is_valid(&self, connection: &mut C) -> Result<(), Error> {
        let stamp = STAMP.try_with(Clone::clone).unwrap_or_default();
        connection.stamp(&stamp).map_err(Error::QueryError)
    }

    fn has_broken(&self, connection: &mut C) -> bool {
        self.manager.has_broken(connection) || !matches!(connection.clear(), Ok(true))
    }
}
