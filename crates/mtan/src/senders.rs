//! The senders of this process: one for each configured pool.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use mtan_daemon::{Config, PoolConfig, SenderSection};
use mtan_jobs::{Clock, Pool};
use mtan_sender::daemon::take_callbacks;
use mtan_sender::{CallbackFace, Deliveries, ProviderKind, Way};
use mtan_sender_http::HttpProvider;
use mtan_sender_modem::ModemProvider;
use mtan_sender_smtp::SmtpProvider;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;

use crate::backends::Backends;

/// What the configuration says about sending.
pub(crate) struct Sending {
    pub(crate) ways: Vec<Way>,
    /// How long a stop waits for them.
    drain: Duration,
    /// Where gateways report delivery.
    face: Option<CallbackFace>,
    /// What is configured for that and changes nothing.
    pub(crate) warning: Option<String>,
}

impl Sending {
    /// Mistakes become faults of the configuration.
    pub(crate) fn read(config: &mut Config, clock: &Arc<dyn Clock>) -> Sending {
        let section: SenderSection = config.section("sender");
        let drain = Duration::from_secs(section.drain_seconds);
        let pools = mtan_daemon::pools(config);
        let ways: Vec<Way> = pools.iter().filter_map(|pool| way(config, pool, clock, drain)).collect();
        let face = CallbackFace::read(config, &section, &ways);
        let warning = CallbackFace::unused(&section, &ways);
        Sending { ways, drain, face, warning }
    }

    /// Starts a sender for each way, and the listener for delivery reports; the senders drain when `stop` comes.
    pub(crate) async fn start(
        self,
        backends: &Backends,
        clock: &Arc<dyn Clock>,
        stop: &CancellationToken,
    ) -> io::Result<Running> {
        let Sending { ways, drain, face, .. } = self;
        let Backends { queue, books, .. } = backends;
        let (tasks, end) = (TaskTracker::new(), CancellationToken::new());
        let deliveries =
            Deliveries::new(&ways, queue, books.deliveries.clone(), clock.clone(), face.as_ref());
        let called = match &face {
            Some(face) => Some(take_callbacks(face, deliveries.clone(), end.clone()).await?),
            None => None,
        };
        for way in ways {
            let sender = way.sender(queue, books, Some(&deliveries), clock.clone(), drain);
            tasks.spawn(sender.run(stop.clone()));
        }
        tasks.close();
        Ok(Running { tasks, end, called })
    }
}

/// Senders at work.
pub(crate) struct Running {
    tasks: TaskTracker,
    end: CancellationToken,
    called: Option<JoinHandle<io::Result<()>>>,
}

impl Running {
    /// Until the last job is done; delivery reports are taken until then.
    pub(crate) async fn wait(self) {
        self.tasks.wait().await;
        self.end.cancel();
        if let Some(called) = self.called
            && let Err(error) = called.await.unwrap_or_else(|panic| Err(io::Error::other(panic)))
        {
            warn!(%error, "the listener for delivery reports ended badly");
        }
    }
}

fn way(config: &mut Config, pool: &PoolConfig, clock: &Arc<dyn Clock>, drain: Duration) -> Option<Way> {
    match Way::kind(config, pool)? {
        ProviderKind::Http => Way::read(config, pool, clock, drain, &HttpProvider::from_json),
        ProviderKind::Smtp => Way::read(config, pool, clock, drain, &SmtpProvider::from_json),
        ProviderKind::Device => Way::read(config, pool, clock, drain, &ModemProvider::from_json),
    }
}

/// Where the provider of `pool` is configured.
pub(crate) fn key_of(pool: &Pool) -> String {
    if *pool == Pool::default_pool() {
        return "sms.SMSProviderConfig".to_owned();
    }
    format!("pools.{pool}.SMSProviderConfig")
}
