//! The keys that matter, one by one; all others are named.

use std::time::Duration;

use super::file::{Entry, File};
use super::{Gnokiirc, Line, Pace, Place, RESULT_WITHIN};

/// Keys of `[global]` and `[phone_…]` that are read.
const READ: [&str; 10] = [
    "port",
    "model",
    "connection",
    "serial_baudrate",
    "serial_write_usleep",
    "handshake",
    "require_dcd",
    "set_dtr_rts",
    "smsc_timeout",
    "use_locking",
];

/// Keys that gnokii has and that change nothing here.
const IGNORED: [&str; 12] = [
    "initlength",
    "sm_retry",
    "connect_script",
    "disconnect_script",
    "rfcomm_channel",
    "irda_string",
    "auth_file",
    "authentication_type",
    "bindir",
    "TTYdev",
    "extended_phonebook",
    "phonebook_location",
];

/// Sections that gnokii has and that change nothing here.
const OTHERS: [&str; 8] =
    ["logging", "gnokiid", "xgnokii", "connect_script", "disconnect_script", "fake_driver", "flags", "sms"];

/// Connections of gnokii that need its own protocols, or another machine.
const FOREIGN: [&str; 13] = [
    "irda",
    "infrared",
    "bluetooth",
    "dau9p",
    "dlr3p",
    "m2bus",
    "dku2",
    "dku2libusb",
    "dku5",
    "pcsc",
    "libpcsclite",
    "phonet",
    "tekram",
];

const BAUD_RATES: [u32; 10] = [2400, 4800, 9600, 19_200, 38_400, 57_600, 115_200, 230_400, 460_800, 921_600];

/// gnokii's default; ports over USB have no rate at all.
const BAUD_RATE: u32 = 19_200;

/// Below this a network that is slow for a moment makes an unknown outcome.
const SHORT: Duration = Duration::from_secs(20);

/// The longest that is waited for a network, whatever the file says.
const LONGEST: Duration = Duration::from_secs(180);

pub(super) struct Reader {
    file: File,
    faults: Vec<String>,
    warnings: Vec<String>,
}

impl Reader {
    pub(super) fn new(mut file: File) -> Reader {
        let faults = std::mem::take(&mut file.faults);
        Reader { file, faults, warnings: Vec::new() }
    }

    pub(super) fn finish(mut self, lines: Vec<Line>) -> Result<Gnokiirc, Vec<String>> {
        self.warnings.dedup();
        if self.faults.is_empty() {
            Ok(Gnokiirc { lines, warnings: self.warnings })
        } else {
            Err(self.faults)
        }
    }

    pub(super) fn lines(&mut self, phones: &[String], needs_port: bool) -> Vec<Line> {
        if !self.file.sections.contains_key("global") {
            let message = format!("{}: the section [global] is missing", self.file.name);
            self.faults.push(message);
            return Vec::new();
        }
        self.name_the_ignored();
        let sections: Vec<String> = if phones.is_empty() {
            vec!["global".to_owned()]
        } else {
            phones.iter().map(|phone| format!("phone_{phone}")).collect()
        };
        sections.iter().filter_map(|section| self.section(section, needs_port)).collect()
    }

    fn section(&mut self, section: &str, needs_port: bool) -> Option<Line> {
        if !self.file.sections.contains_key(section) {
            let known = self.file.sections.keys().filter(|name| name.starts_with("phone_"));
            let known: Vec<&str> = known.map(String::as_str).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            let message =
                format!("{}: the section [{section}] is missing; there are: {known}", self.file.name);
            self.faults.push(message);
            return None;
        }
        let hardware_handshake = self.model(section);
        let tcp = self.connection(section);
        let place = self.port(section, tcp, needs_port);
        self.handshake(section, hardware_handshake);
        Some(Line {
            place: place?,
            baud_rate: self.baud_rate(section),
            hardware_handshake,
            raise_dtr: self.switch(section, "set_dtr_rts", true),
            require_dcd: self.switch(section, "require_dcd", false),
            pace: self.pace(section),
            result_within: self.result_within(section),
            lock_file: self.switch(section, "use_locking", true),
        })
    }

