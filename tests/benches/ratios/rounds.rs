//! Interleaved rounds: both sides do the same number of operations, close together in time, in turns the one or the
//! other first. What a busy machine does to one it does to the other; the median ratio of the rounds is the figure.

use std::time::{Duration, Instant};

use anyhow::Context;

use crate::cpu::Cpu;
use crate::world::World;

/// Operations of the first, unmeasured look.
const FIRST_LOOK: usize = 400;

/// Fewer operations than this say nothing.
const FEWEST: usize = 200;

/// One side of a comparison.
pub(crate) trait Side {
    /// Makes everything ready for `n` operations. Not measured.
    fn prepare(&mut self, n: usize) -> anyhow::Result<()>;

    /// Does the `n` operations. An operation that was not answered as it should be is an error: it would be a figure
    /// about something else.
    fn run(&mut self) -> anyhow::Result<Lap>;

    /// The most operations that can be prepared at once.
    fn most(&self) -> usize {
        60_000
    }
}

/// What one side took for its operations.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lap {
    pub(crate) elapsed: Duration,
    /// Of each operation, where operations are timed one by one.
    pub(crate) latencies: Vec<Duration>,
}

/// A side against its baseline.
pub(crate) struct Comparison {
    pub(crate) name: &'static str,
    /// The ratio to grow into; a step has none.
    pub(crate) target: Option<f64>,
    pub(crate) ours: Box<dyn Side>,
    pub(crate) bare: Box<dyn Side>,
}

/// What came of a comparison.
pub(crate) struct Figures {
    pub(crate) name: &'static str,
    pub(crate) target: Option<f64>,
    pub(crate) operations: usize,
    pub(crate) ours: Figure,
    pub(crate) bare: Figure,
    /// Of the rounds: lowest, median, highest.
    pub(crate) ratio: [f64; 3],
}

/// Medians of one side's rounds.
pub(crate) struct Figure {
    pub(crate) per_second: f64,
    /// Median and 99th percentile of the operations; none where they are not timed one by one.
    pub(crate) latency: Option<[Duration; 2]>,
    /// For one operation.
    pub(crate) cpu: Cpu,
}

struct Sample {
    per_second: f64,
    latency: Option<[Duration; 2]>,
    cpu: Cpu,
}

/// Runs all rounds.
pub(crate) fn compare(world: &World, mut comparison: Comparison) -> anyhow::Result<Figures> {
    let name = comparison.name;
    let rounds = world.arguments.rounds;
    world.progress.expect(2 * rounds + 2);
    let first = sample(world, name, "warm-up", "bare", comparison.bare.as_mut(), FIRST_LOOK)?;
    let second = sample(world, name, "warm-up", "ours", comparison.ours.as_mut(), FIRST_LOOK)?;
    let most = comparison.ours.most().min(comparison.bare.most());
    let operations = operations(first.per_second.min(second.per_second) * world.arguments.seconds, most);

    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for round in 1..=rounds {
        let title = format!("round {round} of {rounds}");
        let mut measure_ours = || sample(world, name, &title, "ours", comparison.ours.as_mut(), operations);
        let mut measure_bare = || sample(world, name, &title, "bare", comparison.bare.as_mut(), operations);
        if round % 2 == 1 {
            bare.push(measure_bare()?);
            ours.push(measure_ours()?);
        } else {
            ours.push(measure_ours()?);
            bare.push(measure_bare()?);
        }
    }
    let mut ratios: Vec<f64> = ours.iter().zip(&bare).map(|(o, b)| o.per_second / b.per_second).collect();
    ratios.sort_by(f64::total_cmp);
    let ratio = [ratios[0], median(&ratios), ratios[ratios.len() - 1]];
    Ok(Figures { name, target: comparison.target, operations, ours: figure(ours), bare: figure(bare), ratio })
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped before")]
fn operations(wanted: f64, most: usize) -> usize {
    (wanted.clamp(0.0, 1e9) as usize).clamp(FEWEST, most)
}

fn sample(
    world: &World,
    name: &str,
    title: &str,
    side_name: &str,
    side: &mut dyn Side,
    n: usize,
) -> anyhow::Result<Sample> {
    let context = || format!("{name}, {title}, {side_name}");
    let begun = Instant::now();
    side.prepare(n).with_context(context)?;
    let prepared = begun.elapsed();
    let servers = world.servers();
    let before = servers.cpu();
    let mut lap = side.run().with_context(context)?;
    let cpu = servers.cpu() - before;
    let count = u32::try_from(n).unwrap_or(u32::MAX);
    let per_second = f64::from(count) / lap.elapsed.as_secs_f64();
    world.progress.say(&format!(
        "{name}, {title}, {side_name}: {per_second:.0}/s ({n} operations, made ready in {:.1} s)",
        prepared.as_secs_f64()
    ));
    world.progress.step();
    lap.latencies.sort_unstable();
    let at = |part: usize| lap.latencies.get(lap.latencies.len() * part / 100).copied();
    let latency = at(50).zip(at(99)).map(|(median, slow)| [median, slow]);
    let each = |used: Duration| used / count;
    let cpu = Cpu {
        server: each(cpu.server),
        load: each(cpu.load),
        redis: each(cpu.redis),
        broker: each(cpu.broker),
    };
    Ok(Sample { per_second, latency, cpu })
}

fn figure(samples: Vec<Sample>) -> Figure {
    let of = |value: fn(&Sample) -> f64| {
        let mut values: Vec<f64> = samples.iter().map(value).collect();
        values.sort_by(f64::total_cmp);
        median(&values)
    };
    let time = |value: fn(&Sample) -> Duration| {
        let mut values: Vec<Duration> = samples.iter().map(value).collect();
        values.sort_unstable();
        values[values.len() / 2]
    };
    let timed = samples.iter().all(|sample| sample.latency.is_some());
    let latency = timed.then(|| {
        [
            time(|sample| sample.latency.unwrap_or_default()[0]),
            time(|sample| sample.latency.unwrap_or_default()[1]),
        ]
    });
    let cpu = Cpu {
        server: time(|sample| sample.cpu.server),
        load: time(|sample| sample.cpu.load),
        redis: time(|sample| sample.cpu.redis),
        broker: time(|sample| sample.cpu.broker),
    };
    Figure { per_second: of(|sample| sample.per_second), latency, cpu }
}

/// Of sorted values, at least one.
pub(crate) fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) }
}
