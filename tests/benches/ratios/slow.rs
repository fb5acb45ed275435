//! An HTTP sender, and two of the same pool at once, before a gateway that takes a second for each SMS. What is possible
//! is known without a baseline: as many a second as there are jobs in hand.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use tokio_util::sync::CancellationToken;

use crate::broker::Broker;
use crate::countdown::Countdown;
use crate::gateway::Gateway;
use crate::rounds::median;
use crate::sender::http_provider;
use crate::station::Station;
use crate::table::{aligned, words};
use crate::tally::Tally;
use crate::world::World;

const ANSWERS_AFTER: Duration = Duration::from_secs(1);

/// `max_in_flight` of each sender: so many SMS a second are possible.
const IN_FLIGHT: u16 = 200;

/// 190 a second from one sender, twice that from two.
const TARGET: f64 = 0.95;

/// One number of senders at work at the same time.
struct Row {
    senders: u16,
    /// SMS a second of each round.
    rates: Vec<f64>,
}

impl Row {
    fn possible(&self) -> f64 {
        f64::from(IN_FLIGHT * self.senders) / ANSWERS_AFTER.as_secs_f64()
    }
}

/// Measures and shows.
pub(crate) fn table(world: &World, name: &'static str) -> anyhow::Result<String> {
    let setting = Setting::new(world)?;
    let mut rows = [1, 2].map(|senders| Row { senders, rates: Vec::new() });
    let rounds = world.arguments.rounds;
    world.progress.expect(rounds * 2);
    for round in 1..=rounds {
        for row in &mut rows {
            let context = || format!("{name}, round {round} of {rounds}, senders: {}", row.senders);
            let rate = setting.round(row.senders).with_context(context)?;
            world.progress.say(&format!("{}: {rate:.0}/s", context()));
            world.progress.step();
            row.rates.push(rate);
        }
    }
    Ok(shown(name, &mut rows))
}

/// What the rounds share.
struct Setting<'a> {
    world: &'a World,
    broker: Broker,
    tally: Tally,
    /// As many as the most senders of a round.
    stations: Vec<Station>,
}

impl Setting<'_> {
    fn new(world: &World) -> anyhow::Result<Setting<'_>> {
        let (redis, amqp) = (world.redis()?, world.vhost().url);
        let gateway = world.load.block_on(Gateway::start(ANSWERS_AFTER))?;
        let (broker, stations) = world.server.block_on(async {
            let mut stations = Vec::new();
            for name in ["ratios-1", "ratios-2"] {
                let (claims, provider) = (mtan_queue::redis_claims(&redis)?, http_provider(&gateway)?);
                stations.push(Station::open(name, &amqp, claims, provider, IN_FLIGHT).await?);
            }
            anyhow::Ok((Broker::connect(&amqp).await?, stations))
        })?;
        Ok(Setting { world, broker, tally: gateway.tally, stations })
    }

    /// SMS a second, from the end of the first second's jobs: until then connections are made.
    fn round(&self, senders: u16) -> anyhow::Result<f64> {
        let World { server, load, arguments, .. } = self.world;
        let at_once = IN_FLIGHT * senders;
        let jobs = jobs(at_once, arguments.seconds);
        let stations = &self.stations[..usize::from(senders)];
        server.block_on(stations[0].fill(&self.broker, jobs))?;
        self.tally.taken();
        let (stop, countdown) = (CancellationToken::new(), Countdown::after(at_once.into(), jobs));
        let running: Vec<_> = {
            let _on = server.enter();
            let run = |station: &Station| station.sender(Arc::clone(&countdown)).run(stop.clone());
            stations.iter().map(|station| tokio::spawn(run(station))).collect()
        };
        load.block_on(countdown.over())?;
        let elapsed = countdown.since_first().context("there are first ones")?;
        stop.cancel();
        for sender in running {
            load.block_on(sender)?;
        }
        let taken = self.tally.taken();
        ensure!(taken == jobs, "{taken} SMS were taken for {jobs} jobs");
        let measured = u32::try_from(jobs - usize::from(at_once))?;
        Ok(f64::from(measured) / elapsed.as_secs_f64())
    }
}

/// Those of the first second, and of as many more as a round takes.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 600 seconds")]
fn jobs(at_once: u16, seconds: f64) -> usize {
    let times = (seconds / ANSWERS_AFTER.as_secs_f64()).ceil().max(2.0) as usize;
    // below the queue's length limit of 100,000
    usize::from(at_once) * (times + 1).min(200)
}

fn shown(name: &str, rows: &mut [Row]) -> String {
    let head = ["", "SMS/s", "lowest", "highest", "possible", "ratio", "target", ""];
    let mut cells = vec![words(head)];
    for row in rows {
        row.rates.sort_by(f64::total_cmp);
        let (rates, possible) = (&row.rates, row.possible());
        let (lowest, median, highest) = (rates[0], median(rates), rates[rates.len() - 1]);
        let ratio = median / possible;
        cells.push(vec![
            format!("{name}, senders: {}", row.senders),
            format!("{median:.0}"),
            format!("{lowest:.0}"),
            format!("{highest:.0}"),
            format!("{possible:.0}"),
            format!("{ratio:.2}"),
            format!("{TARGET:.2}"),
            if ratio >= TARGET { "reached" } else { "below" }.to_owned(),
        ]);
    }
    aligned(&cells)
}
