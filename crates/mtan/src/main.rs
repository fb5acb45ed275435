//! `mtan`: the command line, and all rooms in one process.

mod admin;
mod audit;
mod backends;
mod check;
mod demo;
mod explain;
mod gateway;
mod key;
mod modem;
mod senders;
mod table;
mod tls;
mod token;
mod up;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// One-time passwords by SMS: `mtan` alone starts everything in one process.
#[derive(Parser)]
#[command(name = "mtan", version, about, long_about = LONG_ABOUT)]
struct Arguments {
    /// Configuration file (TOML); every key can also be an environment variable MTAN__SECTION__KEY
    #[arg(long, global = true, env = "MTAN_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

const LONG_ABOUT: &str = "One-time passwords by SMS: sends them and checks them.

Without a command, `mtan` is `mtan up`: everything in one process, state and queue in the folder mtan-data. Without a
configured SMS gateway it is a demo: a token to try and a page that stands in for the phone.

Separate processes over RabbitMQ and Redis: mtan-otp-api, mtan-sender-http.";

#[derive(Subcommand)]
enum Command {
    /// Start everything in one process (the default)
    Up,
    /// Manage tokens over a running server's admin face
    #[command(subcommand)]
    Token(token::Command),
    /// Tell what became of an SMS, from the request to its delivery report
    ///
    /// Example: mtan explain alice
    Explain(explain::Explain),
    /// Tell who did what: logins and administrators' calls, the newest first
    ///
    /// Example: mtan audit --user alice
    Audit(Box<audit::Audit>),
    /// Look at the configuration without starting anything
    #[command(subcommand)]
    Config(check::Command),
    /// Gateways that are known by name, and a test of the configured one
    #[command(subcommand)]
    Gateway(gateway::Command),
    /// GSM modems: find them, look at one, send one SMS by it
    #[command(subcommand)]
    Modem(modem::Command),
    /// Make a server key
    #[command(subcommand)]
    Key(key::Command),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let config = arguments.config.as_deref();
    mtan_daemon::exit_code(match arguments.command.unwrap_or(Command::Up) {
        Command::Up => up::run(config),
        Command::Token(command) => token::run(config, command),
        Command::Explain(explain) => explain::run(config, explain),
        Command::Audit(audit) => audit::run(config, *audit),
        Command::Config(command) => check::run(config, &command),
        Command::Gateway(command) => gateway::run(config, command),
        // its exit codes tell a modem in trouble from a mistake in the arguments
        Command::Modem(command) => return modem::run(config, command),
        Command::Key(command) => key::run(&command),
    })
}
