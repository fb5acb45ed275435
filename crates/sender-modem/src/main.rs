//! `mtan-sender-modem`: the way out through GSM modems as a process of its own.

use std::process::ExitCode;

use mtan_sender::{ProviderKind, daemon};
use mtan_sender_modem::ModemProvider;

#[tokio::main]
async fn main() -> ExitCode {
    daemon::main(ProviderKind::Device, &ModemProvider::from_json).await
}