    /// Whether it has a hardware handshake.
    fn model(&mut self, section: &str) -> bool {
        match self.get(section, "model") {
            None => self.missing("model", "AT"),
            Some(entry) if entry.value == "AT" => {}
            Some(entry) if entry.value == "AT-HW" => return true,
            Some(entry) if entry.value.eq_ignore_ascii_case("at") => {
                self.fault(&entry, "model", "gnokii writes AT or AT-HW in capitals");
            }
            Some(entry) => self.fault(
                &entry,
                "model",
                "AT or AT-HW is expected: every modem that speaks AT commands. Other models need gnokii's own protocols \
                 for phones of Nokia, which mtan does not speak",
            ),
        }
        false
    }

    /// Whether it is a modem behind a terminal server.
    fn connection(&mut self, section: &str) -> bool {
        let Some(entry) = self.get(section, "connection") else {
            self.missing("connection", "serial");
            return false;
        };
        match entry.value.to_lowercase() {
            word if word == "serial" => return false,
            word if word == "tcp" => return true,
            word if FOREIGN.contains(&word.as_str()) => self.fault(
                &entry,
                "connection",
                "serial or tcp is expected: this one needs gnokii's own protocols, which mtan does not speak. A modem on a \
                 USB cable is serial; for Bluetooth bind it to a port with `rfcomm bind`",
            ),
            _ => self.fault(&entry, "connection", "serial or tcp is expected"),
        }
        false
    }

    /// `None` only beside a fault, or where the ports stand elsewhere.
    fn port(&mut self, section: &str, tcp: bool, needs_port: bool) -> Option<Place> {
        let Some(entry) = self.get(section, "port") else {
            if needs_port {
                self.missing("port", if tcp { "terminal-server:4001" } else { "/dev/ttyUSB0" });
                return None;
            }
            return Some(Place::Port(String::new()));
        };
        let place = place(&entry.value, tcp);
        if let Err(message) = &place {
            self.fault(&entry, "port", message);
        }
        place.ok()
    }

    fn handshake(&mut self, section: &str, hardware: bool) {
        let Some(entry) = self.get(section, "handshake") else { return };
        match entry.value.to_lowercase().as_str() {
            "hardware" | "rtscts" if !hardware => self.warn(
                &entry,
                "handshake changes nothing with model = AT, as in gnokii; model = AT-HW uses RTS and CTS",
            ),
            "software" | "xonxoff" if hardware => {
                self.warn(&entry, "handshake changes nothing with model = AT-HW, which uses RTS and CTS");
            }
            "hardware" | "rtscts" | "software" | "xonxoff" | "none" => {}
            _ => self.fault(&entry, "handshake", "software or hardware is expected"),
        }
    }

    fn baud_rate(&mut self, section: &str) -> u32 {
        let Some(entry) = self.get(section, "serial_baudrate") else { return BAUD_RATE };
        let rate = entry.value.parse().ok().filter(|rate| BAUD_RATES.contains(rate));
        if rate.is_none() {
            let rates = BAUD_RATES.map(|rate| rate.to_string()).join(", ");
            self.fault(&entry, "serial_baudrate", &format!("one of {rates} is expected"));
        }
        rate.unwrap_or(BAUD_RATE)
    }

    fn pace(&mut self, section: &str) -> Pace {
        let Some(entry) = self.get(section, "serial_write_usleep") else { return Pace::Whole };
        match entry.value.parse::<i64>() {
            Ok(-1) => return Pace::Whole,
            Ok(pause @ 0..=1_000_000) => return Pace::Bytes(Duration::from_micros(pause.unsigned_abs())),
            _ => {}
        }
        let expected = "-1 (all at once), 0, or a pause of up to 1000000 microseconds is expected";
        self.fault(&entry, "serial_write_usleep", expected);
        Pace::Whole
    }

