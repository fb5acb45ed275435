//! What is counted of each modem. The label is the port's name, never a number and never a whole IMEI.

use ::metrics::{Unit, counter, describe_counter, describe_gauge, gauge};

/// Whether a modem is ready to send, by modem: 0 or 1.
pub const UP: &str = "mtan_modem_up";
/// Whether it is registered with a network, by modem: 0 or 1.
pub const REGISTERED: &str = "mtan_modem_registered";
/// How well it hears the network, by modem, in dBm; absent while unknown.
pub const SIGNAL_DBM: &str = "mtan_modem_signal_dbm";
/// SMS that were given to it, each text counted once, by modem and outcome: the verdict of its hand-over.
pub const SMS_TOTAL: &str = "mtan_modem_sms_total";
/// Parts that the network took, by modem.
pub const PARTS_TOTAL: &str = "mtan_modem_parts_total";
/// Resets, by modem and step of the ladder: `reopen`, `cfun`, `dtr`.
pub const RESETS_TOTAL: &str = "mtan_modem_resets_total";
/// Delivery reports that came, by modem.
pub const REPORTS_TOTAL: &str = "mtan_modem_delivery_reports_total";

/// Tells the recorder what the names mean.
pub(crate) fn describe() {
    describe_gauge!(UP, Unit::Count, "1 = the modem is ready to send");
    describe_gauge!(REGISTERED, Unit::Count, "1 = the modem is registered with a network");
    describe_gauge!(SIGNAL_DBM, Unit::Count, "How well the modem hears the network, in dBm");
    describe_counter!(SMS_TOTAL, Unit::Count, "SMS that were given to the modem");
    describe_counter!(PARTS_TOTAL, Unit::Count, "Parts that the network took");
    describe_counter!(RESETS_TOTAL, Unit::Count, "Resets of the modem");
    describe_counter!(REPORTS_TOTAL, Unit::Count, "Delivery reports that the modem brought");
}

pub(crate) fn up(modem: &str, up: bool) {
    gauge!(UP, "modem" => modem.to_owned()).set(u8::from(up));
}

pub(crate) fn registered(modem: &str, registered: bool) {
    gauge!(REGISTERED, "modem" => modem.to_owned()).set(u8::from(registered));
}

/// `None` = unknown.
pub(crate) fn signal(modem: &str, dbm: Option<i16>) {
    gauge!(SIGNAL_DBM, "modem" => modem.to_owned()).set(dbm.map_or(f64::NAN, f64::from));
}

pub(crate) fn sms(modem: &str, outcome: &'static str, parts_taken: usize) {
    counter!(SMS_TOTAL, "modem" => modem.to_owned(), "outcome" => outcome).increment(1);
    let taken = u64::try_from(parts_taken).unwrap_or(u64::MAX);
    counter!(PARTS_TOTAL, "modem" => modem.to_owned()).increment(taken);
}

pub(crate) fn reset(modem: &str, step: &'static str) {
    counter!(RESETS_TOTAL, "modem" => modem.to_owned(), "step" => step).increment(1);
}

pub(crate) fn report(modem: &str) {
    counter!(REPORTS_TOTAL, "modem" => modem.to_owned()).increment(1);
}
