//! `cargo xtask test`: every test of the project.

use anyhow::Context;
use mtan_testkit::find_program;
use mtan_testkit::rabbit::RabbitServer;

use crate::run::{cargo, run, say};
use crate::servers;

/// What may be said beside `cargo xtask test`.
#[derive(clap::Args, Default)]
pub(crate) struct Arguments {
    /// Handed on to the test runner: a part of a test's name, or `-p PACKAGE`; documentation tests are left out then
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    only: Vec<String>,
}

/// The stories start our own processes: they are built first. One broker serves the whole run, each test has a vhost of its own.
pub(crate) fn run_all(arguments: &Arguments) -> anyhow::Result<()> {
    servers::ensure()?;
    run(&mut cargo(["build", "--workspace", "--exclude", "xtask", "--bins"]))?;
    say("Starting RabbitMQ for this run (some 10 s) …");
    let runtime = tokio::runtime::Runtime::new().context("no runtime")?;
    let broker = runtime.block_on(RabbitServer::start());
    let result = tests(arguments, &broker);
    drop(broker);
    result
}

fn tests(arguments: &Arguments, broker: &RabbitServer) -> anyhow::Result<()> {
    let (variable, value) = broker.environment();
    let mut command = if find_program("cargo-nextest").is_some() {
        cargo(["nextest", "run"])
    } else {
        say(
            "cargo-nextest is not installed: using cargo test, which is slower (`cargo install --locked cargo-nextest`).",
        );
        cargo(["test", "--tests", "--bins", "--lib"])
    };
    // A package named by the caller takes the place of the whole workspace.
    let packages = arguments.only.iter().any(|word| word == "-p" || word.starts_with("--package"));
    if !packages {
        command.arg("--workspace");
    }
    run(command.args(&arguments.only).env(variable, &value))?;
    if arguments.only.is_empty() {
        run(cargo(["test", "--workspace", "--doc", "--quiet"]).env(variable, &value))?;
    }
    Ok(())
}
