//! POST /admin/set: single properties of tokens.

use mtan_hotp::Digits;
use mtan_sms::PhoneNumber;
use mtan_verifier::{AuditRecord, Pin, TokenChange};
use serde_json::{Map, Value};

use super::call::Answer;
use super::error::AdminError;
use super::init::one_line;
use super::tokens::{Meant, change};
use crate::OtpApi;
use crate::params::Params;

/// What may be set, as the answer spells it.
const NAMES: [&str; 8] =
    ["pin", "MaxFailCount", "SyncWindow", "description", "CounterWindow", "OtpLen", "hashlib", "phone"];

/// Limits of LinOTP that are not built: passed over they would let people in who should stay out.
const LIMITS: [&str; 9] = [
    "countAuth",
    "countAuthMax",
    "countAuthSuccess",
    "countAuthSuccessMax",
    "validityPeriodStart",
    "validityPeriodEnd",
    "timeWindow",
    "timeStep",
    "timeShift",
];

pub(super) async fn set(
    api: &OtpApi,
    params: &Params,
    record: &mut AuditRecord,
) -> Result<Answer, AdminError> {
    for limit in LIMITS {
        if params.any_case(limit)?.is_some() {
            return Err(AdminError::plain(format!("{limit}: this limit is not built, nothing was set")));
        }
    }
    let mut given = Vec::new();
    for name in NAMES {
        if let Some(text) = params.any_case(name)? {
            given.push((name, text));
        }
    }
    if given.is_empty() {
        let usage = format!("Usage: serial or user, and at least one of {}", NAMES.join(", "));
        return Err(AdminError::numbered(77, usage));
    }
    let wanted = wanted(&given)?;
    let pin = given.iter().find(|(name, _)| *name == "pin").map(|(_, text)| Pin::new(*text));
    let tokens = Meant::find(api, params, record).await?.all_there()?;
    let number = all(api, &tokens, wanted, pin.as_ref()).await?;
    let told = given.iter().map(|(name, _)| (format!("set {name}"), Value::from(number)));
    Ok(Answer::value(Value::Object(told.collect::<Map<_, _>>())))
}

/// All that was given, in one step for each token: either all of it is set or nothing.
async fn all(
    api: &OtpApi,
    tokens: &[mtan_verifier::Token],
    wanted: TokenChange,
    pin: Option<&Pin>,
) -> Result<usize, AdminError> {
    let verifier = &api.inner.verifier;
    let mut number = 0;
    for token in tokens {
        let mut wanted = wanted.clone();
        if let Some(pin) = pin {
            wanted.pin = Some(verifier.pin_hash(&token.serial, token.user.as_ref(), pin).await?);
        }
        number += change(verifier, std::slice::from_ref(token), &wanted).await?;
    }
    Ok(number)
}

fn wanted(given: &[(&str, &str)]) -> Result<TokenChange, AdminError> {
    let mut wanted = TokenChange::default();
    for (name, text) in given {
        match *name {
            "MaxFailCount" => wanted.max_fail = Some(number(name, text, 1)?),
            "description" => {
                wanted.description = Some(one_line(text).map_err(|e| wrong(name, &e))?.to_owned());
            }
            "OtpLen" => wanted.digits = Some(digits(text)?),
            "hashlib" => {
                wanted.algorithm = Some(text.parse().map_err(|e| wrong(name, &format!("{e}")))?);
            }
            "phone" => {
                wanted.phone = Some(PhoneNumber::parse(text).map_err(|e| wrong(name, &e.to_string()))?);
            }
            // There are no windows to set: only codes that were sent count. The number must be one all the same.
            "SyncWindow" | "CounterWindow" => drop(number(name, text, 0)?),
            _ => {}
        }
    }
    Ok(wanted)
}

fn number(name: &str, text: &str, least: u32) -> Result<u32, AdminError> {
    let number = text.trim().parse().ok().filter(|number| *number >= least);
    number.ok_or_else(|| wrong(name, &format!("a whole number of at least {least} is expected")))
}

fn digits(text: &str) -> Result<Digits, AdminError> {
    let digits = text.trim().parse().ok().and_then(|number| Digits::new(number).ok());
    digits.ok_or_else(|| wrong("OtpLen", "6, 7 or 8 is expected"))
}

/// LinOTP's -311 for a wrong value; its clients do not expect quotes in it.
fn wrong(name: &str, expected: &str) -> AdminError {
    AdminError::plain(format!("{name}: {expected}").replace(['\'', '"'], ":"))
}
