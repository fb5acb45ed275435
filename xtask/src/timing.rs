//! `cargo xtask timing`: whether time tells who has a token. Some minutes of work, so never part of the tests.

use crate::run::{cargo, run};
use crate::servers;

/// What may be said beside `cargo xtask timing`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Handed on to the measurement: `--calls 200000`, `--store embedded`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    more: Vec<String>,
}

/// Builds with optimisation and measures. It ends with an error when time tells.
pub(crate) fn run_all(arguments: &Arguments) -> anyhow::Result<()> {
    servers::ensure()?;
    let mut command = cargo(["bench", "--package", "mtan-otp-api", "--bench", "timing", "--"]);
    run(command.args(&arguments.more))
}
