//! `mtan config`: looks at the configuration without starting anything.

use std::path::Path;
use std::sync::Arc;

use clap::Subcommand;
use mtan_jobs::{Clock, SystemClock};

use crate::up::Plan;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Name every mistake at once, with its key; exit code 2 if there is one
    ///
    /// Reads every section and every provider's configuration as `mtan up`, mtan-otp-api and the senders do, with the files
    /// that they name: JSON, certificates, passwords. What is allowed and still looks like a mistake is a warning, and
    /// no reason for another exit code than 0. No server is asked, nothing is opened or made.
    Check,
}

#[expect(clippy::print_stdout, reason = "the answer of a command for a person")]
pub(crate) fn run(config: Option<&Path>, command: &Command) -> anyhow::Result<()> {
    let Command::Check = command;
    crate::tls::install();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let plan = Plan::read(config, &clock)?;
    plan.warnings().iter().for_each(|warning| println!("warning: {warning}"));
    println!("The configuration is good; {}.", plan.summary());
    Ok(())
}
