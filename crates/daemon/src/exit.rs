//! How a process ends.

use std::process::ExitCode;

use crate::ConfigError;
use crate::metrics::process;

/// The exit code of `main`: 0, or 2 for a configuration with mistakes, or 1. The error goes to stderr with its causes, one
/// a line; of a configuration every mistake.
pub fn exit_code(result: anyhow::Result<()>) -> ExitCode {
    let Err(error) = result else { return ExitCode::SUCCESS };
    if let Some(config) = error.chain().find_map(|cause| cause.downcast_ref::<ConfigError>()) {
        eprintln!("{}: the configuration is not usable:\n{config}", process());
        return ExitCode::from(2);
    }
    eprintln!("{}: {error}", process());
    error.chain().skip(1).for_each(|cause| eprintln!("  because: {cause}"));
    ExitCode::FAILURE
}
