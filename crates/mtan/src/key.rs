//! `mtan key`: the server key.

use std::path::PathBuf;

use anyhow::Context;
use clap::Subcommand;
use mtan_seal::ServerKey;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make a new server key: 32 random bytes in base64, mode 0600
    ///
    /// Every stored secret depends on it: keep a copy apart from the copies of the store, and give the same key to every
    /// mtan-otp-api of an installation. An existing file is never overwritten.
    New {
        /// Where to write it
        #[arg(long, value_name = "FILE", default_value = "server.key")]
        out: PathBuf,
    },
}

#[expect(clippy::print_stdout, reason = "the answer of a command for a person")]
pub(crate) fn run(command: &Command) -> anyhow::Result<()> {
    let Command::New { out } = command;
    ServerKey::create(out).context("no server key was made")?;
    println!(
        "{}: a new server key. In the configuration: server_key_file = {:?}",
        out.display(),
        out.display().to_string()
    );
    Ok(())
}
