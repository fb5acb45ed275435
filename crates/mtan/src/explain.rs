//! `mtan explain`: the whole timeline of one SMS, over the admin face of a running server.

mod timeline;
mod words;

use std::path::Path;

use anyhow::{Context, bail};
use clap::Args;
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::admin::{Admin, Server};

#[derive(Args)]
pub(crate) struct Explain {
    /// A job, a transaction, a serial or a user: NAME or NAME@REALM
    #[arg(value_name = "ID")]
    id: String,
    /// ID is a user of this realm
    #[arg(long)]
    realm: Option<String>,
    /// So many SMS of a token or user, the newest first; default: 5
    #[arg(long, value_name = "NUMBER")]
    newest: Option<u32>,
    /// The server's answer as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Server,
}

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "the answer of a command for a person")]
pub(crate) async fn run(config: Option<&Path>, explain: Explain) -> anyhow::Result<()> {
    crate::tls::install();
    let admin = Admin::find(config, &explain.server)?;
    let answer = admin.get("/api/v1/explain", &explain.query()).await?;
    if explain.json {
        println!("{answer}");
    } else {
        print!("{}", told(&answer, &TimeZone::system())?);
    }
    Ok(())
}

impl Explain {
    fn query(&self) -> Vec<(&'static str, String)> {
        let optional = [("realm", self.realm.clone()), ("newest", self.newest.map(|n| n.to_string()))];
        let given = optional.into_iter().filter_map(|(name, value)| Some((name, value?)));
        [("id", self.id.clone())].into_iter().chain(given).collect()
    }
}

/// Every timeline, with an empty line between two.
fn told(answer: &Value, zone: &TimeZone) -> anyhow::Result<String> {
    let timelines = answer["timelines"].as_array().context("the server's answer has no timelines")?;
    if timelines.is_empty() {
        bail!("the server's answer has no timelines");
    }
    let told: anyhow::Result<Vec<String>> = timelines.iter().map(|one| timeline::told(one, zone)).collect();
    Ok(told?.join("\n"))
}
