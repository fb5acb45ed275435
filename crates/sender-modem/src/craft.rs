//! What a keeper does with a modem in a few commands: set it up, look at its network, hand an SMS over.

use std::time::Duration;

use mtan_jobs::ReportCode;
use mtan_sender::{Detail, Verdict};
use mtan_sms::{Address, Submit};
use tokio::time::{Instant, sleep};
use zeroize::Zeroizing;

use crate::at::{AtError, Command, Dialogue, SubmitError, Wire};
use crate::codes::{Care, Class};
use crate::pins::Pins;

/// A SIM that has just got power is busy for some seconds.
const SIM_WAKES: Duration = Duration::from_secs(15);

/// Commands that the SIM has to answer.
const SLOW: Duration = Duration::from_secs(15);

/// For the prompt.
const PROMPT: Duration = Duration::from_secs(10);

/// How many tries a SIM must have left for its PIN: the last one is for a person.
const TRIES: u32 = 2;

/// What a modem says about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) manufacturer: Option<String>,
    pub(crate) model: Option<String>,
    pub(crate) imei: Option<String>,
    pub(crate) imsi: Option<String>,
    pub(crate) operator: Option<String>,
    /// `<stat>` of `+CREG`, or of `+CEREG` where that is the only network.
    pub(crate) registration: u8,
    /// `<rssi>` of `+CSQ`.
    pub(crate) signal: u8,
    /// Delivery reports are stored, and announced by `+CDSI`.
    pub(crate) reports_are_stored: bool,
}

impl Facts {
    pub(crate) fn is_registered(&self) -> bool {
        // 6 and 7: for SMS only
        matches!(self.registration, 1 | 5 | 6 | 7)
    }

    /// 3GPP TS 27.007 §8.5: 0 is -113 dBm or less, 31 -51 dBm or more.
    pub(crate) fn signal_dbm(&self) -> Option<i16> {
        (self.signal <= 31).then(|| i16::from(self.signal) * 2 - 113)
    }

    pub(crate) fn network_words(&self) -> String {
        let registration = match self.registration {
            1 | 6 => "registered",
            5 | 7 => "registered, roaming",
            2 => "searching for a network",
            3 => "the network refuses this SIM",
            _ => "not registered",
        };
        let operator = self.operator.as_deref().map(|name| format!(" with {name}")).unwrap_or_default();
        match self.signal_dbm() {
            Some(dbm) => format!("{registration}{operator}, {dbm} dBm"),
            None => format!("{registration}{operator}"),
        }
    }

    pub(crate) fn model_words(&self) -> String {
        [&self.manufacturer, &self.model]
            .into_iter()
            .flatten()
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(" ")
    }
}

/// Why a modem cannot be set up.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// A person must do something.
    Person(String),
    /// It does not answer as it should.
    Modem(AtError),
}

impl From<AtError> for Trouble {
    fn from(error: AtError) -> Trouble {
        Trouble::Modem(error)
    }
}

/// What is wanted of a modem.
pub(crate) struct Wishes<'a> {
    pub(crate) pin: Option<&'a Zeroizing<String>>,
    pub(crate) smsc: Option<&'a Address>,
    pub(crate) reports: bool,
}

pub(crate) async fn set_up<S: Wire>(
    dialogue: &mut Dialogue<S>,
    wishes: &Wishes<'_>,
    pins: &Pins,
) -> Result<Facts, Trouble> {
    dialogue.command(&Command::new("E0")).await?;
    ask(dialogue, Command::new("+CMEE=1")).await?;
    let manufacturer = ask(dialogue, Command::new("+CGMI").free("+CGMI")).await?;
    let model = ask(dialogue, Command::new("+CGMM").free("+CGMM")).await?;
    let imei = ask(dialogue, Command::new("+CGSN").free("+CGSN")).await?;
    open_sim(dialogue, wishes, pins).await?;
    let imsi = ask(dialogue, Command::new("+CIMI").free("+CIMI").within(SLOW)).await?;
    dialogue.command(&Command::new("+CMGF=0")).await?;
    if let Some(smsc) = wishes.smsc {
        set_smsc(dialogue, smsc).await?;
    }
    let mut facts = Facts { manufacturer, model, imei, imsi, ..Facts::default() };
    facts.reports_are_stored = wishes.reports && wants_reports(dialogue).await?;
    look(dialogue, &mut facts).await?;
    let operator = ask(dialogue, Command::new("+COPS?").named("+COPS").within(SLOW)).await?;
    facts.operator = operator.as_deref().and_then(quoted).map(str::to_owned);
    Ok(facts)
}

