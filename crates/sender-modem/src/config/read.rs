//! Reads the keys one by one and collects every mistake.

use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mtan_daemon::Fault;
use mtan_sender::keys::{Keys, Known};
use mtan_sms::{Address, MAX_SEGMENTS};
use zeroize::Zeroizing;

use super::ModemConfig;
use crate::gnokiirc::{Gnokiirc, Line, Place, place};

pub(super) const KNOWN: Known = Known {
    read: &[
        "CONFIGFILE",
        "PHONES",
        "PORTS",
        "PIN",
        "PIN_file",
        "SMSC",
        "VALIDITY",
        "STATUS_REPORTS",
        "REJECT_DUPLICATES",
        "MAX_PARTS",
        "SMS_PER_MINUTE",
        "BALANCE",
        "STATE",
        "AMBIGUOUS",
    ],
    not_yet: &[],
};

/// A text that takes more is no one-time password, and each part costs.
const MAX_PARTS: u8 = 4;

/// The longest validity period that a submission can carry: 63 weeks (3GPP TS 23.040 §9.2.3.12).
const LONGEST_VALIDITY: u64 = 63 * 7 * 24 * 60 * 60;

/// The whole configuration, and the warnings about it.
pub(super) fn config(text: &str, folder: &Path) -> Result<(ModemConfig, Vec<String>), Vec<Fault>> {
    let mut keys = Keys::parse(text, folder, KNOWN)?;
    let lines = lines(&mut keys);
    let config = ModemConfig {
        lines: lines.unwrap_or_default(),
        pin: pin(&mut keys),
        smsc: smsc(&mut keys),
        validity: whole(&mut keys, "VALIDITY", "seconds", 1, LONGEST_VALIDITY).map(Duration::from_secs),
        status_reports: keys.truth("STATUS_REPORTS").unwrap_or(true),
        reject_duplicates: keys.truth("REJECT_DUPLICATES").unwrap_or(false),
        max_parts: max_parts(&mut keys),
        sms_per_minute: per_minute(&mut keys),
        balance: balance(&mut keys),
        state: state(&mut keys),
        ambiguous: keys.unknown_rule(),
        warnings: Vec::new(),
    };
    keys.finish(Some(config))
}

/// The file's, or those of PORTS driven as the file says. `None` only beside a fault.
fn lines(keys: &mut Keys) -> Option<Vec<Line>> {
    let ports = ports(keys);
    if !keys.has("CONFIGFILE") {
        if keys.has("PHONES") {
            keys.fault(
                "PHONES",
                "is nothing without CONFIGFILE: it names sections [phone_NAME] of that file",
            );
        }
        if !keys.has("PORTS") {
            keys.fault(
                "CONFIGFILE",
                "is required, or PORTS: the path of a gnokiirc, as in {\"CONFIGFILE\": \"/etc/mtan/gnokiirc\"}; `mtan modem \
                 scan` finds modems",
            );
        }
        return Some(ports.into_iter().map(Line::at).collect());
    }
    let given = keys.string("CONFIGFILE")?;
    let phones = keys.strings("PHONES");
    let text = String::from_utf8(keys.file("CONFIGFILE", &given)?);
    let Ok(text) = text.map_err(|_| keys.fault("CONFIGFILE", "a file in UTF-8 is expected")) else {
        return None;
    };
    let name = keys.path(&given).display().to_string();
    let read = match Gnokiirc::parse(&text, &name, &phones, ports.is_empty()) {
        Ok(read) => read,
        Err(mistakes) => {
            mistakes.into_iter().for_each(|mistake| keys.fault("CONFIGFILE", mistake));
            return None;
        }
    };
    read.warnings.into_iter().for_each(|warning| keys.warn(warning));
    if ports.is_empty() {
        return Some(read.lines);
    }
    let line = read.lines.into_iter().next()?;
    Some(ports.into_iter().map(|place| Line { place, ..line.clone() }).collect())
}

