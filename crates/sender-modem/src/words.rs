//! A modem in plain words, for logs and `/readyz`.

use crate::set_up::{Facts, Registration};

/// `registered with Test Net, -73 dBm`.
pub(crate) fn network(facts: &Facts) -> String {
    let registration = match facts.registration {
        Registration::Home => "registered",
        Registration::Roaming => "registered, roaming",
        Registration::Searching => "searching for a network",
        Registration::Denied => "the network refuses this SIM",
        Registration::Off | Registration::Unknown => "not registered",
    };
    let mut words = registration.to_owned();
    if !facts.operator.is_empty() && facts.registration.is_registered() {
        words.extend([" with ", &facts.operator]);
    }
    if let Some(dbm) = facts.signal {
        words += &format!(", {dbm} dBm");
    }
    words
}

/// Who made it, and what it is.
pub(crate) fn model(facts: &Facts) -> String {
    format!("{} {}", facts.manufacturer, facts.model).trim().to_owned()
}
