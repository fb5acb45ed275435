//! gnokii's configuration file, as people with a modem have it already: what of it matters here, and what does not.
//!
//! `[section]`, `key = value`; names are case-sensitive, a comment begins a line and never stands behind a value, quotes
//! are part of a value, a later line of the same name wins. `[phone_NAME]` inherits from `[global]`.

mod file;
mod read;

use std::time::Duration;

use file::File;
pub(crate) use read::place;

/// How one modem is reached and driven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Where it is.
    pub place: Place,
    /// Bits a second.
    pub baud_rate: u32,
    /// RTS and CTS say who may write: `model = AT-HW`.
    pub hardware_handshake: bool,
    /// Raise DTR and RTS after opening.
    pub raise_dtr: bool,
    /// Nothing is written while the modem shows no carrier.
    pub require_dcd: bool,
    /// How bytes are written.
    pub pace: Pace,
    /// How long the network has for the answer to a submission.
    pub result_within: Duration,
    /// Take the lock file that other programs for serial ports look at.
    pub lock_file: bool,
}

/// Where a modem is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A serial port: a path, or a pattern with `*`, `?` and `[…]` that stands for every port it matches.
    Port(String),
    /// A modem behind a terminal server: `host:port`.
    Tcp(String),
}

/// How bytes are written to a modem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// All at once.
    Whole,
    /// One at a time, with this pause after each: for old modems without a handshake.
    Bytes(Duration),
}

impl Line {
    /// A port as a modem of today has it, for a configuration without a file.
    pub fn at(place: Place) -> Line {
        Line {
            place,
            baud_rate: 115_200,
            hardware_handshake: false,
            raise_dtr: true,
            require_dcd: false,
            pace: Pace::Whole,
            result_within: RESULT_WITHIN,
            lock_file: true,
        }
    }
}

/// How long the network has to take an SMS, unless `smsc_timeout` says otherwise: vendors name 60 s and more.
pub const RESULT_WITHIN: Duration = Duration::from_secs(60);

/// What a file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gnokiirc {
    /// A line for `[global]`, or for each phone that was asked for.
    pub lines: Vec<Line>,
    /// What is read and changes nothing, or looks like a mistake: a sentence each, with file and line.
    pub warnings: Vec<String>,
}

impl Gnokiirc {
    /// Reads `text`, which messages call `name`. `phones` are the sections `[phone_NAME]` that are meant; none = `[global]`.
    /// `needs_port` is false where the ports stand elsewhere. An error is every mistake, each with file, line and key.
    pub fn parse(
        text: &str,
        name: &str,
        phones: &[String],
        needs_port: bool,
    ) -> Result<Gnokiirc, Vec<String>> {
        let mut reader = read::Reader::new(File::parse(text, name));
        let lines = reader.lines(phones, needs_port);
        reader.finish(lines)
    }
}

#[cfg(test)]
mod tests;
