//! Work that is begun is ended: neither a client that hangs up nor a slow store leaves a counted try half done.

use std::time::Duration;

use tokio::time::timeout;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unanswered {
    /// It takes longer than the caller may wait; it goes on.
    TimedOut,
    /// It ended in a panic.
    Broken,
}

/// The result of `work`, if it comes within `limit`. The work runs as a task of its own and is never cancelled.
pub(crate) async fn bounded<T: Send + 'static>(
    tasks: &TaskTracker,
    limit: Duration,
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, Unanswered> {
    match timeout(limit, tasks.spawn(work.in_current_span())).await {
        Ok(Ok(result)) => Ok(result),
        Ok(Err(error)) => {
            tracing::error!(%error, "a request did not end by itself");
            Err(Unanswered::Broken)
        }
        Err(_) => Err(Unanswered::TimedOut),
    }
}