fn ports(keys: &mut Keys) -> Vec<Place> {
    let mut ports: Vec<Place> = Vec::new();
    for text in keys.strings("PORTS") {
        let found = match text.strip_prefix("tcp:") {
            Some(address) => place(address, true),
            None => place(&text, false),
        };
        match found {
            Ok(Place::Port(pattern)) if glob::Pattern::new(&pattern).is_err() => {
                keys.fault("PORTS", "a pattern with *, ? and […] is expected: one of them is not closed");
            }
            Ok(place) if ports.contains(&place) => keys.fault("PORTS", "the same port stands there twice"),
            Ok(place) => ports.push(place),
            Err(_) => keys.fault(
                "PORTS",
                "paths of serial ports, patterns for them or tcp:host:port are expected, as in [\"/dev/ttyUSB0\", \
                 \"/dev/serial/by-id/usb-HUAWEI*-if00*\", \"tcp:192.0.2.7:4001\"]",
            ),
        }
    }
    ports
}

fn pin(keys: &mut Keys) -> Option<Zeroizing<String>> {
    if keys.has("PIN") && keys.has("PIN_file") {
        keys.fault("PIN_file", "either PIN or PIN_file is expected, found both");
    }
    let (key, pin) = if let Some(path) = keys.string("PIN_file") {
        let content = Zeroizing::new(keys.file("PIN_file", &path)?);
        ("PIN_file", Zeroizing::new(String::from_utf8_lossy(&content).trim().to_owned()))
    } else {
        ("PIN", Zeroizing::new(keys.text("PIN")?))
    };
    if !(4..=8).contains(&pin.len()) || !pin.bytes().all(|b| b.is_ascii_digit()) {
        keys.fault(key, "the 4 to 8 digits of a SIM's PIN are expected, in quotes");
        return None;
    }
    Some(pin)
}

fn smsc(keys: &mut Keys) -> Option<Address> {
    let address = Address::parse(keys.text("SMSC")?.trim());
    address
        .map_err(|_| keys.fault("SMSC", "the number of a service centre is expected, as in +491722270000"))
        .ok()
}

fn max_parts(keys: &mut Keys) -> u8 {
    let most = whole(keys, "MAX_PARTS", "SMS", 1, MAX_SEGMENTS.into());
    most.and_then(|most| u8::try_from(most).ok()).unwrap_or(MAX_PARTS)
}

fn per_minute(keys: &mut Keys) -> Option<u16> {
    let most = whole(keys, "SMS_PER_MINUTE", "SMS", 1, 600)?;
    u16::try_from(most).ok()
}

/// What a dialling code may be: nothing that could end the command and begin another.
fn balance(keys: &mut Keys) -> Option<String> {
    let code = keys.string("BALANCE")?;
    let good = (2..=40).contains(&code.len())
        && code.starts_with(['*', '#'])
        && code.ends_with('#')
        && code.bytes().all(|b| b.is_ascii_digit() || b"*#".contains(&b));
    if !good {
        keys.fault("BALANCE", "a USSD code is expected, as in *100#");
        return None;
    }
    Some(code)
}

/// STATE, or the folder that systemd made, or one beside the configuration.
fn state(keys: &mut Keys) -> PathBuf {
    if let Some(path) = keys.string("STATE") {
        return keys.path(&path);
    }
    // systemd names several, with colons between, where a unit has several
    let given = env::var("STATE_DIRECTORY").ok().filter(|all| !all.is_empty());
    let first = given.as_deref().and_then(|all| all.split(':').next());
    first.map_or_else(|| keys.path("mtan-modem"), |folder| Path::new(folder).join("modem"))
}

/// A whole number within bounds, also in quotes.
fn whole(keys: &mut Keys, key: &str, unit: &str, least: u64, most: u64) -> Option<u64> {
    let number = keys.text(key)?.trim().parse().ok().filter(|number| (least..=most).contains(number));
    if number.is_none() {
        keys.fault(key, format!("a whole number of {unit} from {least} to {most} is expected"));
    }
    number
}
