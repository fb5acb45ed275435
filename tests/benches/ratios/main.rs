//! Ratios to bare baselines, measured in one run: `cargo xtask bench`. How to read them stands in `docs/performance.md`.

mod arguments;
mod bare_check;
mod bare_sender;
mod broker;
mod check;
mod countdown;
mod cpu;
mod desk;
mod gateway;
mod http;
mod idle;
mod jobs;
mod program;
mod progress;
mod rounds;
mod rss;
mod sender;
mod sink;
mod slow;
mod smtp;
mod station;
mod steps;
mod table;
mod tally;
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
type Table = fn(&World, &'static str) -> anyhow::Result<String>;

/// The measurements against a baseline, in their order.
const COMPARISONS: [(&str, Make); 7] = [
    ("check-transaction", |world, name| check::comparison(world, name, Kind::Transaction)),
    ("check-pin", |world, name| check::comparison(world, name, Kind::Pin)),
    ("check_t", |world, name| check::comparison(world, name, Kind::TransactionAlone)),
    ("simplecheck", |world, name| check::comparison(world, name, Kind::Line)),
    ("trigger", trigger::comparison),
    ("sender", sender::comparison),
    ("smtp", smtp::comparison),
];

/// Single steps against a baseline, in their order.
const STEPS: [(&str, Make); 8] = [
    ("step-two-scripts", steps::two_scripts),
    ("step-least-trigger", steps::least_trigger),
    ("step-queue", steps::queue),
    ("step-lone", steps::lone),
    ("step-own-channels", steps::own_channels),
    ("step-channel-batches", steps::channel_batches),
    ("step-no-claims", steps::no_claims),
    ("step-smtp-wide", smtp::wide),
];

/// The measurements against a limit, each with a table of its own, in their order.
const TABLES: [(&str, Table); 3] =
    [("slow-gateway", slow::table), ("rss", rss::table), ("idle", idle::table)];

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let steps = if arguments.steps { &STEPS[..] } else { &[] };
    let comparisons: Vec<(&str, Make)> = COMPARISONS.iter().chain(steps).copied().collect();
    let known = comparisons.iter().map(|(name, _)| *name).chain(TABLES.map(|(name, _)| name));
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
    let tables = TABLES.iter().filter(|(name, _)| wanted.contains(name));
    let tables: Vec<String> =
        tables.map(|(name, table)| table(&world, name)).collect::<anyhow::Result<_>>()?;
    world.progress.end();

    let mut out = io::stdout().lock();
    writeln!(out, "\n{}", world.conditions())?;
    if !figures.is_empty() {
        writeln!(out, "\n{}\n{}", table::ratios(&figures), table::costs(&figures))?;
    }
    for table in tables {
        writeln!(out, "\n{table}")?;
    }
    Ok(())
}

/// Log lines are made as in a daemon with `level = "info"`, for they cost something; only warnings are shown.
fn start_logs() {
    let filter = EnvFilter::new("info,lapin=warn,redis=warn,hyper=warn,reqwest=warn");
    let writer = io::stderr.with_max_level(tracing::Level::WARN).or_else(io::sink);
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(writer).init();
}
