//! `mtan-modem-simulator`: the simulated modem by itself, for a demo and for compose files.

mod options;

use std::collections::HashSet;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use mtan_testkit::modem::ModemSim;
use tokio::signal::unix::{SignalKind, signal};

use options::Options;

/// Between two looks: a part that is still missing brings no news of its own.
const LOOK: Duration = Duration::from_millis(100);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let options = Options::parse();
    let rules = match options.rules() {
        Ok(rules) => rules,
        Err(wrong) => {
            eprintln!("mtan-modem-simulator: {wrong}");
            return ExitCode::FAILURE;
        }
    };
    let sim = ModemSim::start(rules).await;
    for fault in &options.faults {
        match options.times {
            Some(times) => sim.next(times, fault.clone()),
            None => sim.always(fault.clone()),
        }
    }
    say(&format!("modem at {}", sim.path().display()));
    match (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
        (Ok(mut terminate), Ok(mut interrupt)) => tokio::select! {
            () = show(&sim, options.commands) => {}
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        },
        _ => show(&sim, options.commands).await,
    }
    ExitCode::SUCCESS // dropped here: the link goes too
}

/// Prints what comes, for ever.
async fn show(sim: &ModemSim, with_commands: bool) {
    let (mut shown, mut commands) = (HashSet::new(), 0);
    loop {
        let lines = sim.commands();
        for line in lines.iter().skip(commands).filter(|_| with_commands) {
            say(&format!("  {line}"));
        }
        commands = lines.len();
        for (place, sms) in sim.sms().iter().enumerate() {
            if sms.is_whole() && shown.insert(place) {
                let parts = if sms.parts == 1 { String::new() } else { format!(" in {} parts", sms.parts) };
                say(&format!("SMS to {}{parts}: {}", sms.to, sms.text));
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

#[expect(clippy::print_stdout, reason = "what a person looks at")]
fn say(line: &str) {
    println!("{line}");
}
