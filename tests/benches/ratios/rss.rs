//! The memory that our sender processes hold while they send as fast as they can, from a queue that is full.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use mtan_jobs::Pool;
use mtan_queue::Queue;
use mtan_testkit::wait_until;
use tokio::time::sleep;

use crate::broker::Broker;
use crate::gateway::Gateway;
use crate::program::{Memory, Program, backends, memory, stop};
use crate::sink::Sink;
use crate::station::fill;
use crate::table::{aligned, words};
use crate::tally::Tally;
use crate::world::World;

/// The limit to grow into, in MiB, for the most that it ever was.
const LIMIT: f64 = 40.0;

/// Jobs for so many a second lie ready: more than a sender on two cores has taken so far.
const ENOUGH_PER_SECOND: f64 = 8_000.0;

/// Below the queue's length limit of 100,000.
const MOST: f64 = 90_000.0;

/// Between two looks at how far it is.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What one process held.
struct Loaded {
    name: &'static str,
    per_second: f64,
    memory: Memory,
}

/// Measures and shows.
pub(crate) fn table(world: &World, _: &'static str) -> anyhow::Result<String> {
    let (redis, vhost) = (world.redis()?, world.vhost());
    let folder = tempfile::Builder::new().prefix("mtan-ratios-").tempdir()?;
    let backends = backends(folder.path(), &redis, &vhost)?;
    let (gateway, sink) = world
        .load
        .block_on(async { anyhow::Ok((Gateway::start(Duration::ZERO).await?, Sink::start().await?)) })?;
    let ways = [
        ("mtan-sender-http", "HttpSMSProvider", gateway.provider_config(), gateway.tally),
        ("mtan-sender-smtp", "SmtpSMSProvider", sink.provider_config(), sink.tally),
    ];
    world.progress.expect(2);
    let mut all = Vec::new();
    for (name, class, config, tally) in ways {
        let hands = world.arguments.prefetch;
        let sms =
            format!("SMSProvider = \"{class}\"\nSMSProviderConfig = '''{config}'''\nmax_in_flight = {hands}");
        let program = Program::new(folder.path(), name, &backends, &sms)?;
        all.push(measure(world, &vhost.url, &program, &tally).context(name)?);
        world.progress.step();
    }
    Ok(shown(&all))
}

/// One run, as long as all rounds together: memory grows until everything has been used once.
fn measure(world: &World, amqp: &str, program: &Program, tally: &Tally) -> anyhow::Result<Loaded> {
    let seconds = world.arguments.seconds * f64::from(world.arguments.rounds);
    let jobs = jobs(seconds);
    world.progress.say(&format!("{}: some {seconds} s from a queue of {jobs} jobs", program.name));
    world.server.block_on(filled(amqp, jobs))?;
    tally.taken();
    // on the load's runtime: it has the gateway
    world.load.block_on(async {
        let mut process = program.start().await?;
        let (begun, before) = (Instant::now(), tally.so_far());
        while begun.elapsed().as_secs_f64() < seconds && tally.so_far() < jobs {
            ensure!(process.is_running(), "ended by itself:\n{}", process.lines().join("\n"));
            sleep(LOOK_EVERY).await;
        }
        let (elapsed, taken) = (begun.elapsed(), tally.so_far() - before);
        let memory = memory(process.pid())?;
        stop(process).await;
        ensure!(taken > 0, "nothing was sent: there was no load");
        let per_second = f64::from(u32::try_from(taken)?) / elapsed.as_secs_f64();
        Ok(Loaded { name: program.name, per_second, memory })
    })
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped before")]
fn jobs(seconds: f64) -> usize {
    (seconds * ENOUGH_PER_SECOND).clamp(1_000.0, MOST) as usize
}

async fn filled(amqp: &str, jobs: usize) -> anyhow::Result<()> {
    let queue = Queue::amqp(amqp, "ratios")?;
    let publisher = queue.publisher(&[Pool::default_pool()]);
    wait_until("the queue", Duration::from_secs(20), async || queue.ready()).await;
    fill(&publisher, &Broker::connect(amqp).await?, jobs).await?;
    queue.close().await;
    Ok(())
}

fn shown(all: &[Loaded]) -> String {
    let head =
        ["process, at full load", "SMS/s", "peak MiB", "limit", "", "RSS MiB at the end", "own", "threads"];
    let mut rows = vec![words(head)];
    for Loaded { name, per_second, memory } in all {
        rows.push(vec![
            (*name).to_owned(),
            format!("{per_second:.0}"),
            format!("{:.1}", memory.peak),
            format!("{LIMIT:.0}"),
            if memory.peak <= LIMIT { "within" } else { "above" }.to_owned(),
            format!("{:.1}", memory.rss),
            format!("{:.1}", memory.anonymous),
            format!("{:.0}", memory.threads),
        ]);
    }
    aligned(&rows)
}
