//! From an open port to a modem that can send: who it is, SIM and PIN, network, and the settings that we need.

mod facts;
mod network;
mod pin;
mod settings;
mod trouble;

use std::time::Duration;

use mtan_sms::Address;

use crate::at::{AtError, Command, Dialogue, Refusal, Wire};
pub use crate::set_up::facts::{Facts, Registration, Reports};
pub use crate::set_up::pin::{PinMemory, PinPast};
pub use crate::set_up::trouble::Trouble;

/// What is wanted of a modem.
pub struct Wishes<'a> {
    /// The SIM's PIN, 4 to 8 digits.
    pub pin: Option<&'a str>,
    /// A service centre in place of the SIM's.
    pub smsc: Option<&'a Address>,
    /// Whether delivery reports are wanted.
    pub reports: bool,
    /// How long the network may take to register the modem.
    pub register_within: Duration,
}

/// Sets the modem up: alive, identity, SIM, radio, network, settings. What the modem had before, nobody knows: everything is asked and set anew each
/// time. It may be repeated at any time, and is to be after each reset.
pub async fn set_up<S: Wire>(
    dialogue: &mut Dialogue<S>,
    wishes: &Wishes<'_>,
    memory: &dyn PinMemory,
) -> Result<Facts, Trouble> {
    dialogue.escape().await?;
    for setting in ["E0", "V1", "+CMEE=1"] {
        optional(dialogue, Command::new(setting)).await?;
    }
    let mut facts = identity(dialogue).await?;
    pin::unlock(dialogue, wishes.pin, &mut facts, memory).await?;
    radio_on(dialogue).await?;
    facts.imsi = first(dialogue, Command::new("+CIMI").free("+CIMI")).await?;
    settings::set(dialogue, wishes, &mut facts).await?;
    network::register(dialogue, wishes.register_within, &mut facts).await?;
    measure(dialogue, &mut facts).await?;
    Ok(facts)
}

/// Asks again for what changes: registration, signal, operator. A heartbeat that tells something.
pub async fn measure<S: Wire>(dialogue: &mut Dialogue<S>, facts: &mut Facts) -> Result<(), AtError> {
    network::measure(dialogue, facts).await
}

/// Deletes read, sent and unsent messages and reports: a full SIM keeps some modems from sending.
pub async fn clean_memory<S: Wire>(dialogue: &mut Dialogue<S>) -> Result<(), AtError> {
    // 27.005 §3.5.4: 3 = read, sent and unsent, 2 = read and sent, 1 = read; 4 = all, for a modem that has them unread.
    for flag in ["3", "2", "1", "4"] {
        let delete = Command::new(format!("+CMGD=1,{flag}")).within(Duration::from_secs(25));
        if optional(dialogue, delete).await?.is_some() {
            return Ok(());
        }
    }
    Ok(())
}

async fn identity<S: Wire>(dialogue: &mut Dialogue<S>) -> Result<Facts, AtError> {
    let mut facts = Facts::default();
    for (place, names) in [
        (&mut facts.manufacturer, ["+CGMI", "+GMI"]),
        (&mut facts.model, ["+CGMM", "+GMM"]),
        (&mut facts.revision, ["+CGMR", "+GMR"]),
        (&mut facts.imei, ["+CGSN", "+GSN"]),
    ] {
        for name in names {
            if place.is_empty() {
                *place = first(dialogue, Command::new(name).free(name)).await?;
            }
        }
    }
    Ok(facts)
}

/// 27.007 §8.2: 1 is full functionality; a modem that was switched to 0 or 4 registers nowhere.
async fn radio_on<S: Wire>(dialogue: &mut Dialogue<S>) -> Result<(), AtError> {
    let state = first(dialogue, Command::new("+CFUN?").named("+CFUN")).await?;
    if matches!(state.split(',').next().map(str::trim), Some("0" | "4")) {
        optional(dialogue, Command::new("+CFUN=1").within(Duration::from_secs(30))).await?;
    }
    Ok(())
}

/// The first line of an answer, without quotes; empty where the modem refuses.
async fn first<S: Wire>(dialogue: &mut Dialogue<S>, command: Command) -> Result<String, AtError> {
    let answer = optional(dialogue, command).await?.unwrap_or_default();
    Ok(answer.first().trim_matches('"').chars().take(64).collect())
}

/// A refusal is an answer too.
async fn optional<S: Wire>(
    dialogue: &mut Dialogue<S>,
    command: Command,
) -> Result<Option<crate::at::Answer>, AtError> {
    let mut pauses = [300, 1000, 3000].into_iter();
    loop {
        match (dialogue.command(&command).await, pauses.next()) {
            (Ok(answer), _) => return Ok(Some(answer)),
            (Err(AtError::Refused { refusal, .. }), Some(pause)) if is_busy(refusal) => {
                tokio::time::sleep(Duration::from_millis(pause)).await;
            }
            (Err(AtError::Refused { .. }), _) => return Ok(None),
            (Err(error), _) => return Err(error),
        }
    }
}

fn is_busy(refusal: Refusal) -> bool {
    refusal.class() == crate::codes::Class::Busy
}

#[cfg(test)]
mod tests;
