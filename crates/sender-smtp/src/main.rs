//! `mtan-sender-smtp`: the way out through mail gateways as a process of its own.

use std::process::ExitCode;

use mtan_sender::{ProviderKind, daemon};
use mtan_sender_smtp::SmtpProvider;

#[tokio::main]
async fn main() -> ExitCode {
    daemon::main(ProviderKind::Smtp, &SmtpProvider::from_json).await
}
