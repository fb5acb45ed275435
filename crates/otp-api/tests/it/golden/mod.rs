//! Answers byte by byte: the rows of LinOTP's tables, as we answer them, over both stores.

use mtan_otp_api::{OtpApiSection, Settings};

mod by_serial;
mod by_transaction;
mod check;
mod details;
mod others;
mod several;
mod split;
mod texts;

const VERSION: &str = concat!("mtan ", env!("CARGO_PKG_VERSION"));

pub(super) fn json(value: bool, id: &str, detail: &str) -> String {
    format!(
        r#"{{"version":"{VERSION}","jsonrpc":"2.0","result":{{"status":true,"value":{value}}},"id":{id}{detail}}}"#
    )
}

pub(super) fn challenge(id: &str, message: &str, info: &str) -> String {
    format!(
        r#"{{"transactionid":"{id}","state":"{id}","transaction_id":"{id}","message":"{message}","linotp_tokenserial":"LSSM0068DCD9","linotp_tokentype":"sms","linotp_tokendescription":"Alice's phone"{info}}}"#
    )
}

pub(super) const ALREADY: &str = r#","info":"challenge already submitted""#;

pub(super) fn settings(section: OtpApiSection) -> Settings {
    Settings { otp_api: section, ..Settings::default() }
}

/// A second token, which comes before Alice's in the order of serials.
pub(super) const SECOND: &str = "LSSM0000BEEF";
