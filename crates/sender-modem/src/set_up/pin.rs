//! The SIM and its PIN: entered at most once, and never when only one try is left.

use std::io;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::trouble::Trouble;
use super::{Facts, first, is_busy, optional};
use crate::at::{AtError, Command, Dialogue, Refusal, Wire};

/// How long a SIM may take to wake up, and to do so again after its PIN.
const SIM_READY: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(500);
/// How long the PIN itself may take.
const ENTRY: Duration = Duration::from_secs(30);

/// Tries that a fresh SIM has, and has again after each right PIN (3GPP TS 31.101, and every SIM there is).
const ALL_TRIES: u8 = 3;

/// What is known of a PIN on a SIM; kept on disk, not in clear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PinPast {
    /// Nothing, or it was right.
    Clean,
    /// It was entered, and the answer got lost.
    Entered,
    /// It was refused.
    Refused,
}

/// Where it is kept. `sim` is the SIM's ICCID, or where it does not tell it the modem's IMEI.
pub trait PinMemory: Send + Sync {
    /// What is known of `pin` on `sim`. An error where it cannot be read: then it may have been refused before.
    fn past(&self, sim: &str, pin: &str) -> io::Result<PinPast>;

    /// Writes it down, durably: when this returns, a restart knows it.
    fn note(&self, sim: &str, pin: &str, past: PinPast) -> io::Result<()>;

    /// Held from the question for its past until what became of a PIN is noted: a stick shows several ports, and they are set
    /// up at the same time.
    fn turn(&self) -> &Mutex<()>;
}

/// What `AT+CPIN?` says.
enum SimState {
    Ready,
    Pin,
    Puk,
    Other(String),
}

/// Waits for the SIM, and enters `pin` if it is asked for and safe.
pub(super) async fn unlock<S: Wire>(
    dialogue: &mut Dialogue<S>,
    pin: Option<&str>,
    facts: &mut Facts,
    memory: &dyn PinMemory,
) -> Result<(), Trouble> {
    let mut state = state(dialogue).await?;
    facts.iccid = iccid(dialogue).await?;
    let sim = if facts.iccid.is_empty() { facts.imei.clone() } else { facts.iccid.clone() };
    let _turn = match (&state, pin) {
        (SimState::Pin, Some(_)) => {
            let turn = memory.turn().lock().await;
            // another port of the same stick may have entered it meanwhile
            state = self::state(dialogue).await?;
            Some(turn)
        }
        _ => None,
    };
    match state {
        SimState::Ready => Ok(()),
        SimState::Puk => Err(Trouble::PukNeeded),
        SimState::Other(code) => Err(Trouble::Locked(code)),
        SimState::Pin => {
            let pin = pin.ok_or(Trouble::PinNeeded)?;
            may_enter(dialogue, &sim, pin, memory).await?;
            enter(dialogue, &sim, pin, memory).await?;
            facts.entered_pin = true;
            if facts.iccid.is_empty() {
                facts.iccid = iccid(dialogue).await?;
            }
            Ok(())
        }
    }
}

