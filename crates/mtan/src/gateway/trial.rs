//! `mtan gateway test`: one real SMS, and what came of it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use mtan_daemon::Config;
use mtan_jobs::{Clock, JobId, SendJob, SystemClock};
use mtan_sender::{Detail, Verdict, Way};
use mtan_sms::{PhoneNumber, SmsText};

use super::words::meaning;
use crate::senders::Sending;

/// How long the SMS counts, for gateways that are told.
const LIFE: Duration = Duration::from_secs(300);

#[derive(Args)]
pub(crate) struct Arguments {
    /// The pool; default: the first that is configured
    #[arg(long, value_name = "NAME")]
    pool: Option<String>,
    /// Where the SMS goes, in the international form: "+49 170 1234567"
    #[arg(long, value_name = "NUMBER")]
    to: String,
    /// What it says
    #[arg(long, value_name = "TEXT", default_value = "This is a test of mtan.")]
    text: String,
}

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "the answer of a command for a person")]
pub(crate) async fn run(config: Option<&Path>, arguments: &Arguments) -> anyhow::Result<()> {
    crate::tls::install();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let way = way(config, arguments.pool.as_deref(), &clock)?;
    let job = job(arguments, &*clock)?;
    let deadline = job.deadline(clock.now());

    println!("Pool {}, {}", way.pool, way.provider.kind());
    way.provider.warnings().iter().for_each(|warning| println!("Warning: {warning}"));
    println!("\nThe request\n{}\n", indented(&way.provider.preview(&job, deadline)));
    let (verdict, rule) = way.provider.send_and_explain(&job, deadline).await;
    println!("{}", answer(&verdict, rule.as_deref()));
    match verdict {
        Verdict::Accepted { .. } => Ok(()),
        _ => bail!("the SMS to {} was not accepted", job.to),
    }
}

/// The pool's way out, from the same sections as the senders read.
fn way(config: Option<&Path>, pool: Option<&str>, clock: &Arc<dyn Clock>) -> anyhow::Result<Way> {
    let file = config;
    let mut config = Config::load(file)?;
    let ways = Sending::read(&mut config, file, clock).ways;
    config.finish()?;
    let names: Vec<String> = ways.iter().map(|way| way.pool.to_string()).collect();
    let chosen = ways.into_iter().find(|way| pool.is_none_or(|name| way.pool.as_str() == name));
    chosen.with_context(|| match names.as_slice() {
        [] => "no SMS gateway is configured: write an [sms] section; `mtan gateway list` names gateways that are known"
            .to_owned(),
        names => format!("no such pool; configured are: {}", names.join(", ")),
    })
}

fn job(arguments: &Arguments, clock: &dyn Clock) -> anyhow::Result<SendJob> {
    let mut random = [0; 10];
    getrandom::fill(&mut random).expect("the system has randomness");
    let now = clock.now();
    Ok(SendJob {
        id: JobId::new(now, random),
        to: PhoneNumber::parse(&arguments.to).context("--to")?,
        text: SmsText::new(&*arguments.text).context("--text")?,
        otp: None,
        route: Vec::new(),
        expires_at: Some(now + LIFE),
        reference: None,
    })
}

/// What came back, as a person reads it.
fn answer(verdict: &Verdict, rule: Option<&str>) -> String {
    let (means, advice) = meaning(verdict.code());
    let (detail, id) = match verdict {
        Verdict::Accepted { gateway_id, detail } => (detail, gateway_id.as_deref()),
        Verdict::Retry { detail, .. }
        | Verdict::Rejected { detail, .. }
        | Verdict::Unknown { detail, .. } => (detail, None),
    };
    let mut lines = vec![format!("Answer   {}", detail.as_ref().map_or("(no words)", Detail::as_str))];
    lines.extend(id.map(|id| format!("Id       {id}")));
    lines.push(format!("Verdict  {} ({})", verdict.as_str(), verdict.code()));
    lines.extend(rule.map(|rule| format!("Because  {rule}")));
    lines.push(format!("Means    {means}"));
    lines.push(format!("Do       {advice}"));
    lines.join("\n")
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}
