//! One sender of ours with what a daemon has around it: connections of its own to the broker and the claim book, the
//! default breaker, which stays closed, no rate, and no reports of delivery.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mtan_jobs::{ClaimBook, Pool, Publisher, SystemClock};
use mtan_queue::Queue;
use mtan_sender::{Breaker, BreakerRules, Provider, Rules, Sender, os_jitter};
use mtan_testkit::wait_until;
use tokio::task::JoinSet;

use crate::broker::{Broker, OUR_JOBS, OUR_REPORTS};
use crate::countdown::{Countdown, Counted};
use crate::jobs::job;

/// Publishes under way while a queue is filled.
pub(crate) const FILLERS: u16 = 64;

/// Makes senders, one after the other.
pub(crate) struct Station {
    name: String,
    queue: Queue,
    publisher: Arc<dyn Publisher>,
    claims: Arc<dyn ClaimBook>,
    provider: Arc<dyn Provider>,
    hands: u16,
}

impl Station {
    /// Connects. Its senders have up to `hands` jobs in hand; no other station has its `name`.
    pub(crate) async fn open(
        name: &str,
        amqp: &str,
        claims: Arc<dyn ClaimBook>,
        provider: Arc<dyn Provider>,
        hands: u16,
    ) -> anyhow::Result<Station> {
        let queue = Queue::amqp(amqp, name)?;
        let publisher = queue.publisher(&[Pool::default_pool()]);
        wait_until("the queue", Duration::from_secs(20), async || queue.ready()).await;
        Ok(Station { name: name.to_owned(), queue, publisher, claims, provider, hands })
    }

    /// A sender whose reports are counted.
    pub(crate) fn sender(&self, countdown: Arc<Countdown>) -> Sender {
        let pool = Pool::default_pool();
        let inner = self.queue.report_publisher();
        Sender {
            name: self.name.clone(),
            consumer: self.queue.consumer(&pool, self.hands),
            throttle: None,
            deliveries: None,
            breaker: Breaker::new(pool.clone(), BreakerRules::default()),
            pool,
            reports: Arc::new(Counted { inner, countdown }),
            claims: self.claims.clone(),
            provider: self.provider.clone(),
            clock: Arc::new(SystemClock),
            jitter: os_jitter(),
            rules: Rules { max_in_flight: self.hands, ..Rules::default() },
        }
    }

    /// `n` jobs in the queue, and no other.
    pub(crate) async fn fill(&self, broker: &Broker, n: usize) -> anyhow::Result<()> {
        fill(&self.publisher, broker, n).await
    }
}

/// `n` jobs in the queue of the default pool, and no other.
pub(crate) async fn fill(publisher: &Arc<dyn Publisher>, broker: &Broker, n: usize) -> anyhow::Result<()> {
    broker.purge(&[OUR_JOBS, OUR_REPORTS]).await?;
    let turn = Arc::new(AtomicUsize::new(0));
    let mut workers = JoinSet::new();
    for _ in 0..FILLERS {
        let (publisher, turn) = (publisher.clone(), turn.clone());
        workers.spawn(async move {
            loop {
                let number = turn.fetch_add(1, Ordering::Relaxed);
                if number >= n {
                    return anyhow::Ok(());
                }
                publisher.publish(&job(number)?).await?;
            }
        });
    }
    while let Some(worker) = workers.join_next().await {
        worker??;
    }
    Ok(())
}
