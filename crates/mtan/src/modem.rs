//! `mtan modem`: for the person with the stick in hand. What it does is in the room `sender-modem`; here are its words on a terminal.

mod access;
mod json;
mod page;
mod progress;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use mtan_sender_modem::desk::{self, Found, Letter, Problem, Sent, Status, Visit};
use mtan_sender_modem::gnokiirc::Place;
use mtan_sms::{PhoneNumber, SmsText};
use serde_json::Value;

use access::{Access, Mistake, Modems};
use page::Shown;
use progress::Progress;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Find modems: one line each, with model, SIM, network and signal, or what is wrong in plain words
    ///
    /// Looks at /dev/serial/by-id/*, /dev/ttyUSB* and /dev/ttyACM*, all at once. Enters no PIN and changes nothing that
    /// lasts. Exit code 0 = a modem was found, 1 = none, 2 = a mistake in the arguments.
    Scan(Scan),
    /// Set one modem up as the daemon does, and tell everything about it
    ///
    /// Example: mtan modem status /dev/serial/by-id/usb-HUAWEI_Mobile-if00-port0 --balance '*100#'
    ///
    /// Exit code 0 = it can send, 1 = it cannot, 2 = a mistake in the arguments or the configuration.
    Status(StatusOf),
    /// Send one real SMS by a modem, and say what came of it
    ///
    /// Example: mtan modem send --port /dev/ttyUSB0 --to "+49 170 1234567" "Hello from the stick"
    ///
    /// Exit code 0 = the network took it (and, with --wait, did not report a failure), 1 = it did not, or nobody knows, 2 = a
    /// mistake in the arguments or the configuration.
    Send(SendBy),
}

#[derive(Args)]
pub(crate) struct Scan {
    /// Ports to look at instead: paths, patterns in quotes, or tcp:host:port
    #[arg(value_name = "PORT")]
    ports: Vec<String>,
    #[command(flatten)]
    form: Form,
}

#[derive(Args)]
pub(crate) struct StatusOf {
    /// The modem's port; may be left out with a configuration, which then names it
    #[arg(value_name = "PORT")]
    ports: Vec<String>,
    /// Ask for a prepaid card's balance with this USSD code, such as '*100#'; default: BALANCE of the configuration
    #[arg(long, value_name = "CODE")]
    balance: Option<String>,
    #[command(flatten)]
    access: Access,
    #[command(flatten)]
    form: Form,
}

#[derive(Args)]
pub(crate) struct SendBy {
    /// The modem's port; may be left out with a configuration: then its first modem that can send is taken
    #[arg(long = "port", value_name = "PORT")]
    ports: Vec<String>,
    /// Where the SMS goes, in the international form: "+49 170 1234567"
    #[arg(long, value_name = "NUMBER")]
    to: String,
    /// What it says; "-" reads it from standard input
    #[arg(value_name = "TEXT", default_value = "This is a test of mtan.")]
    text: String,
    /// Wait so many seconds for the delivery report
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    wait: u64,
    #[command(flatten)]
    access: Access,
    #[command(flatten)]
    form: Form,
}

/// How the answer looks.
#[derive(Args, Clone, Copy)]
pub(crate) struct Form {
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Show IMEI, IMSI, ICCID and numbers whole
    #[arg(long)]
    full: bool,
}

/// What to print, and whether all is well.
type Answer = (String, bool);

