//! Single steps of ours against the same baselines: they tell which part of a ratio comes from which decision.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures_util::future::try_join_all;
use jiff::Timestamp;
use lapin::Channel;
use mtan_jobs::{Claim, ClaimBook, ClaimError, JobId, Owner, Pool, Publisher, SendJob, SendReport, Unknown};
use mtan_queue::Queue;
use mtan_testkit::wait_until;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::bare_check::BareCheck;
use crate::broker::{self, Broker, JOBS, OUR_JOBS};
use crate::jobs::job;
use crate::rounds::{Comparison, Lap, Side};
use crate::sender;
use crate::trigger::{BarePublish, MOST};
use crate::world::World;

/// Channels that batches are published on, as many as the lanes of our publisher.
const BATCH_CHANNELS: u16 = 4;

/// A check needs two scripts, for the comparison stands between them: the bare handler with two against one.
pub(crate) fn two_scripts(world: &World, name: &'static str) -> anyhow::Result<Comparison> {
    let redis = world.redis()?;
    let side = |scripts| anyhow::Ok(Box::new(BareCheck::new(world, &redis, scripts, None)?));
    Ok(Comparison { name, target: None, ours: side(2)?, bare: side(1)? })
}

/// The least that a trigger is: a bare handler that runs two scripts and publishes, against the bare publish.
pub(crate) fn least_trigger(world: &World, name: &'static str) -> anyhow::Result<Comparison> {
    let (redis, amqp) = (world.redis()?, world.vhost().url);
    let broker = Arc::new(world.server.block_on(Broker::connect(&amqp))?);
    let channel = world.server.block_on(broker.confirming())?;
    let handler = BareCheck::new(world, &redis, 2, Some(channel))?;
    let ours = LeastTrigger { handler, broker: broker.clone(), server: world.server.clone() };
    Ok(Comparison {
        name,
        target: None,
        ours: Box::new(ours),
        bare: Box::new(BarePublish::new(world, broker, world.arguments.connections)),
    })
}

/// Our publisher alone, without HTTP and store, against the bare publish.
pub(crate) fn queue(world: &World, name: &'static str) -> anyhow::Result<Comparison> {
    publishers(world, name, world.arguments.connections)
}

/// The same for a lone caller, who publishes one message after the other: what batches may cost him who fills none.
pub(crate) fn lone(world: &World, name: &'static str) -> anyhow::Result<Comparison> {
    publishers(world, name, 1)
}

fn publishers(world: &World, name: &'static str, tasks: u16) -> anyhow::Result<Comparison> {
    let amqp = world.vhost().url;
    let broker = Arc::new(world.server.block_on(Broker::connect(&amqp))?);
    let publisher = world.server.block_on(async {
        let queue = Queue::amqp(&amqp, "ratios")?;
        let publisher = queue.publisher(&[Pool::default_pool()]);
        wait_until("the queue", Duration::from_secs(20), async || queue.ready()).await;
        anyhow::Ok(publisher)
    })?;
    let ours =
        OurPublish { publisher, broker: broker.clone(), server: world.server.clone(), tasks, jobs: vec![] };
    Ok(Comparison {
        name,
        target: None,
        ours: Box::new(ours),
        bare: Box::new(BarePublish::new(world, broker, tasks)),
    })
}

/// One message under way on each channel, the simplest way to tell returned messages apart, against all on one channel:
/// why our publisher has batches.
pub(crate) fn own_channels(world: &World, name: &'static str) -> anyhow::Result<Comparison> {
    batches(world, name, world.arguments.connections, 1)
}

/// The same number of messages under way in batches on a few channels, as our publisher has them, and without all else
/// that it does.
pub(crate) fn channel_batches(world: &World, name: &'static str) -> anyhow::Result<Comparison> {
    batches(world, name, BATCH_CHANNELS, usize::from(world.arguments.connections / BATCH_CHANNELS).max(1))
}

fn batches(world: &World, name: &'static str, channels: u16, batch: usize) -> anyhow::Result<Comparison> {
    let broker = Arc::new(world.server.block_on(Broker::connect(&world.vhost().url))?);
    let open = (0..channels).map(|_| world.server.block_on(broker.confirming()));
    let channels = open.collect::<anyhow::Result<_>>()?;
    let ours =
        Batches { broker: broker.clone(), server: world.server.clone(), channels, batch, bodies: vec![] };
    Ok(Comparison {
        name,
        target: None,
        ours: Box::new(ours),
        bare: Box::new(BarePublish::new(world, broker, world.arguments.connections)),
    })
}

/// Our sender with a claim book that costs nothing, against the bare loop.
pub(crate) fn no_claims(world: &World, name: &'static str) -> anyhow::Result<Comparison> {
    sender::by_http(world, name, None, Arc::new(YesBook))
}

struct LeastTrigger {
    handler: BareCheck,
    broker: Arc<Broker>,
    server: Arc<Runtime>,
}

