//! Our processes with nothing to do: the memory they hold, and the time from their start until they are ready.

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::time::sleep;

use crate::program::{Memory, Program, backends, memory, stop};
use crate::table::{aligned, words};
use crate::world::World;

/// The limits to grow into.
const MEMORY_LIMIT: f64 = 25.0;
const READY_LIMIT: Duration = Duration::from_millis(200);

/// After this with nothing to do, a process is idle.
const REST: Duration = Duration::from_secs(2);

/// It is never asked.
const SMS: &str = r#"SMSProvider = "smsprovider.HttpSMSProvider.HttpSMSProvider"
SMSProviderConfig = '''{"URL": "http://127.0.0.1:9/send", "SMS_TEXT_KEY": "text", "SMS_PHONENUMBER_KEY": "to",
    "HTTP_Method": "POST", "RETURN_SUCCESS": "ID"}'''"#;

/// What one process took.
struct Idle {
    name: &'static str,
    /// From the start to `/readyz` 200: fastest, median, slowest.
    ready: [Duration; 3],
    /// Median.
    memory: Memory,
}

/// Starts each process as often as there are rounds, and shows what it took.
pub(crate) fn table(world: &World, _: &'static str) -> anyhow::Result<String> {
    let (redis, vhost) = (world.redis()?, world.vhost());
    let folder = tempfile::Builder::new().prefix("mtan-ratios-").tempdir()?;
    let apart = backends(folder.path(), &redis, &vhost)?;
    let programs = [
        Program::new(folder.path(), "mtan-otp-api", &apart, SMS)?,
        Program::new(folder.path(), "mtan-sender-http", &apart, SMS)?,
        Program::new(folder.path(), "mtan", "", SMS)?,
    ];
    world.progress.expect(world.arguments.rounds * 3);
    let all = programs.iter().map(|program| measure_one(world, program));
    Ok(shown(&all.collect::<anyhow::Result<Vec<_>>>()?))
}

fn measure_one(world: &World, program: &Program) -> anyhow::Result<Idle> {
    // the first start makes keys, files and queues
    world.server.block_on(start(program)).context(program.name)?;
    let (mut ready, mut memory) = (Vec::new(), Vec::new());
    for round in 1..=world.arguments.rounds {
        let (took, held) = world.server.block_on(start(program)).context(program.name)?;
        world.progress.say(&format!(
            "{}, start {round} of {}: ready after {} ms, {:.1} MiB",
            program.name,
            world.arguments.rounds,
            took.as_millis(),
            held.rss
        ));
        world.progress.step();
        ready.push(took);
        memory.push(held);
    }
    ready.sort_unstable();
    memory.sort_by(|a, b| a.rss.total_cmp(&b.rss));
    Ok(Idle {
        name: program.name,
        ready: [ready[0], ready[ready.len() / 2], ready[ready.len() - 1]],
        memory: memory[memory.len() / 2],
    })
}

async fn start(program: &Program) -> anyhow::Result<(Duration, Memory)> {
    let begun = Instant::now();
    let process = program.start().await?;
    let ready = begun.elapsed();
    sleep(REST).await;
    let memory = memory(process.pid())?;
    if ready > READY_LIMIT {
        // what it said tells what it waited for
        writeln!(std::io::stderr(), "{}", process.lines().join("\n"))?;
    }
    stop(process).await;
    Ok((ready, memory))
}

fn shown(all: &[Idle]) -> String {
    let mut rows = vec![words([
        "process", "ready ms", "fastest", "slowest", "limit", "", "RSS MiB", "own", "limit", "", "threads",
    ])];
    for Idle { name, ready, memory } in all {
        let [fastest, median, slowest] = ready.map(|time| time.as_millis().to_string());
        let within = |is: bool| if is { "within" } else { "above" }.to_owned();
        rows.push(vec![
            (*name).to_owned(),
            median,
            fastest,
            slowest,
            READY_LIMIT.as_millis().to_string(),
            within(ready[1] <= READY_LIMIT),
            format!("{:.1}", memory.rss),
            format!("{:.1}", memory.anonymous),
            format!("{MEMORY_LIMIT:.0}"),
            within(memory.rss <= MEMORY_LIMIT),
            format!("{:.0}", memory.threads),
        ]);
    }
    aligned(&rows)
}