pub(crate) fn run(config: Option<&Path>, command: Command) -> ExitCode {
    match answer(config, command) {
        Ok((text, is_good)) => {
            print(&text);
            if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(mistake) => {
            eprintln!("mtan: {mistake}");
            ExitCode::from(2)
        }
    }
}

#[expect(clippy::print_stdout, reason = "the answer of a command for a person")]
fn print(text: &str) {
    println!("{text}");
}

#[tokio::main(flavor = "current_thread")]
async fn answer(config: Option<&Path>, command: Command) -> Result<Answer, Mistake> {
    match command {
        Command::Scan(scan) => scan_ports(&scan).await,
        Command::Status(status) => status_of(config, &status).await,
        Command::Send(send) => send_by(config, &send).await,
    }
}

async fn scan_ports(scan: &Scan) -> Result<Answer, Mistake> {
    let everywhere = scan.ports.is_empty();
    let lines = if everywhere { desk::everywhere() } else { access::ports(&scan.ports)? };
    let progress = Progress::of(lines.len(), "ports");
    let found = desk::scan(lines, || progress.step()).await;
    progress.end();
    let is_good = found.iter().any(|found| found.facts.is_some());
    let shown = Shown { whole: scan.form.full };
    Ok((scan.form.write(|| json::scan(&found, shown), || page::scan(&found, everywhere, shown)), is_good))
}

async fn status_of(config: Option<&Path>, of: &StatusOf) -> Result<Answer, Mistake> {
    let modems = of.access.modems(config, &of.ports, of.balance.as_deref())?;
    let visit = Visit { config: &modems.config, register_within: of.access.register_within() };
    let mut all: Vec<Status> = Vec::new();
    for line in &modems.lines {
        let progress = Progress::of_one(&line.place);
        all.push(desk::status(&visit, line).await);
        progress.end();
    }
    let is_good = all.iter().all(|status| status.found.problem.is_none());
    let shown = Shown { whole: of.form.full };
    Ok((of.form.write(|| json::statuses(&all, shown), || page::statuses(&all, shown)), is_good))
}

async fn send_by(config: Option<&Path>, by: &SendBy) -> Result<Answer, Mistake> {
    let letter = by.letter()?;
    let modems = by.access.modems(config, &by.ports, None)?;
    let shown = Shown { whole: by.form.full };
    let (problems, sent) = try_in_turn(&modems, &by.access, &letter).await;
    let is_good = sent.as_ref().is_some_and(|(_, sent)| sent.is_good());
    let to = if shown.whole { letter.to.expose().to_owned() } else { letter.to.to_string() };
    let sent = sent.as_ref().map(|(port, sent)| (port, sent));
    let text = by.form.write(|| json::sent(&to, &problems, sent), || page::sent(&to, &problems, sent));
    Ok((text, is_good))
}

/// The first modem that is ready has it; after that no other one, whatever comes of it.
async fn try_in_turn(
    modems: &Modems,
    access: &Access,
    letter: &Letter,
) -> (Vec<Found>, Option<(Place, Sent)>) {
    let visit = Visit { config: &modems.config, register_within: access.register_within() };
    let mut problems = Vec::new();
    for line in &modems.lines {
        let progress = Progress::of_one(&line.place);
        let sent = desk::send(&visit, line, letter).await;
        progress.end();
        match sent {
            Ok(sent) => return (problems, Some((line.place.clone(), sent))),
            Err(problem) => problems.push(no_modem(&line.place, problem)),
        }
    }
    (problems, None)
}

fn no_modem(port: &Place, problem: Problem) -> Found {
    Found { ports: vec![port.clone()], facts: None, problem: Some(problem) }
}

impl SendBy {
    fn letter(&self) -> Result<Letter, Mistake> {
        let mut reference = [0];
        getrandom::fill(&mut reference).expect("the system has randomness");
        Ok(Letter {
            to: PhoneNumber::parse(&self.to).map_err(|e| Mistake::new("--to", e))?,
            text: SmsText::new(access::text(&self.text)?).map_err(|e| Mistake::new("TEXT", e))?,
            reference: reference[0],
            wait: Duration::from_secs(self.wait),
        })
    }
}

impl Form {
    fn write(self, json: impl FnOnce() -> Value, text: impl FnOnce() -> String) -> String {
        match self.json {
            true => serde_json::to_string_pretty(&json()).expect("a JSON value is JSON"),
            false => text(),
        }
    }
}
