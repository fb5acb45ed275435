//! The baseline of a sender: what has to be done for a job, and nothing else.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, ensure};
use futures_util::StreamExt;
use lapin::Channel;
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::broker::{self, Broker, JOBS, REPORT, REPORTS};
use crate::countdown::Countdown;
use crate::jobs::job;
use crate::rounds::{Lap, Side};
use crate::sender::MOST;
use crate::station::FILLERS;
use crate::tally::Tally;
use crate::trigger::publish_all;
use crate::world::World;

const TAG: &str = "bare";

/// As long as a report of ours.
const REPORT_BODY: &str = r#"{"v":1,"job_id":"01939f0c-6d7e-7fff-bfff-ffffffffffff","reference":"12345678901234567","pool":"default","provider":"http","outcome":"accepted","code":"gateway_accepted","gateway_id":"4711","attempts":1,"segments":1,"at":"2026-01-01T00:00:00.000Z"}"#;

/// The bare way of handing a job over.
pub(crate) trait Way: Clone + Send + Sync + 'static {
    /// An answer that is no yes is an error.
    fn send(&self, text: &str, to: &str) -> impl Future<Output = anyhow::Result<()>> + Send;
}

/// A form, posted.
#[derive(Clone)]
pub(crate) struct Form {
    client: reqwest::Client,
    url: String,
}

impl Form {
    pub(crate) fn to(url: String) -> anyhow::Result<Form> {
        Ok(Form { client: reqwest::Client::builder().no_proxy().build()?, url })
    }
}

impl Way for Form {
    async fn send(&self, text: &str, to: &str) -> anyhow::Result<()> {
        let form = [("from", "0170111111"), ("text", text), ("destination", to)];
        let answer = self.client.post(&self.url).form(&form).send().await?.text().await?;
        ensure!(answer.starts_with("ID"), "refused: {answer}");
        Ok(())
    }
}

/// The bare loop.
pub(crate) struct BareSender<W> {
    broker: Arc<Broker>,
    way: W,
    tally: Tally,
    server: Arc<Runtime>,
    load: Arc<Runtime>,
    prefetch: u16,
    jobs: usize,
}

impl<W> BareSender<W> {
    pub(crate) fn new(
        world: &World,
        broker: Arc<Broker>,
        way: W,
        tally: Tally,
        prefetch: u16,
    ) -> BareSender<W> {
        let (server, load) = (world.server.clone(), world.load.clone());
        BareSender { broker, way, tally, server, load, prefetch, jobs: 0 }
    }

    async fn fill(&self, n: usize) -> anyhow::Result<()> {
        self.broker.purge(&[JOBS, REPORTS]).await?;
        let bodies = (0..n).map(|number| Ok(job(number)?.to_json())).collect::<anyhow::Result<_>>()?;
        publish_all(&self.broker, bodies, FILLERS).await.map(drop)
    }
}

impl<W: Way> Side for BareSender<W> {
    fn prepare(&mut self, n: usize) -> anyhow::Result<()> {
        self.server.block_on(self.fill(n))?;
        self.tally.taken();
        self.jobs = n;
        Ok(())
    }

    fn run(&mut self) -> anyhow::Result<Lap> {
        let countdown = Countdown::from(self.jobs);
        let begun = Instant::now();
        let (channel, reports) = self.server.block_on(async {
            anyhow::Ok((self.broker.connection.create_channel().await?, self.broker.confirming().await?))
        })?;
        let hands = Hands { way: self.way.clone(), reports };
        let consuming = consume(channel.clone(), hands, self.prefetch, countdown.clone());
        let consuming = self.server.spawn(consuming);
        self.load.block_on(countdown.over())?;
        let elapsed = begun.elapsed();
        self.server.block_on(channel.basic_cancel(TAG.into(), BasicCancelOptions::default()))?;
        self.load.block_on(consuming)??;
        let taken = self.tally.taken();
        ensure!(taken == self.jobs, "{taken} SMS were taken for {} jobs", self.jobs);
        Ok(Lap { elapsed, latencies: Vec::new() })
    }

    fn most(&self) -> usize {
        MOST
    }
}

#[derive(Clone)]
struct Hands<W> {
    way: W,
    reports: Channel,
}

async fn consume<W: Way>(
    channel: Channel,
    hands: Hands<W>,
    prefetch: u16,
    countdown: Arc<Countdown>,
) -> anyhow::Result<()> {
    channel.basic_qos(prefetch, BasicQosOptions::default()).await?;
    let (options, arguments) = (BasicConsumeOptions::default(), FieldTable::default());
    let mut jobs = channel.basic_consume(JOBS.into(), TAG.into(), options, arguments).await?;
    // the broker's prefetch is what bounds the tasks
    while let Some(delivery) = jobs.next().await {
        let (delivery, hands, countdown) = (delivery?, hands.clone(), countdown.clone());
        tokio::spawn(async move { countdown.ended(hands.send(delivery).await.is_ok()) });
    }
    Ok(())
}

impl<W: Way> Hands<W> {
    async fn send(&self, delivery: Delivery) -> anyhow::Result<()> {
        let job: Value = serde_json::from_slice(&delivery.data)?;
        let member = |name: &str| job[name].as_str().with_context(|| format!("a job without {name}"));
        self.way.send(member("text")?, member("to")?).await?;
        broker::publish(&self.reports, REPORT, "report.default.accepted", REPORT_BODY.as_bytes()).await?;
        ensure!(delivery.ack(BasicAckOptions::default()).await?, "the delivery is gone");
        Ok(())
    }
}
