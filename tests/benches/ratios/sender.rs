//! One HTTP sender over a quorum queue, with its claim book in Redis, against a bare loop: consume, POST, publish the
//! report and wait for its confirm, acknowledge.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use async_trait::async_trait;
use mtan_jobs::{
    ClaimBook, Clock, Outcome, Pool, PublishError, Publisher, ReplyTo, ReportPublisher, SendReport,
    SystemClock,
};
use mtan_queue::Queue;
use mtan_sender::{Breaker, BreakerRules, Provider, Rules, Sender, os_jitter};
use mtan_sender_http::{HttpConfig, HttpProvider};
use mtan_testkit::wait_until;
use tokio::runtime::Runtime;
use tokio::sync::Notify;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::bare_sender::BareSender;
use crate::broker::{Broker, OUR_JOBS, OUR_REPORTS};
use crate::gateway::Gateway;
use crate::jobs::job;
use crate::rounds::{Comparison, Lap, Side};
use crate::world::World;

const TARGET: f64 = 0.7;

/// Below the queue's length limit of 100,000.
pub(crate) const MOST: usize = 30_000;

/// Jobs that have not ended by then never will.
const PATIENCE: Duration = Duration::from_secs(120);

/// Publishes under way while a queue is filled.
pub(crate) const FILLERS: u16 = 64;

pub(crate) fn comparison(world: &World, name: &'static str) -> anyhow::Result<Comparison> {
    let redis = world.redis()?;
    let claims = world.server.block_on(async { mtan_queue::redis_claims(&redis) })?;
    compared(world, name, Some(TARGET), claims)
}

/// A sender with that claim book against the bare loop.
pub(crate) fn compared(
    world: &World,
    name: &'static str,
    target: Option<f64>,
    claims: Arc<dyn ClaimBook>,
) -> anyhow::Result<Comparison> {
    let amqp = world.vhost().url;
    let broker = Arc::new(world.server.block_on(Broker::connect(&amqp))?);
    let gateway = Arc::new(world.load.block_on(Gateway::start())?);
    let ours = OurSender::new(world, claims, &amqp, broker.clone(), gateway.clone());
    let ours = world.server.block_on(ours)?;
    Ok(Comparison {
        name,
        target,
        ours: Box::new(ours),
        bare: Box::new(BareSender::new(world, broker, gateway)?),
    })
}

struct OurSender {
    queue: Queue,
    publisher: Arc<dyn Publisher>,
    claims: Arc<dyn ClaimBook>,
    provider: Arc<dyn Provider>,
    broker: Arc<Broker>,
    gateway: Arc<Gateway>,
    server: Arc<Runtime>,
    load: Arc<Runtime>,
    prefetch: u16,
    jobs: usize,
    stop: CancellationToken,
}

impl OurSender {
    async fn new(
        world: &World,
        claims: Arc<dyn ClaimBook>,
        amqp: &str,
        broker: Arc<Broker>,
        gateway: Arc<Gateway>,
    ) -> anyhow::Result<OurSender> {
        let queue = Queue::amqp(amqp, "ratios")?;
        let publisher = queue.publisher(&[Pool::default_pool()]);
        wait_until("the queue", Duration::from_secs(20), async || queue.ready()).await;
        Ok(OurSender {
            publisher,
            claims,
            provider: Arc::new(provider(&gateway)?),
            queue,
            broker,
            gateway,
            server: world.server.clone(),
            load: world.load.clone(),
            prefetch: world.arguments.prefetch,
            jobs: 0,
            stop: CancellationToken::new(),
        })
    }

