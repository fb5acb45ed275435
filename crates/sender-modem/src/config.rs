//! The keys of DeviceSMSProvider, nowhere else: JSON becomes a typed configuration, or every mistake at once.

mod read;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mtan_daemon::Fault;
use mtan_sender::UnknownRule;
use mtan_sms::Address;
use zeroize::Zeroizing;

use crate::gnokiirc::Line;

/// A pool of modems. Holds the SIM's PIN: `Debug` shows the ports only.
#[derive(Clone)]
pub struct ModemConfig {
    /// The modems; a [`Place::Port`](crate::gnokiirc::Place::Port) may be a pattern for several.
    pub lines: Vec<Line>,
    /// Of the SIM: 4 to 8 digits.
    pub pin: Option<Zeroizing<String>>,
    /// The service centre, in place of the SIM's.
    pub smsc: Option<Address>,
    /// The most that an SMS may wait in the network; the code's own remaining life is the other limit.
    pub validity: Option<Duration>,
    /// Whether the network is asked to report delivery.
    pub status_reports: bool,
    /// Whether the service centre is asked to refuse an SMS that it has already (TP-RD).
    pub reject_duplicates: bool,
    /// SMS that one text may take: 1 to 10. A longer one is refused.
    pub max_parts: u8,
    /// SMS, each part counted, that one modem may send in a minute; `None` = as many as it can.
    pub sms_per_minute: Option<u16>,
    /// The USSD code that tells a prepaid card's balance, such as `*100#`.
    pub balance: Option<String>,
    /// Where refused PINs and awaited delivery reports are kept.
    pub state: PathBuf,
    /// What to do after a hand-over whose outcome nobody knows.
    pub ambiguous: UnknownRule,
    /// What is allowed and still looks like a mistake.
    warnings: Vec<String>,
}

impl ModemConfig {
    /// Reads the JSON of `SMSProviderConfig`; relative paths in it start in `folder`. The faults name keys, seen from the
    /// JSON's top, and never a value; those of the gnokiirc file and line too.
    pub fn from_json(text: &str, folder: &Path) -> Result<ModemConfig, Vec<Fault>> {
        let (mut config, warnings) = read::config(text, folder)?;
        config.warnings = warnings;
        Ok(config)
    }

    /// What is allowed and still looks like a mistake; for the log, once, at the start.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

impl fmt::Debug for ModemConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places: Vec<_> = self.lines.iter().map(|line| &line.place).collect();
        f.debug_struct("ModemConfig").field("places", &places).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
