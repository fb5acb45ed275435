//! `mtan gateway`: the gateways that are known by name, and one real SMS through the configured one.

mod show;
mod trial;
mod words;

use std::path::Path;

use clap::Subcommand;
use mtan_sender_http::profile::Profile;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Name the gateways that have a profile
    List,
    /// Say what a profile needs and does, with a piece of configuration to paste
    Show {
        /// As `mtan gateway list` names it
        name: String,
    },
    /// Send one real SMS through a configured pool, and explain the answer; exit code 0 only if it was accepted
    ///
    /// Example: mtan --config mtan.toml gateway test --to "+49 170 1234567"
    ///
    /// The request is shown without passwords, text and whole number. Nothing else of an installation is touched: the queue
    /// is not used, and no other server is asked.
    Test(trial::Arguments),
}

#[expect(clippy::print_stdout, reason = "the answer of a command for a person")]
pub(crate) fn run(config: Option<&Path>, command: Command) -> anyhow::Result<()> {
    match command {
        Command::List => print!("{}", show::list(&Profile::all())),
        Command::Show { name } => print!("{}", show::page(&Profile::named(&name)?)),
        Command::Test(arguments) => return trial::run(config, &arguments),
    }
    Ok(())
}