    async fn fill(&self, n: usize) -> anyhow::Result<()> {
        self.broker.purge(&[OUR_JOBS, OUR_REPORTS]).await?;
        let turn = Arc::new(AtomicUsize::new(0));
        let mut workers = tokio::task::JoinSet::new();
        for _ in 0..FILLERS {
            let (publisher, turn) = (self.publisher.clone(), turn.clone());
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

    fn sender(&self, countdown: Arc<Countdown>) -> Sender {
        let pool = Pool::default_pool();
        let inner = self.queue.report_publisher();
        Sender {
            name: "ratios".to_owned(),
            consumer: self.queue.consumer(&pool, self.prefetch),
            throttle: None,
            breaker: Breaker::new(pool.clone(), BreakerRules::default()),
            deliveries: None,
            pool,
            reports: Arc::new(Counted { inner, countdown }),
            claims: self.claims.clone(),
            provider: self.provider.clone(),
            clock: Arc::new(SystemClock),
            jitter: os_jitter(),
            rules: Rules { max_in_flight: self.prefetch, ..Rules::default() },
        }
    }
}

impl Side for OurSender {
    fn prepare(&mut self, n: usize) -> anyhow::Result<()> {
        self.server.block_on(self.fill(n))?;
        self.gateway.taken();
        self.jobs = n;
        Ok(())
    }

    fn run(&mut self) -> anyhow::Result<Lap> {
        self.stop = CancellationToken::new();
        let countdown = Countdown::from(self.jobs);
        let begun = Instant::now();
        let sender = {
            let _on = self.server.enter();
            tokio::spawn(self.sender(countdown.clone()).run(self.stop.clone()))
        };
        // waited for on the load's runtime: it has the gateway
        self.load.block_on(countdown.over())?;
        let elapsed = begun.elapsed();
        self.stop.cancel();
        self.load.block_on(sender)?;
        let taken = self.gateway.taken();
        ensure!(taken == self.jobs, "{taken} requests at the gateway for {} jobs", self.jobs);
        Ok(Lap { elapsed, latencies: Vec::new() })
    }

    fn most(&self) -> usize {
        MOST
    }
}

fn provider(gateway: &Gateway) -> anyhow::Result<HttpProvider> {
    let json = format!(
        r#"{{"URL": "{}", "PARAMETER": {{"from": "0170111111"}}, "SMS_TEXT_KEY": "text",
            "SMS_PHONENUMBER_KEY": "destination", "HTTP_Method": "POST", "RETURN_SUCCESS": "ID"}}"#,
        gateway.url()
    );
    let folder = Path::new("."); // no path in there
    let config = match HttpConfig::from_json(&json, folder) {
        Ok(config) => config,
        Err(faults) => bail!("{} mistakes in the gateway's configuration", faults.len()),
    };
    Ok(HttpProvider::new(config, Arc::new(SystemClock) as Arc<dyn Clock>)?)
}

/// Jobs that have not ended yet.
pub(crate) struct Countdown {
    left: AtomicUsize,
    total: usize,
    bad: AtomicUsize,
    zero: Notify,
}

impl Countdown {
    pub(crate) fn from(n: usize) -> Arc<Countdown> {
        let (left, bad) = (AtomicUsize::new(n), AtomicUsize::new(0));
        Arc::new(Countdown { left, total: n, bad, zero: Notify::new() })
    }

    /// A job has ended, well or not.
    pub(crate) fn ended(&self, well: bool) {
        if !well {
            self.bad.fetch_add(1, Ordering::AcqRel);
        }
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.zero.notify_one();
        }
    }

    /// Waits for the last one.
    pub(crate) async fn over(&self) -> anyhow::Result<()> {
        let left = || format!("{} of {} jobs have not ended", self.left.load(Ordering::Acquire), self.total);
        timeout(PATIENCE, self.zero.notified()).await.with_context(left)?;
        let bad = self.bad.load(Ordering::Acquire);
        ensure!(bad == 0, "{bad} jobs ended, and not as accepted");
        Ok(())
    }
}

/// Counts reports that the broker has confirmed.
struct Counted {
    inner: Arc<dyn ReportPublisher>,
    countdown: Arc<Countdown>,
}

#[async_trait]
impl ReportPublisher for Counted {
    async fn report(&self, report: &SendReport, reply_to: Option<&ReplyTo>) -> Result<(), PublishError> {
        self.inner.report(report, reply_to).await?;
        self.countdown.ended(report.outcome == Outcome::Accepted);
        Ok(())
    }
}
