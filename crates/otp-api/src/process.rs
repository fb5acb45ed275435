//! The face in a running process: served until the stop, then drained; and what makes it ready.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use mtan_daemon::Health;
use mtan_queue::Queue;
use mtan_verifier::Store;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::OtpApi;

/// How long requests that outlived their answer may take to end after the stop.
const LAST_REQUESTS: Duration = Duration::from_secs(3);

impl OtpApi {
    /// Serves [`OtpApi::router`] merged with `beside` until `stop`, then drains in the order in which things depend on each other:
    /// requests, what they left running, outbox and reports. The queue stays open for the caller to close.
    pub async fn run(
        self,
        listener: TcpListener,
        beside: Router,
        queue: &Queue,
        stop: CancellationToken,
    ) -> io::Result<()> {
        let drained = CancellationToken::new();
        let background = self.spawn_background(queue.report_consumer(drained.clone()), drained.clone());
        let served = mtan_daemon::serve(listener, self.router().merge(beside), stop).await;
        self.inner.tasks.close();
        if tokio::time::timeout(LAST_REQUESTS, self.inner.tasks.wait()).await.is_err() {
            tracing::warn!(requests = self.inner.tasks.len(), "requests did not end in time");
        }
        drained.cancel();
        background.wait().await;
        served
    }
}

/// The readiness of this process: `store` answers, `queue` is connected and consuming.
pub fn add_ready_checks(health: &Health, store: Arc<dyn Store>, queue: Queue) {
    health.add("store", move || {
        let store = store.clone();
        async move { store.ping().await.map_err(|error| error.to_string()) }
    });
    health.add("queue", move || std::future::ready(queue.ready()));
}