/// What the SIM wants, when it is awake.
async fn state<S: Wire>(dialogue: &mut Dialogue<S>) -> Result<SimState, Trouble> {
    let until = Instant::now() + SIM_READY;
    let ask = Command::new("+CPIN?").named("+CPIN").may_lack_ok().within(Duration::from_secs(10));
    loop {
        match dialogue.command(&ask).await {
            Ok(answer) if !answer.first().is_empty() => return Ok(SimState::of(answer.first())),
            Err(AtError::Refused { refusal, .. }) if is_busy(refusal) && Instant::now() < until => {}
            Ok(_) if Instant::now() < until => {}
            // No SIM, no PIN to speak of: modems for networks without SIMs.
            Ok(_)
            | Err(AtError::Refused {
                refusal: Refusal::Error | Refusal::NotSupported | Refusal::Cme(Some(4)),
                ..
            }) => {
                return Ok(SimState::Ready);
            }
            Err(error) => return Err(sim_trouble(error)),
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn sim_trouble(error: AtError) -> Trouble {
    match error.refusal() {
        Some(Refusal::Cme(Some(10)) | Refusal::Cms(Some(310))) => Trouble::NoSim,
        Some(Refusal::Cme(Some(12)) | Refusal::Cms(Some(316))) => Trouble::PukNeeded,
        Some(_) => Trouble::Sim(error),
        None => Trouble::At(error),
    }
}

impl SimState {
    fn of(answer: &str) -> SimState {
        match answer.trim().trim_matches('"') {
            "READY" => SimState::Ready,
            "SIM PIN" => SimState::Pin,
            "SIM PUK" => SimState::Puk,
            other => SimState::Other(
                other.chars().filter(|c| c.is_ascii_alphanumeric() || " -".contains(*c)).take(24).collect(),
            ),
        }
    }
}

async fn iccid<S: Wire>(dialogue: &mut Dialogue<S>) -> Result<String, AtError> {
    for command in [
        Command::new("+CCID").free("+CCID"),
        Command::new("+ICCID").free("+ICCID"),
        Command::new("^ICCID?").named("^ICCID"),
    ] {
        let line = first(dialogue, command).await?;
        let digits: String = line.chars().filter(char::is_ascii_alphanumeric).collect();
        if digits.len() >= 18 && digits.starts_with("89") {
            return Ok(digits);
        }
    }
    Ok(String::new())
}

async fn may_enter<S: Wire>(
    dialogue: &mut Dialogue<S>,
    sim: &str,
    pin: &str,
    memory: &dyn PinMemory,
) -> Result<(), Trouble> {
    let past = memory.past(sim, pin).map_err(no_memory)?;
    let left = tries_left(dialogue).await?;
    match (past, left) {
        (_, Some(0)) => Err(Trouble::PukNeeded),
        (PinPast::Refused, _) => Err(Trouble::PinTriedBefore),
        (_, Some(1)) => Err(Trouble::LastTry(1)),
        // All tries are there: what got lost was not a refusal.
        (PinPast::Entered, Some(left)) if left >= ALL_TRIES => Ok(()),
        (PinPast::Entered, _) => Err(Trouble::PinTriedBefore),
        (PinPast::Clean, _) => Ok(()),
    }
}

fn no_memory(error: io::Error) -> Trouble {
    Trouble::PinMemory(error.kind().to_string())
}

/// Written down before it is entered: whatever happens meanwhile, no restart enters it blindly again.
async fn enter<S: Wire>(
    dialogue: &mut Dialogue<S>,
    sim: &str,
    pin: &str,
    memory: &dyn PinMemory,
) -> Result<(), Trouble> {
    let note = |past| memory.note(sim, pin, past).map_err(no_memory);
    note(PinPast::Entered)?;
    let entry = Command::secret("+CPIN=", &format!("\"{pin}\"")).within(ENTRY);
    match dialogue.command(&entry).await {
        Ok(_) => {}
        // 27.007 §9.2: 14, the SIM is busy: it has not looked at the PIN
        Err(AtError::Refused { refusal, command }) if is_busy(refusal) => {
            note(PinPast::Clean)?;
            return Err(Trouble::Sim(AtError::Refused { refusal, command }));
        }
        // "operation not allowed", perhaps: nothing was asked for any more
        Err(AtError::Refused { refusal, .. }) if !is_wrong(refusal) && is_ready(dialogue).await => {}
        Err(error @ AtError::Refused { .. }) => {
            note(PinPast::Refused)?;
            return Err(match sim_trouble(error) {
                Trouble::PukNeeded => Trouble::PukNeeded,
                _ => Trouble::PinRefused,
            });
        }
        Err(error) => return Err(error.into()),
    }
    wait_until_ready(dialogue).await?;
    note(PinPast::Clean)
}

/// 27.007 §9.2: "incorrect password", "SIM PUK required".
fn is_wrong(refusal: Refusal) -> bool {
    matches!(refusal, Refusal::Cme(Some(12 | 16)) | Refusal::Cms(Some(316)))
}

async fn is_ready<S: Wire>(dialogue: &mut Dialogue<S>) -> bool {
    matches!(state(dialogue).await, Ok(SimState::Ready))
}

async fn wait_until_ready<S: Wire>(dialogue: &mut Dialogue<S>) -> Result<(), Trouble> {
    let until = Instant::now() + SIM_READY;
    loop {
        match state(dialogue).await? {
            SimState::Ready => return Ok(()),
            SimState::Puk => return Err(Trouble::PukNeeded),
            SimState::Other(code) => return Err(Trouble::Locked(code)),
            SimState::Pin if Instant::now() >= until => return Err(Trouble::PinRefused),
            SimState::Pin => tokio::time::sleep(LOOK).await,
        }
    }
}

/// Tries left for the PIN, by the first of four ways that the modem knows.
async fn tries_left<S: Wire>(dialogue: &mut Dialogue<S>) -> Result<Option<u8>, AtError> {
    type Read = fn(&str) -> Option<u8>;
    let ways: [(Command, Read); 5] = [
        (Command::new("+CPINR").named("+CPINR"), cpinr),
        (Command::new("^CPIN?").named("^CPIN"), huawei),
        (Command::new("+SPIC").named("+SPIC"), leading),
        (Command::new("^SPIC").named("^SPIC"), leading),
        (Command::new("+CSIM=10,\"0020000100\"").named("+CSIM"), csim),
    ];
    for (command, read) in ways {
        let answer = optional(dialogue, command).await?.unwrap_or_default();
        if let Some(left) = answer.lines().iter().find_map(|line| read(line)) {
            return Ok(Some(left));
        }
    }
    Ok(None)
}

/// 27.007 §8.65: `SIM PIN,<left>,<of>`.
fn cpinr(line: &str) -> Option<u8> {
    let mut fields = line.split(',').map(|field| field.trim().trim_matches('"'));
    (fields.next()? == "SIM PIN").then(|| fields.next()?.parse().ok())?
}

/// `<code>,<left of this code>,<PUK>,<PIN>,<PUK2>,<PIN2>`.
fn huawei(line: &str) -> Option<u8> {
    line.split(',').nth(3)?.trim().parse().ok()
}

/// `<PIN>,..`.
fn leading(line: &str) -> Option<u8> {
    line.split(',').next()?.trim().parse().ok()
}

/// VERIFY without a PIN costs no try: 63Cx says how many are left, 6983 that there are none (3GPP TS 31.101 §11.1.9).
fn csim(line: &str) -> Option<u8> {
    let words = line.split(',').nth(1)?.trim().trim_matches('"').to_ascii_uppercase();
    match words.strip_prefix("63C") {
        Some(left) => u8::from_str_radix(left, 16).ok(),
        None => (words == "6983").then_some(0),
    }
}
