//! A look that changes nothing that lasts: no PIN, no network search, no settings beyond this conversation.

use std::time::Duration;

use mtan_sms::{Address, TerminalCharset};

use crate::at::{AtError, Command, Dialogue, Refusal, Wire};
use crate::codes::Class;
use crate::set_up::{Facts, Registration, Trouble, measure};

/// The SIM and the network take longer than the modem alone.
const SLOW: Duration = Duration::from_secs(10);

/// How often a SIM that wakes up is asked.
const SIM_LOOKS: usize = 5;
const SIM_LOOK: Duration = Duration::from_secs(1);

/// Who the modem is, and what keeps it from sending as it stands.
pub(super) async fn look<S: Wire>(dialogue: &mut Dialogue<S>) -> Result<(Facts, Option<Trouble>), AtError> {
    dialogue.escape().await?;
    for setting in ["E0", "V1", "+CMEE=1"] {
        ask(dialogue, Command::new(setting)).await?;
    }
    let mut facts = Facts {
        manufacturer: either(dialogue, "+CGMI", "+GMI").await?,
        model: either(dialogue, "+CGMM", "+GMM").await?,
        revision: either(dialogue, "+CGMR", "+GMR").await?,
        imei: either(dialogue, "+CGSN", "+GSN").await?,
        ..Facts::default()
    };
    if let Some(trouble) = sim(dialogue).await? {
        return Ok((facts, Some(trouble)));
    }
    facts.imsi = either(dialogue, "+CIMI", "+CIMI").await?;
    let charset = ask(dialogue, Command::new("+CSCS?").named("+CSCS")).await?;
    facts.charset = match charset.as_str() {
        "UCS2" => TerminalCharset::Ucs2,
        "GSM" => TerminalCharset::Gsm,
        _ => TerminalCharset::Other,
    };
    let smsc = ask(dialogue, Command::new("+CSCA?").named("+CSCA").within(SLOW)).await?;
    facts.smsc = smsc.split('"').next().and_then(|number| Address::parse(number).ok());
    measure(dialogue, &mut facts).await?;
    let trouble = not_registered(facts.registration);
    Ok((facts, trouble))
}

fn not_registered(state: Registration) -> Option<Trouble> {
    (!state.is_registered()).then_some(Trouble::NotRegistered { state, after: Duration::ZERO })
}

async fn either<S: Wire>(
    dialogue: &mut Dialogue<S>,
    first: &'static str,
    second: &'static str,
) -> Result<String, AtError> {
    let said = ask(dialogue, Command::new(first).free(first)).await?;
    if said.is_empty() && first != second {
        return ask(dialogue, Command::new(second).free(second)).await;
    }
    Ok(said)
}

/// The first line, without the quotes around it; empty where the modem refuses.
async fn ask<S: Wire>(dialogue: &mut Dialogue<S>, command: Command) -> Result<String, AtError> {
    match dialogue.command(&command).await {
        Ok(answer) => Ok(plain(answer.first())),
        Err(AtError::Refused { .. }) => Ok(String::new()),
        Err(error) => Err(error),
    }
}

/// What a modem says goes to a terminal: nothing that moves its cursor.
fn plain(line: &str) -> String {
    line.trim().trim_matches('"').chars().filter(|c| !c.is_control()).take(64).collect()
}

async fn sim<S: Wire>(dialogue: &mut Dialogue<S>) -> Result<Option<Trouble>, AtError> {
    let command = Command::new("+CPIN?").named("+CPIN").may_lack_ok().within(SLOW);
    let mut looks = 0;
    loop {
        looks += 1;
        match dialogue.command(&command).await {
            Ok(answer) => return Ok(wants(&plain(answer.first()))),
            Err(AtError::Refused { refusal, .. }) if refusal.class() == Class::Busy && looks < SIM_LOOKS => {
                tokio::time::sleep(SIM_LOOK).await;
            }
            Err(error) => return refused(error),
        }
    }
}

/// 3GPP TS 27.007 §8.3.
fn wants(code: &str) -> Option<Trouble> {
    match code {
        "READY" | "" => None,
        "SIM PIN" => Some(Trouble::PinNeeded),
        "SIM PUK" => Some(Trouble::PukNeeded),
        other => Some(Trouble::Locked(other.to_owned())),
    }
}

fn refused(error: AtError) -> Result<Option<Trouble>, AtError> {
    match error.refusal() {
        None => Err(error),
        // modems for networks without SIMs
        Some(Refusal::Error | Refusal::NotSupported | Refusal::Cme(Some(4))) => Ok(None),
        Some(Refusal::Cme(Some(10)) | Refusal::Cms(Some(310))) => Ok(Some(Trouble::NoSim)),
        Some(Refusal::Cme(Some(11)) | Refusal::Cms(Some(311))) => Ok(Some(Trouble::PinNeeded)),
        Some(Refusal::Cme(Some(12)) | Refusal::Cms(Some(316))) => Ok(Some(Trouble::PukNeeded)),
        Some(_) => Ok(Some(Trouble::Sim(error))),
    }
}
