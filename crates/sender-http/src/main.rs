//! `mtan-sender-http`: the way out through HTTP gateways as a process of its own.

use std::process::ExitCode;

use mtan_sender::{ProviderKind, daemon};
use mtan_sender_http::HttpProvider;

#[tokio::main]
async fn main() -> ExitCode {
    daemon::main(ProviderKind::Http, &HttpProvider::from_json).await
}
