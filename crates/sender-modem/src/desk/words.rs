//! What a modem says, for a person: never a whole serial number where a few digits tell which one it is.

use crate::set_up::{Facts, Registration};

/// Digits in a row that may be a phone number, an IMEI or the like.
const LONG: usize = 7;

/// An IMEI, IMSI or ICCID without what is secret or personal in it: `…7500`. Empty stays empty.
pub fn masked(identity: &str) -> String {
    let length = identity.chars().count();
    match length {
        0 => String::new(),
        1..=8 => "…".to_owned(),
        _ => format!("…{}", identity.chars().skip(length - 4).collect::<String>()),
    }
}

/// A network's words on one line and without what may be a phone number: of long runs of digits the last two stay.
pub fn number_free(text: &str) -> String {
    let mut free = String::new();
    let mut digits = String::new();
    let end = |digits: &mut String, free: &mut String| {
        match digits.len() {
            LONG.. => free.extend(["…", &digits[digits.len() - 2..]]),
            _ => free.push_str(digits),
        }
        digits.clear();
    };
    for c in text.split_whitespace().collect::<Vec<_>>().join(" ").chars() {
        match c {
            '0'..='9' => digits.push(c),
            other => {
                end(&mut digits, &mut free);
                free.push(other);
            }
        }
    }
    end(&mut digits, &mut free);
    free
}

/// `registered at home with Test Net`.
pub fn network(facts: &Facts) -> String {
    let registration = registration(facts.registration);
    if facts.registration.is_registered() && !facts.operator.is_empty() {
        return format!("{registration} with {}", facts.operator);
    }
    registration.to_owned()
}

pub(super) fn registration(state: Registration) -> &'static str {
    match state {
        Registration::Home => "registered at home",
        Registration::Roaming => "registered away from home (roaming)",
        Registration::Searching => "looking for a network",
        Registration::Denied => "refused by the network",
        Registration::Off => "not looking for a network",
        Registration::Unknown => "not registered",
    }
}

/// `-73 dBm, good`. Below ten steps of `AT+CSQ` an SMS may need several tries.
pub fn signal(dbm: Option<i16>) -> String {
    let Some(dbm) = dbm else { return "not known".to_owned() };
    let quality = match dbm {
        -73.. => "good",
        -93..=-74 => "fair",
        _ => "poor",
    };
    format!("{dbm} dBm, {quality}")
}