impl Side for LeastTrigger {
    fn prepare(&mut self, n: usize) -> anyhow::Result<()> {
        self.server.block_on(self.broker.purge(&[JOBS]))?;
        self.handler.prepare(n)
    }

    fn run(&mut self) -> anyhow::Result<Lap> {
        self.handler.run()
    }

    fn most(&self) -> usize {
        MOST
    }
}

struct OurPublish {
    publisher: Arc<dyn Publisher>,
    broker: Arc<Broker>,
    server: Arc<Runtime>,
    tasks: u16,
    jobs: Vec<SendJob>,
}

impl Side for OurPublish {
    fn prepare(&mut self, n: usize) -> anyhow::Result<()> {
        self.server.block_on(self.broker.purge(&[OUR_JOBS]))?;
        self.jobs = (0..n).map(job).collect::<anyhow::Result<_>>()?;
        Ok(())
    }

    fn run(&mut self) -> anyhow::Result<Lap> {
        let (jobs, turn) = (Arc::new(std::mem::take(&mut self.jobs)), Arc::new(AtomicUsize::new(0)));
        let workers = (0..self.tasks).map(|_| {
            let (publisher, jobs, turn) = (self.publisher.clone(), jobs.clone(), turn.clone());
            async move {
                let mut latencies = Vec::new();
                while let Some(job) = jobs.get(turn.fetch_add(1, Ordering::Relaxed)) {
                    let begun = Instant::now();
                    publisher.publish(job).await?;
                    latencies.push(begun.elapsed());
                }
                Ok(latencies)
            }
        });
        self.server.block_on(together(workers))
    }

    fn most(&self) -> usize {
        MOST
    }
}

struct Batches {
    broker: Arc<Broker>,
    server: Arc<Runtime>,
    channels: Vec<Channel>,
    batch: usize,
    bodies: Vec<Vec<u8>>,
}

impl Side for Batches {
    fn prepare(&mut self, n: usize) -> anyhow::Result<()> {
        self.server.block_on(self.broker.purge(&[JOBS]))?;
        self.bodies = (0..n).map(|number| Ok(job(number)?.to_json())).collect::<anyhow::Result<_>>()?;
        Ok(())
    }

    fn run(&mut self) -> anyhow::Result<Lap> {
        let (bodies, turn) = (Arc::new(std::mem::take(&mut self.bodies)), Arc::new(AtomicUsize::new(0)));
        let batch = self.batch;
        let workers = self.channels.iter().map(|channel| {
            let (channel, bodies, turn) = (channel.clone(), bodies.clone(), turn.clone());
            async move {
                let mut latencies = Vec::new();
                loop {
                    let first = turn.fetch_add(batch, Ordering::Relaxed);
                    let Some(rest) = bodies.get(first..).filter(|rest| !rest.is_empty()) else {
                        return Ok(latencies);
                    };
                    let (some, begun) = (&rest[..batch.min(rest.len())], Instant::now());
                    let publish = |body: &Vec<u8>| {
                        let (channel, body) = (channel.clone(), body.clone());
                        async move { broker::publish(&channel, broker::SEND, "default", &body).await }
                    };
                    try_join_all(some.iter().map(publish)).await?;
                    latencies.extend(some.iter().map(|_| begun.elapsed()));
                }
            }
        });
        self.server.block_on(together(workers))
    }

    fn most(&self) -> usize {
        MOST
    }
}

/// Runs all of them at the same time, each as a task.
async fn together<F>(workers: impl Iterator<Item = F>) -> anyhow::Result<Lap>
where
    F: Future<Output = anyhow::Result<Vec<Duration>>> + Send + 'static,
{
    let begun = Instant::now();
    let mut tasks: JoinSet<_> = workers.collect();
    let mut latencies = Vec::new();
    while let Some(task) = tasks.join_next().await {
        latencies.extend(task??);
    }
    Ok(Lap { elapsed: begun.elapsed(), latencies })
}

/// Gives every claim and remembers nothing.
struct YesBook;

#[async_trait]
impl ClaimBook for YesBook {
    async fn claim(
        &self,
        _id: &JobId,
        _owner: &Owner,
        _now: Timestamp,
        _lease: Duration,
        _keep_until: Timestamp,
    ) -> Result<Claim, ClaimError> {
        Ok(Claim::Taken { unknowns: 0 })
    }

    async fn renew(
        &self,
        _id: &JobId,
        _owner: &Owner,
        _now: Timestamp,
        _lease: Duration,
    ) -> Result<bool, ClaimError> {
        Ok(true)
    }

    async fn release(&self, _id: &JobId, _owner: &Owner, _unknown: Unknown) -> Result<(), ClaimError> {
        Ok(())
    }

    async fn settle(&self, _report: &SendReport, _keep_until: Timestamp) -> Result<(), ClaimError> {
        Ok(())
    }

    async fn reported(&self, _ids: &[JobId]) -> Result<(), ClaimError> {
        Ok(())
    }
}
