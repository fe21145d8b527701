//! Work on blocking threads that runs to its end, whoever waits for it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use audit_core::context;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How many jobs nobody waits for any more.
#[derive(Debug, Clone)]
pub(crate) struct Jobs(watch::Sender<usize>);

impl Default for Jobs {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

impl Jobs {
    /// Runs work on a thread that carries the context.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> T {
        let job = Job {
            handle: Some(context::spawn_blocking(work)),
            left: self.0.clone(),
        };
        job.await
    }

    /// Waits until nothing runs that somebody went away from.
    pub(crate) async fn settle(&self) {
        let mut left = self.0.subscribe();
        left.wait_for(|left| *left == 0).await.unwrap();
    }
}

struct Job<T: Send + 'static> {
    handle: Option<JoinHandle<T>>,
    left: watch::Sender<usize>,
}

impl<T: Send + 'static> Future for Job<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<T> {
        let handle = self.handle.as_mut().unwrap();
        let done = std::task::ready!(Pin::new(handle).poll(task));
        self.handle = None;
        Poll::Ready(done.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic())))
    }
}

impl<T: Send + 'static> Drop for Job<T> {
    fn drop(&mut self) {
        let Some(handle) = self.handle.take() else {
            return;
        };
        self.left.send_modify(|left| *left += 1);
        let left = self.left.clone();
        tokio::spawn(async move {
            let _ = handle.await;
            left.send_modify(|left| *left -= 1);
        });
    }
}
