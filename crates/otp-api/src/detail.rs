//! `detail` of an answer on /validate: what is told beside yes and no.

use std::collections::BTreeMap;

use mtan_verifier::{Fate, Sent, Sms, Trail};
use serde::Serialize;
use serde_json::{Value, json};

/// `detail` of an answer on /validate.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Detail<'a> {
    /// A challenge is open.
    Challenge(Challenge<'a>),
    /// Several are, one for each token of the user.
    Challenges(Challenges<'a>),
    /// Only words for the user.
    Message {
        /// The words.
        message: &'a str,
    },
    /// What a call of its own tells.
    Told(Value),
}

/// A challenge under the three names that clients look for, and its token.
#[derive(Serialize)]
pub(crate) struct Challenge<'a> {
    transactionid: &'a str,
    state: &'a str,
    transaction_id: &'a str,
    message: &'a str,
    linotp_tokenserial: &'a str,
    linotp_tokentype: &'static str,
    linotp_tokendescription: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    info: Option<&'static str>,
}

/// Several challenges under their root, and each by its token's serial.
#[derive(Serialize)]
pub(crate) struct Challenges<'a> {
    transactionid: &'a str,
    state: &'a str,
    transaction_id: &'a str,
    message: &'a str,
    challenges: BTreeMap<&'a str, Challenge<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    info: Option<&'static str>,
}

impl<'a> Detail<'a> {
    pub(crate) fn of(sent: &'a Sent, prompt: &'a str) -> Detail<'a> {
        let info = sent.already.then_some("challenge already submitted");
        let id = sent.transaction.as_str();
        match sent.sms.as_slice() {
            [one] => Detail::Challenge(Challenge::new(id, one, &sent.message, info)),
            several => {
                let each = |sms: &'a Sms| {
                    (sms.serial.as_str(), Challenge::new(sms.transaction.as_str(), sms, prompt, None))
                };
                Detail::Challenges(Challenges {
                    transactionid: id,
                    state: id,
                    transaction_id: id,
                    message: &sent.message,
                    challenges: several.iter().map(each).collect(),
                    info,
                })
            }
        }
    }
}

impl<'a> Challenge<'a> {
    fn new(id: &'a str, sms: &'a Sms, message: &'a str, info: Option<&'static str>) -> Challenge<'a> {
        Challenge {
            transactionid: id,
            state: id,
            transaction_id: id,
            message,
            linotp_tokenserial: sms.serial.as_str(),
            linotp_tokentype: "sms",
            linotp_tokendescription: &sms.description,
            info,
        }
    }
}

/// LinOTP's `detail.transactions` of check_status, and with `sms` what became of the SMS.
pub(crate) fn transactions(trails: &[Trail], now: jiff::Timestamp) -> Value {
    let each = trails.iter().filter_map(|trail| {
        let asked = trail.asked.as_ref()?;
        Some((asked.transaction.to_string(), transaction(trail, asked.serial.as_str(), now)))
    });
    json!({ "transactions": each.collect::<serde_json::Map<_, _>>() })
}

fn transaction(trail: &Trail, serial: &str, now: jiff::Timestamp) -> Value {
    let fate = trail.fate(now);
    let used = matches!(fate, Some(Fate::Ended(mtan_verifier::End::Used, _)));
    let answers = trail.tries.len() + usize::from(used);
    let reports = &trail.reports;
    let outcome =
        |report: &Option<mtan_jobs::SendReport>| report.as_ref().map(|report| report.outcome.as_str());
    json!({
        "received_count": answers,
        "received_tan": answers > 0,
        "valid_tan": used,
        "message": "sms submitted",
        "status": if fate == Some(Fate::Open) { "open" } else { "closed" },
        "token": { "serial": serial, "type": "sms" },
        "sms": { "outcome": outcome(&reports.outcome), "delivery": outcome(&reports.delivery) },
    })
}
