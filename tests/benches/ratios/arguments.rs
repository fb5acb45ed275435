//! What may be said on the command line.

use clap::{Parser, ValueEnum};

/// Measures mtan beside bare baselines of the same machine, servers and minute: what counts are the ratios.
///
/// Measurements: check-transaction, check-pin, check_t, simplecheck, trigger (smspin), sender, smtp, slow-gateway, rss, idle;
/// with --steps also step-two-scripts, step-least-trigger, step-queue, step-lone, step-own-channels, step-channel-batches,
/// step-no-claims, step-smtp-wide. Redis and RabbitMQ are started for the run on ports of their own. `rss` and `idle`
/// need the release binaries: `cargo xtask bench` builds them first.
#[derive(Debug, Clone, Parser)]
#[command(name = "ratios")]
pub(crate) struct Arguments {
    /// Seconds that one side of one round takes, more or less
    #[arg(long, default_value_t = 3.0, value_parser = seconds)]
    pub(crate) seconds: f64,
    /// Rounds; each measures both sides, in turns the one or the other first
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=99))]
    pub(crate) rounds: u32,
    /// Requests under way at a time: keep-alive connections, or publishes
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=512))]
    pub(crate) connections: u16,
    /// Jobs in hand of the sender and of its bare loop: their prefetch. `smtp` has 10, `slow-gateway` 200
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=512))]
    pub(crate) prefetch: u16,
    /// When Redis brings a write to the disk, for both sides
    #[arg(long, value_enum, default_value_t = Fsync::Always)]
    pub(crate) fsync: Fsync,
    /// Measure single steps of ours against the same baselines too: where a ratio comes from
    #[arg(long)]
    pub(crate) steps: bool,
    /// Only measurements whose name contains this
    pub(crate) only: Option<String>,
    /// `cargo bench` says so to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

/// Redis' `appendfsync`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Fsync {
    /// Before it answers: what a used code that must stay used asks for
    Always,
    /// Once a second: Redis' own default with an append-only file
    Everysec,
}

impl Fsync {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Fsync::Always => "always",
            Fsync::Everysec => "everysec",
        }
    }
}

impl Arguments {
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.only.as_deref().is_none_or(|part| name.contains(part))
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.05..=600.0).contains(&seconds) => Ok(seconds),
        _ => Err("0.05 to 600 seconds are expected".to_owned()),
    }
}