/// Asks again for what changes by itself.
pub(crate) async fn look<S: Wire>(dialogue: &mut Dialogue<S>, facts: &mut Facts) -> Result<(), AtError> {
    dialogue.command(&Command::new("")).await?;
    let circuit = ask(dialogue, Command::new("+CREG?").registration("+CREG")).await?;
    facts.registration = circuit.as_deref().and_then(second_number).unwrap_or(0);
    if !facts.is_registered() {
        let lte = ask(dialogue, Command::new("+CEREG?").registration("+CEREG")).await?;
        facts.registration = lte.as_deref().and_then(second_number).unwrap_or(facts.registration);
    }
    let signal = ask(dialogue, Command::new("+CSQ").named("+CSQ")).await?;
    facts.signal = signal.as_deref().and_then(first_number).unwrap_or(99);
    Ok(())
}

pub(crate) async fn set_smsc<S: Wire>(dialogue: &mut Dialogue<S>, smsc: &Address) -> Result<(), AtError> {
    let kind = if smsc.is_international() { 145 } else { 129 };
    let command = Command::new(format!("+CSCA=\"{}\",{kind}", smsc.expose())).within(SLOW);
    ask(dialogue, command).await.map(drop)
}

/// The first line of an answer; `None` where the modem says no: such a question is not vital.
async fn ask<S: Wire>(dialogue: &mut Dialogue<S>, command: Command) -> Result<Option<String>, AtError> {
    match dialogue.command(&command).await {
        Ok(answer) => Ok(Some(answer.first().trim().to_owned()).filter(|line| !line.is_empty())),
        Err(AtError::Refused { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The PIN is tried once, with tries to spare, and never again where it was refused.
async fn open_sim<S: Wire>(
    dialogue: &mut Dialogue<S>,
    wishes: &Wishes<'_>,
    pins: &Pins,
) -> Result<(), Trouble> {
    let state = sim_state(dialogue).await?;
    if state.contains("READY") {
        return Ok(());
    }
    if !state.contains("SIM PIN") || state.contains("SIM PIN2") {
        return Err(Trouble::Person(format!(
            "the SIM asks for {state}: put it into a phone and unlock it there"
        )));
    }
    let Some(pin) = wishes.pin else {
        return Err(Trouble::Person("the SIM asks for its PIN: set PIN or PIN_file".to_owned()));
    };
    if pins.was_refused(pin) {
        let why = "the SIM has refused this PIN before: it is not tried again, write the right one into PIN or PIN_file";
        return Err(Trouble::Person(why.to_owned()));
    }
    match tries_left(dialogue).await? {
        Some(left) if left < TRIES => {
            return Err(Trouble::Person(format!(
                "the SIM has {left} tries left for its PIN: none is made here"
            )));
        }
        _ => {}
    }
    // before the try: a death in the middle of it must not lead to a second one
    if !pins.remember(pin) {
        return Err(Trouble::Person(
            "the PIN is not tried: that it was could not be noted in STATE, and a restart would try it again"
                .to_owned(),
        ));
    }
    let enter = Command::secret("+CPIN=", &format!("\"{}\"", pin.as_str())).within(SLOW);
    match dialogue.command(&enter).await {
        Ok(_) => pins.forget(pin),
        Err(AtError::Refused { .. }) => {
            return Err(Trouble::Person("the SIM refuses this PIN: it is not tried again".to_owned()));
        }
        // whether it was right shows at the next look
        Err(error) => return Err(error.into()),
    }
    let state = sim_state(dialogue).await?;
    if state.contains("READY") { Ok(()) } else { Err(Trouble::Person(format!("the SIM asks for {state}"))) }
}

/// `READY`, `SIM PIN`, `SIM PUK`.
async fn sim_state<S: Wire>(dialogue: &mut Dialogue<S>) -> Result<String, Trouble> {
    let until = Instant::now() + SIM_WAKES;
    loop {
        let command = Command::new("+CPIN?").named("+CPIN").may_lack_ok();
        match dialogue.command(&command).await {
            Ok(answer) => return Ok(answer.first().trim_matches('"').to_owned()),
            Err(AtError::Refused { refusal, .. })
                if Instant::now() < until && refusal.class() == Class::Busy => {}
            Err(AtError::Refused { refusal, .. }) => {
                return Err(Trouble::Person(format!("the SIM cannot be used: {refusal}")));
            }
            Err(error) => return Err(error.into()),
        }
        sleep(Duration::from_secs(1)).await;
    }
}

/// `AT+CPINR`, or the SIM's own answer to an empty VERIFY: 63Cx (ETSI TS 102 221 §11.1.9). `None` if neither is known.
async fn tries_left<S: Wire>(dialogue: &mut Dialogue<S>) -> Result<Option<u32>, AtError> {
    let told = ask(dialogue, Command::new("+CPINR=\"SIM PIN\"").named("+CPINR")).await?;
    if let Some(left) = told.and_then(|line| line.split(',').nth(1)?.trim().parse().ok()) {
        return Ok(Some(left));
    }
    let told = ask(dialogue, Command::new("+CSIM=10,\"0020000100\"").named("+CSIM").within(SLOW)).await?;
    Ok(told.and_then(|line| u32::from_str_radix(quoted(&line)?.strip_prefix("63C")?, 16).ok()))
}

/// Whether reports are stored; they are sent on at once where the modem can.
async fn wants_reports<S: Wire>(dialogue: &mut Dialogue<S>) -> Result<bool, AtError> {
    for (direct, stored) in [("+CNMI=2,1,0,1", false), ("+CNMI=2,1,0,2", true)] {
        match dialogue.command(&Command::new(direct)).await {
            Ok(_) => return Ok(stored),
            Err(AtError::Refused { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}

/// What came of an SMS.
pub(crate) struct HandOver {
    pub(crate) verdict: Verdict,
    /// Of the parts that the network took; `None` where the modem did not say.
    pub(crate) references: Vec<Option<u8>>,
    pub(crate) care: Care,
}

/// Hands the parts over, one after the other. After a part that was taken nothing is certain but a yes.
pub(crate) async fn hand_over<S: Wire>(
    dialogue: &mut Dialogue<S>,
    parts: &[Submit],
    result_within: Duration,
) -> HandOver {
    let mut references = Vec::new();
    if parts.len() > 1 {
        // the link stays open between the parts; a modem that cannot do it is only slower
        if let Err(error) = ask(dialogue, Command::new("+CMMS=1")).await {
            return Failed { error, submitted: false }.after(references);
        }
    }
    for part in parts {
        match submit(dialogue, part, result_within).await {
            Ok(reference) => references.push(reference),
            Err(failed) => return failed.after(references),
        }
    }
    let ids: Vec<String> = references.iter().flatten().map(u8::to_string).collect();
    let gateway_id = Some(ids.join(","));
    HandOver { verdict: Verdict::Accepted { gateway_id, detail: None }, references, care: Care::Nothing }
}

async fn submit<S: Wire>(
    dialogue: &mut Dialogue<S>,
    part: &Submit,
    result_within: Duration,
) -> Result<Option<u8>, Failed> {
    let command = Command::new(format!("+CMGS={}", part.length())).named("+CMGS").within(PROMPT);
    let prompt = dialogue.prompt(&command).await.map_err(|error| Failed { error, submitted: false })?;
    let answer = prompt.submit(&command.within(result_within), &part.hex(None)).await;
    match answer {
        Ok(answer) if answer.lines().is_empty() => Err(Failed { error: AtError::Deaf, submitted: true }),
        Ok(answer) => Ok(first_number(answer.first())),
        Err(SubmitError::Before(error) | SubmitError::Refused(error)) => {
            Err(Failed { error, submitted: false })
        }
        Err(SubmitError::After(error)) => Err(Failed { error, submitted: true }),
    }
}

struct Failed {
    error: AtError,
    /// It may have gone out.
    submitted: bool,
}

impl Failed {
    fn after(self, references: Vec<Option<u8>>) -> HandOver {
        let Failed { error, submitted } = self;
        let detail = Detail::own(error.to_string());
        let class = error.refusal().map(|refusal| refusal.class());
        let verdict = match class {
            _ if submitted || !references.is_empty() => {
                Verdict::Unknown { code: ReportCode::NoAnswer, detail: Some(detail) }
            }
            Some(class) => class.verdict(detail),
            None => {
                Verdict::Retry { code: ReportCode::GatewayUnreachable, after: None, detail: Some(detail) }
            }
        };
        HandOver { verdict, references, care: class.map_or(Care::SetUp, Class::care) }
    }
}

fn first_number(line: &str) -> Option<u8> {
    line.split(',').next()?.trim().parse().ok()
}

fn second_number(line: &str) -> Option<u8> {
    line.split(',').nth(1)?.trim().parse().ok()
}

fn quoted(line: &str) -> Option<&str> {
    line.split('"').nth(1)
}
