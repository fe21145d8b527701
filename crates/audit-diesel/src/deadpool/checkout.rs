//! Whether a connection has the context of its checkout and no other was put on since.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

use audit_adapter::{Attachment, ContextScope, Until};
use audit_core::stamp::Stamp;
use diesel::QueryResult;

use crate::AnyConnection;

/// What the hooks of a pool did to a connection at its checkout.
#[derive(Debug, Clone)]
struct Checkout {
    attachment: Weak<Attachment>,
    scope: ContextScope,
    /// What was put on, while nothing else was.
    stamp: Option<Arc<Stamp>>,
}

impl Checkout {
    /// Whether the connection has the context of this thread, or is to have none.
    fn is_of_this_thread(&self) -> bool {
        let attachment = self.attachment.upgrade();
        let current = attachment.map(|attachment| attachment.current_stamp());
        self.scope == ContextScope::Transaction || (current.is_some() && current == self.stamp)
    }
}

/// The last checkouts, by where the connection is in memory: a pool of deadpool-diesel does not move it,
/// and has no place beside it.
// INVARIANT: a place that another connection has now only spares a message on one that no pool of ours
// made ready. Whatever puts a context on a connection notes that here.
static CHECKOUTS: LazyLock<Mutex<HashMap<usize, Checkout>>> = LazyLock::new(Mutex::default);

fn with<T>(work: impl FnOnce(&mut HashMap<usize, Checkout>) -> T) -> T {
    work(&mut CHECKOUTS.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Notes what the hooks put on a connection.
pub(super) fn note(
    connection: &mut dyn AnyConnection,
    attachment: &Arc<Attachment>,
    stamp: Option<Arc<Stamp>>,
) {
    let checkout = Checkout {
        attachment: Arc::downgrade(attachment),
        scope: attachment.scope(),
        stamp,
    };
    if let Some(place) = connection.place() {
        with(|checkouts| checkouts.insert(place, checkout));
    }
}

/// Notes that another context may be on a connection than that of its checkout.
pub(crate) fn outdate(place: usize) {
    with(|checkouts| {
        if let Some(checkout) = checkouts.get_mut(&place) {
            checkout.stamp = None;
        }
    });
}

/// Puts the context of this thread on a connection, where it is not sure to be there.
pub(super) fn bring(connection: &mut dyn AnyConnection) -> QueryResult<()> {
    let place = connection.place();
    let checkout = place.and_then(|place| with(|checkouts| checkouts.get(&place).cloned()));
    match checkout.is_none_or(|checkout| checkout.is_of_this_thread()) {
        true => Ok(()),
        false => connection.stamp_until(Until::Replaced),
    }
}
