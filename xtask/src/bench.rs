//! `cargo xtask bench`: figures, as ratios to a bare baseline of the same run.

use crate::run::{cargo, run};
use crate::servers;

/// What may be said beside `cargo xtask bench`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Seconds that one side of one round takes, more or less
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Only measurements whose name contains this: check-transaction, check-pin, check_t, simplecheck,
    /// trigger (smspin), sender, smtp, slow-gateway, rss, idle
    only: Option<String>,
    /// Handed on to the benchmark, after `--`; `cargo xtask bench -- --help` shows what it takes
    #[arg(last = true)]
    more: Vec<String>,
}

/// Builds with optimisation and runs the benchmark; it starts the servers that it needs.
pub(crate) fn run_all(arguments: &Arguments) -> anyhow::Result<()> {
    servers::ensure()?;
    run(&mut cargo(["build", "--release", "--workspace", "--exclude", "xtask", "--bins"]))?;
    let mut command = cargo(["bench", "--package", "mtan-stories", "--bench", "ratios", "--"]);
    command.args(["--seconds", &arguments.seconds.to_string()]);
    run(command.args(&arguments.more).args(&arguments.only))
}
