//! The project's own commands: `cargo xtask test | lint | bench | timing | fuzz | ci`.

mod bench;
mod fuzz;
mod lint;
mod run;
mod servers;
mod test;
mod timing;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The project's own commands")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run all tests: finds or installs the servers that they need, starts one broker for the run, builds the processes
    Test(test::Arguments),
    /// Formatting, clippy with warnings denied, documentation, dependency rules
    Lint,
    /// Measure: prints ratios to a bare baseline from one run
    Bench(bench::Arguments),
    /// Ask 120,000 times for users who exist and who do not: whether the time of the answers tells them apart
    Timing(timing::Arguments),
    /// Feed odd input to whatever reads a modem's answers, each target for some minutes
    Fuzz(fuzz::Arguments),
    /// What has to pass before a change lands: lint, then all tests
    Ci,
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Test(arguments) => test::run_all(&arguments),
        Command::Lint => lint::run_all(),
        Command::Bench(arguments) => bench::run_all(&arguments),
        Command::Timing(arguments) => timing::run_all(&arguments),
        Command::Fuzz(arguments) => fuzz::run_all(&arguments),
        Command::Ci => {
            lint::run_all()?;
            test::run_all(&test::Arguments::default())
        }
    }
}