    /// `smsc_timeout`, also under its old name `[sms] timeout`.
    fn result_within(&mut self, section: &str) -> Duration {
        let old = self.file.sections.get("sms").and_then(|sms| sms.get("timeout")).cloned();
        let Some(entry) = self.get(section, "smsc_timeout").or(old) else { return RESULT_WITHIN };
        let Ok(seconds) = entry.value.parse::<u32>() else {
            self.fault(&entry, "smsc_timeout", "a number of seconds is expected");
            return RESULT_WITHIN;
        };
        let given = Duration::from_secs(seconds.into());
        if given.is_zero() || given > LONGEST {
            self.warn(
                &entry,
                "smsc_timeout is 180 s here: a modem that says nothing for longer is silent for ever",
            );
            return LONGEST;
        }
        if given < SHORT {
            let why = "smsc_timeout is short: an SMS whose answer comes later has an unknown outcome and may be sent twice; \
                       networks take up to 60 s";
            self.warn(&entry, why);
        }
        given
    }

    fn switch(&mut self, section: &str, key: &str, default: bool) -> bool {
        let Some(entry) = self.get(section, key) else { return default };
        match entry.value.to_lowercase().as_str() {
            "1" | "yes" | "true" | "on" => return true,
            "0" | "no" | "false" | "off" => return false,
            _ => self.fault(&entry, key, "yes or no is expected"),
        }
        default
    }

    fn name_the_ignored(&mut self) {
        let mut notes = Vec::new();
        for (section, entries) in &self.file.sections {
            let is_read = section == "global" || section.starts_with("phone_");
            if !is_read && section != "sms" {
                let known = OTHERS.contains(&section.as_str());
                let what = if known { "changes nothing here" } else { "is unknown and changes nothing" };
                notes.push(format!("{}: the section [{section}] {what}", self.file.name));
            }
            for (key, entry) in entries.iter().filter(|_| is_read) {
                let what = if READ.contains(&key.as_str()) {
                    continue;
                } else if IGNORED.contains(&key.as_str()) {
                    "changes nothing here"
                } else {
                    "is unknown and changes nothing"
                };
                notes.push(format!("{}, line {}: {key} {what}", self.file.name, entry.line));
            }
        }
        self.warnings.append(&mut notes);
    }

    fn get(&self, section: &str, key: &str) -> Option<Entry> {
        self.file.entry(section, key).cloned()
    }

    fn missing(&mut self, key: &str, example: &str) {
        let message = format!("{}: {key} is missing, as in: {key} = {example}", self.file.name);
        if !self.faults.contains(&message) {
            self.faults.push(message);
        }
    }

    fn fault(&mut self, entry: &Entry, key: &str, message: &str) {
        let message =
            format!("{}, line {}: {key}: {message}{}", self.file.name, entry.line, pitfall(&entry.value));
        if !self.faults.contains(&message) {
            self.faults.push(message);
        }
    }

    fn warn(&mut self, entry: &Entry, message: &str) {
        self.warnings.push(format!("{}, line {}: {message}", self.file.name, entry.line));
    }
}

/// What people expect of such a file and gnokii does not do.
fn pitfall(value: &str) -> &'static str {
    if value.starts_with(['"', '\'']) {
        " (gnokii takes no quotes: they are part of the value)"
    } else if value.contains(" #") {
        " (a comment stands on a line of its own: here it is part of the value)"
    } else {
        ""
    }
}

/// A port as it stands in a configuration.
pub(crate) fn place(text: &str, tcp: bool) -> Result<Place, &'static str> {
    if tcp {
        let good = text
            .rsplit_once(':')
            .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0));
        return if good { Ok(Place::Tcp(text.to_owned())) } else { Err("host:port is expected") };
    }
    let odd = text.starts_with(['"', '\'']) || text.contains(" #") || text.chars().any(char::is_control);
    if odd || !text.starts_with('/') {
        return Err("the path of a serial port is expected, as in /dev/ttyUSB0 or /dev/serial/by-id/…");
    }
    Ok(Place::Port(text.to_owned()))
}
