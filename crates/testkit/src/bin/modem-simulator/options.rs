//! The command line of the simulator.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Parser;
use mtan_testkit::modem::{ModemFault, Reports, SimRules};

/// A GSM modem that sends nothing: it opens a pseudo terminal, speaks AT as a modem does, and prints each SMS that it
/// would have sent.
///
/// Point the port of a gnokiirc, or any program that drives a modem, at the path that it prints.
#[derive(Debug, Parser)]
#[command(name = "mtan-modem-simulator", version)]
pub(crate) struct Options {
    /// Name under which the modem is found, whatever its tty is called. Its folder is made if it is missing
    #[arg(long, value_name = "PATH")]
    link: Option<PathBuf>,
    /// The PIN that the SIM asks for
    #[arg(long)]
    pin: Option<String>,
    /// Tries left for the PIN
    #[arg(long, value_name = "N", default_value_t = 3)]
    pin_tries: u8,
    /// Seconds that each part of an SMS takes; a real one takes 3 to 6
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0)]
    delay: f64,
    /// What the network reports when a delivery report is asked for
    #[arg(long, value_enum, default_value_t = Outcome::Delivered)]
    reports: Outcome,
    /// Seconds from the sending to the report
    #[arg(long, value_name = "SECONDS", default_value_t = 2.0)]
    report_delay: f64,
    /// Misbehaves so, again and again unless --times says how often: silent, noise, fragments, lf-only, dies, reboots,
    /// hangs, hangs-until-reopened, no-sim, puk, not-registered, denied, storage-full, no-prompt, silent-but-sent,
    /// silent-not-sent, dies-but-sent, dies-not-sent, error, cms:N, cme:N. May be given several times
    #[arg(long = "fault", value_name = "FAULT", value_parser = fault)]
    pub(crate) faults: Vec<ModemFault>,
    /// How often each fault comes up
    #[arg(long, value_name = "N")]
    pub(crate) times: Option<usize>,
    /// Prints the command lines too. PINs are in them
    #[arg(long)]
    pub(crate) commands: bool,
}

/// How a delivery ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Outcome {
    Delivered,
    Failed,
    Trying,
    Never,
}

impl Options {
    /// The modem that was asked for, or what is wrong with the request.
    pub(crate) fn rules(&self) -> Result<SimRules, String> {
        let (by_id, link_name) = match &self.link {
            Some(link) => {
                let name = link.file_name().ok_or("--link needs a file name")?.to_string_lossy().into_owned();
                let folder = link.parent().filter(|folder| !folder.as_os_str().is_empty());
                let folder = folder.unwrap_or(Path::new("."));
                std::fs::create_dir_all(folder).map_err(|error| format!("--link: {error}"))?;
                (Some(folder.to_owned()), Some(name))
            }
            None => (None, None),
        };
        let status = match self.reports {
            Outcome::Delivered => Some(0x00),
            Outcome::Trying => Some(0x20),
            Outcome::Failed => Some(0x46),
            Outcome::Never => None,
        };
        Ok(SimRules {
            pin: self.pin.clone(),
            pin_tries: self.pin_tries,
            time_per_part: seconds("--delay", self.delay)?,
            boot_time: Duration::from_secs(3),
            reports: Reports {
                delay: seconds("--report-delay", self.report_delay)?,
                status,
                national: false,
            },
            by_id,
            link_name,
            ..SimRules::default()
        })
    }
}

fn seconds(option: &str, value: f64) -> Result<Duration, String> {
    Duration::try_from_secs_f64(value).map_err(|error| format!("{option}: {error}"))
}

fn fault(name: &str) -> Result<ModemFault, String> {
    let code = |text: &str| text.parse().map_err(|_| format!("{text} is no error code"));
    Ok(match name.split_once(':').unwrap_or((name, "")) {
        ("silent", "") => ModemFault::Silent,
        ("noise", "") => ModemFault::Noise,
        ("fragments", "") => ModemFault::Fragments,
        ("lf-only", "") => ModemFault::LfOnly,
        ("dies", "") => ModemFault::Dies,
        ("reboots", "") => ModemFault::Reboots,
        ("hangs", "") => ModemFault::HangsUntilCfun,
        ("hangs-until-reopened", "") => ModemFault::HangsUntilReopened,
        ("no-sim", "") => ModemFault::NoSim,
        ("puk", "") => ModemFault::PukNeeded,
        ("not-registered", "") => ModemFault::NotRegistered,
        ("denied", "") => ModemFault::RegistrationDenied,
        ("storage-full", "") => ModemFault::StorageFull,
        ("no-prompt", "") => ModemFault::NoPrompt,
        ("silent-but-sent", "") => ModemFault::SilentButSent,
        ("silent-not-sent", "") => ModemFault::SilentNotSent,
        ("dies-but-sent", "") => ModemFault::DiesButSent,
        ("dies-not-sent", "") => ModemFault::DiesNotSent,
        ("error", "") => ModemFault::Error,
        ("cms", number) => ModemFault::Cms(code(number)?),
        ("cme", number) => ModemFault::Cme(code(number)?),
        _ => return Err("no such fault; --help lists them".to_owned()),
    })
}
