//! `/validate/smspin` over Redis and a quorum queue, against a bare publish and confirm.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use mtan_jobs::Pool;
use mtan_queue::Queue;
use mtan_testkit::wait_until;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::broker::{self, Broker, JOBS, OUR_JOBS};
use crate::check::Api;
use crate::desk::{Desk, PIN, user};
use crate::http::post;
use crate::jobs::job;
use crate::rounds::{Comparison, Lap, Side};
use crate::world::World;

const TARGET: f64 = 0.5;

/// Below the queue's length limit of 100,000.
pub(crate) const MOST: usize = 60_000;

pub(crate) fn comparison(world: &World, name: &'static str) -> anyhow::Result<Comparison> {
    let (redis, amqp) = (world.redis()?, world.vhost().url);
    let broker = Arc::new(world.server.block_on(Broker::connect(&amqp))?);
    Ok(Comparison {
        name,
        target: Some(TARGET),
        ours: Box::new(world.server.block_on(Trigger::new(world, &redis, &amqp, broker.clone()))?),
        bare: Box::new(BarePublish::new(world, broker, world.arguments.connections)),
    })
}

struct Trigger {
    desk: Desk,
    api: Api,
    broker: Arc<Broker>,
    server: Arc<Runtime>,
    requests: Vec<Vec<u8>>,
}

impl Trigger {
    async fn new(world: &World, redis: &str, amqp: &str, broker: Arc<Broker>) -> anyhow::Result<Trigger> {
        let desk = Desk::new(redis)?;
        let queue = Queue::amqp(amqp, "ratios")?;
        let verifier = desk.verifier(queue.publisher(&[Pool::default_pool()]));
        let api = Api::start(world, verifier, queue.report_consumer(CancellationToken::new())).await?;
        wait_until("the queue", Duration::from_secs(20), async || queue.ready()).await;
        Ok(Trigger { desk, api, broker, server: world.server.clone(), requests: Vec::new() })
    }
}

impl Side for Trigger {
    fn prepare(&mut self, n: usize) -> anyhow::Result<()> {
        let server = self.server.clone();
        server.block_on(self.broker.purge(&[OUR_JOBS]))?;
        server.block_on(self.desk.enrol(n))?;
        let form = |number| format!("user={}&pass={PIN}", user(number));
        self.requests = (0..n).map(|number| post("/validate/smspin", &form(number))).collect();
        Ok(())
    }

    fn run(&mut self) -> anyhow::Result<Lap> {
        self.api.volley(std::mem::take(&mut self.requests))
    }

    fn most(&self) -> usize {
        MOST
    }
}

/// So many tasks publish over one confirming channel.
pub(crate) struct BarePublish {
    broker: Arc<Broker>,
    server: Arc<Runtime>,
    tasks: u16,
    bodies: Vec<Vec<u8>>,
}

impl BarePublish {
    pub(crate) fn new(world: &World, broker: Arc<Broker>, tasks: u16) -> BarePublish {
        BarePublish { broker, server: world.server.clone(), tasks, bodies: Vec::new() }
    }
}

impl Side for BarePublish {
    fn prepare(&mut self, n: usize) -> anyhow::Result<()> {
        self.server.block_on(self.broker.purge(&[JOBS]))?;
        self.bodies = (0..n).map(|number| Ok(job(number)?.to_json())).collect::<anyhow::Result<_>>()?;
        Ok(())
    }

    fn run(&mut self) -> anyhow::Result<Lap> {
        let bodies = std::mem::take(&mut self.bodies);
        self.server.clone().block_on(publish_all(&self.broker, bodies, self.tasks))
    }
}

/// Publishes every body once, with so many under way at a time.
pub(crate) async fn publish_all(broker: &Broker, bodies: Vec<Vec<u8>>, tasks: u16) -> anyhow::Result<Lap> {
    let channel = broker.confirming().await?;
    let (bodies, turn) = (Arc::new(bodies), Arc::new(AtomicUsize::new(0)));
    let begun = Instant::now();
    let mut workers: JoinSet<anyhow::Result<Vec<Duration>>> = JoinSet::new();
    for _ in 0..tasks {
        let (channel, bodies, turn) = (channel.clone(), bodies.clone(), turn.clone());
        workers.spawn(async move {
            let mut latencies = Vec::new();
            while let Some(body) = bodies.get(turn.fetch_add(1, Ordering::Relaxed)) {
                let begun = Instant::now();
                broker::publish(&channel, broker::SEND, "default", body).await?;
                latencies.push(begun.elapsed());
            }
            Ok(latencies)
        });
    }
    let mut latencies = Vec::new();
    while let Some(worker) = workers.join_next().await {
        latencies.extend(worker??);
    }
    Ok(Lap { elapsed: begun.elapsed(), latencies })
}
