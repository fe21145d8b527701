//! What a pool is attached to, found again from the pool.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, PoisonError, RwLock, Weak};

use audit_adapter::Attachment;
use sqlx::{Database, Pool};

/// Pools have no place for user data, so attachments are found by the address of the pool's
/// options, which all clones of a pool share and which stays while any of them lives.
///
/// INVARIANT: the only strong references are held by hooks inside those options, and by executors
/// beside the pool. When the pool is gone, so is the attachment, and an address that is used again
/// finds nothing.
static ATTACHED: LazyLock<RwLock<HashMap<usize, Weak<Attachment>>>> =
    LazyLock::new(RwLock::default);

fn address<DB: Database>(pool: &Pool<DB>) -> usize {
    std::ptr::from_ref(pool.options()).addr()
}

pub(crate) fn remember<DB: Database>(pool: &Pool<DB>, attachment: Weak<Attachment>) {
    let mut attached = ATTACHED.write().unwrap_or_else(PoisonError::into_inner);
    attached.retain(|_, known| known.strong_count() > 0);
    attached.insert(address(pool), attachment);
}

/// The attachment of a pool, or an error that says how to get one.
pub(crate) fn find<DB: Database>(pool: &Pool<DB>) -> Result<Arc<Attachment>, sqlx::Error> {
    let attached = ATTACHED.read().unwrap_or_else(PoisonError::into_inner);
    attached
        .get(&address(pool))
        .and_then(Weak::upgrade)
        .ok_or_else(|| sqlx::Error::Configuration(Box::new(NotAttached)))
}

/// A pool that was not built by `attach`: what a `sqlx::Error::Configuration` of this crate holds.
#[derive(Debug, thiserror::Error)]
#[error(
    "this pool is not attached to an audit; open it with the `attach(options, &audit)` of the adapter that it is used through, such as `audit_seaorm::attach` or `audit_sqlx::attach`"
)]
#[non_exhaustive]
pub struct NotAttached;
