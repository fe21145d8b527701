//! Cases that an adapter refuses by design: it must say so before anything changes.

use std::any::Any;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::pin;
use std::task::Poll;

use crate::adapter::{Adapter, Failure};
use crate::database::Server;

/// The name by which an adapter tells a refusal: [`Failure::capture`].
pub const REFUSAL: &str = "Uncapturable";

impl Failure {
    /// Whether the adapter refused the statement before it ran, because it cannot be recorded.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        self.capture.as_deref() == Some(REFUSAL)
    }
}

/// Runs a case, or proves that the adapter refuses it with the words that it says. What changed until then
/// is proved by the world of the case.
///
/// # Panics
/// Where the case fails, or does not fail with those words.
pub async fn run_case<A: Adapter, F: Future<Output = ()>>(
    server: Server,
    name: &str,
    case: impl FnOnce(Server) -> F,
) {
    let Some(words) = A::refuses(server, name) else {
        return case(server).await;
    };
    match caught(case(server)).await {
        Ok(()) => panic!("{name} holds; it is said to be refused with: {words}"),
        Err(panic) if in_words(&*panic).contains(words) => {}
        Err(panic) => resume_unwind(panic),
    }
}

/// A future, or the panic in which it ended.
pub(crate) async fn caught<F: Future>(future: F) -> Result<F::Output, Box<dyn Any + Send>> {
    let mut future = pin!(future);
    poll_fn(
        |task| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(task))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
            Err(panic) => Poll::Ready(Err(panic)),
        },
    )
    .await
}

fn in_words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or_default()
}
