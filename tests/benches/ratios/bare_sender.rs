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
use crate::gateway::Gateway;
use crate::jobs::job;
use crate::rounds::{Lap, Side};
use crate::sender::{Countdown, FILLERS, MOST};
use crate::trigger::publish_all;
use crate::world::World;

const TAG: &str = "bare";

/// As long as a report of ours.
const REPORT_BODY: &str = r#"{"v":1,"job_id":"01939f0c-6d7e-7fff-bfff-ffffffffffff","reference":"12345678901234567","pool":"default","provider":"http","outcome":"accepted","code":"gateway_accepted","gateway_id":"4711","attempts":1,"segments":1,"at":"2026-01-01T00:00:00.000Z"}"#;

/// The bare loop.
pub(crate) struct BareSender {
    broker: Arc<Broker>,
    gateway: Arc<Gateway>,
    client: reqwest::Client,
    server: Arc<Runtime>,
    load: Arc<Runtime>,
    prefetch: u16,
    jobs: usize,
}

impl BareSender {
    pub(crate) fn new(
        world: &World,
        broker: Arc<Broker>,
        gateway: Arc<Gateway>,
    ) -> anyhow::Result<BareSender> {
        Ok(BareSender {
            broker,
            gateway,
            client: reqwest::Client::builder().no_proxy().build()?,
            server: world.server.clone(),
            load: world.load.clone(),
            prefetch: world.arguments.prefetch,
            jobs: 0,
        })
    }

    async fn fill(&self, n: usize) -> anyhow::Result<()> {
        self.broker.purge(&[JOBS, REPORTS]).await?;
        let bodies = (0..n).map(|number| Ok(job(number)?.to_json())).collect::<anyhow::Result<_>>()?;
        publish_all(&self.broker, bodies, FILLERS).await.map(drop)
    }
}

impl Side for BareSender {
    fn prepare(&mut self, n: usize) -> anyhow::Result<()> {
        self.server.block_on(self.fill(n))?;
        self.gateway.taken();
        self.jobs = n;
        Ok(())
    }

    fn run(&mut self) -> anyhow::Result<Lap> {
        let countdown = Countdown::from(self.jobs);
        let begun = Instant::now();
        let (channel, reports) = self.server.block_on(async {
            anyhow::Ok((self.broker.connection.create_channel().await?, self.broker.confirming().await?))
        })?;
        let hands = Hands { client: self.client.clone(), url: self.gateway.url(), reports };
        let consuming = consume(channel.clone(), hands, self.prefetch, countdown.clone());
        let consuming = self.server.spawn(consuming);
        self.load.block_on(countdown.over())?;
        let elapsed = begun.elapsed();
        self.server.block_on(channel.basic_cancel(TAG.into(), BasicCancelOptions::default()))?;
        self.load.block_on(consuming)??;
        let taken = self.gateway.taken();
        ensure!(taken == self.jobs, "{taken} requests at the gateway for {} jobs", self.jobs);
        Ok(Lap { elapsed, latencies: Vec::new() })
    }

    fn most(&self) -> usize {
        MOST
    }
}

#[derive(Clone)]
struct Hands {
    client: reqwest::Client,
    url: String,
    reports: Channel,
}

async fn consume(
    channel: Channel,
    hands: Hands,
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

impl Hands {
    async fn send(&self, delivery: Delivery) -> anyhow::Result<()> {
        let job: Value = serde_json::from_slice(&delivery.data)?;
        let member = |name: &str| job[name].as_str().with_context(|| format!("a job without {name}"));
        let form = [("from", "0170111111"), ("text", member("text")?), ("destination", member("to")?)];
        let answer = self.client.post(&self.url).form(&form).send().await?.text().await?;
        ensure!(answer.starts_with("ID"), "refused: {answer}");
        broker::publish(&self.reports, REPORT, "report.default.accepted", REPORT_BODY.as_bytes()).await?;
        ensure!(delivery.ack(BasicAckOptions::default()).await?, "the delivery is gone");
        Ok(())
    }
}
