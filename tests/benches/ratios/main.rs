//! Ratios to bare baselines, measured in one run: `cargo xtask bench`. How to read them stands in `docs/performance.md`.

mod arguments;
mod bare_check;
mod bare_sender;
mod broker;
mod check;
mod cpu;
mod desk;
mod gateway;
mod http;
mod idle;
mod jobs;
mod progress;
mod rounds;
mod sender;
mod steps;
mod table;
mod trigger;
mod world;

use std::io::{self, Write};

use anyhow::ensure;
use clap::Parser;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::MakeWriterExt;

use crate::arguments::Arguments;
use crate::check::Kind;
use crate::rounds::{Comparison, Figures, compare};
use crate::world::World;

type Make = fn(&World, &'static str) -> anyhow::Result<Comparison>;

/// The measurements against a baseline, in their order.
const COMPARISONS: [(&str, Make); 4] = [
    ("check-transaction", |world, name| check::comparison(world, name, Kind::Transaction)),
    ("check-pin", |world, name| check::comparison(world, name, Kind::Pin)),
    ("trigger", trigger::comparison),
    ("sender", sender::comparison),
];

/// Single steps against a baseline, in their order.
const STEPS: [(&str, Make); 6] = [
    ("step-two-scripts", steps::two_scripts),
    ("step-least-trigger", steps::least_trigger),
    ("step-queue", steps::queue),
    ("step-own-channels", steps::own_channels),
    ("step-channel-batches", steps::channel_batches),
    ("step-no-claims", steps::no_claims),
];

const IDLE: &str = "idle";

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let steps = if arguments.steps { &STEPS[..] } else { &[] };
    let comparisons: Vec<(&str, Make)> = COMPARISONS.iter().chain(steps).copied().collect();
    let known = comparisons.iter().map(|(name, _)| *name).chain([IDLE]);
    let wanted: Vec<&str> = known.clone().filter(|name| arguments.wants(name)).collect();
    ensure!(!wanted.is_empty(), "nothing has that name; there are {}", known.collect::<Vec<_>>().join(", "));
    drop(rustls::crypto::ring::default_provider().install_default());
    start_logs();

    let world = World::new(arguments)?;
    let _metrics = world.server.block_on(async { mtan_daemon::init_metrics() });
    let mut figures: Vec<Figures> = Vec::new();
    for (name, make) in comparisons {
        if wanted.contains(&name) {
            figures.push(compare(&world, make(&world, name)?)?);
        }
    }
    let idle = if wanted.contains(&IDLE) { idle::measure(&world)? } else { Vec::new() };
    world.progress.end();

    let mut out = io::stdout().lock();
    writeln!(out, "\n{}", world.conditions())?;
    if !figures.is_empty() {
        writeln!(out, "\n{}\n{}", table::ratios(&figures), table::costs(&figures))?;
    }
    if !idle.is_empty() {
        writeln!(out, "\n{}", idle::table(&idle))?;
    }
    Ok(())
}

/// Log lines are made as in a daemon with `level = "info"`, for they cost something; only warnings are shown.
fn start_logs() {
    let filter = EnvFilter::new("info,lapin=warn,redis=warn,hyper=warn,reqwest=warn");
    let writer = io::stderr.with_max_level(tracing::Level::WARN).or_else(io::sink);
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(writer).init();
}
