//! Registration, signal and operator.

use std::time::Duration;

use tokio::time::Instant;

use super::facts::{Facts, Registration};
use super::trouble::Trouble;
use super::{first, optional};
use crate::at::{AtError, Command, Dialogue, Wire};

const LOOK: Duration = Duration::from_secs(1);

/// Waits until the modem is registered.
pub(super) async fn register<S: Wire>(
    dialogue: &mut Dialogue<S>,
    within: Duration,
    facts: &mut Facts,
) -> Result<(), Trouble> {
    let until = Instant::now() + within;
    // Changes are told from now on, where the modem can.
    optional(dialogue, Command::new("+CREG=1")).await?;
    let mut was_off = false;
    loop {
        facts.registration = registration(dialogue).await?;
        if facts.registration.is_registered() {
            return Ok(());
        }
        if Instant::now() >= until {
            return Err(Trouble::NotRegistered { state: facts.registration, after: within });
        }
        if facts.registration == Registration::Off && !was_off {
            // Not looking for a network: it is told to, once, and whatever comes of it shows at the next look.
            was_off = true;
            optional(dialogue, Command::new("+COPS=0").within(Duration::from_secs(60))).await?;
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// The best of the three: an SMS goes over any.
async fn registration<S: Wire>(dialogue: &mut Dialogue<S>) -> Result<Registration, AtError> {
    let mut best = Registration::Unknown;
    for (question, name) in [("+CREG?", "+CREG"), ("+CEREG?", "+CEREG"), ("+CGREG?", "+CGREG")] {
        let answer = optional(dialogue, Command::new(question).registration(name)).await?.unwrap_or_default();
        let state = answer.first().split(',').nth(1).and_then(|state| state.trim().parse().ok());
        best = best.max(state.map_or(Registration::Unknown, Registration::of));
        if best.is_registered() {
            break;
        }
    }
    Ok(best)
}

pub(super) async fn measure<S: Wire>(dialogue: &mut Dialogue<S>, facts: &mut Facts) -> Result<(), AtError> {
    facts.registration = registration(dialogue).await?;
    let signal = first(dialogue, Command::new("+CSQ").named("+CSQ")).await?;
    facts.signal = dbm(&signal);
    let operator =
        optional(dialogue, Command::new("+COPS?").named("+COPS").within(Duration::from_secs(15))).await?;
    facts.operator = operator.map_or_else(String::new, |answer| name(answer.first(), facts));
    Ok(())
}

/// 27.007 §8.5: 0..=31 in steps of 2 dBm from -113; 99 is not known.
fn dbm(answer: &str) -> Option<i16> {
    let value: i16 = answer.split(',').next()?.trim().parse().ok()?;
    (0..=31).contains(&value).then_some(-113 + 2 * value)
}

/// `<mode>,<format>,"<operator>",..`.
fn name(answer: &str, facts: &Facts) -> String {
    let name = answer.split('"').nth(1).unwrap_or("");
    let name = mtan_sms::ussd_text(name, None, facts.charset);
    name.chars().filter(|c| !c.is_control()).take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signal_is_in_dbm_or_not_known() {
        for (answer, expected) in [
            ("0,99", Some(-113)),
            ("20,99", Some(-73)),
            ("31,0", Some(-51)),
            ("99,99", None),
            ("", None),
            ("-4,1", None),
            ("x", None),
        ] {
            assert_eq!(dbm(answer), expected, "{answer}");
        }
    }
}
