//! A text goes out by a modem, part by part, and what came of it is classified once.

mod part;

use std::time::Duration;

use mtan_jobs::ReportCode;
use mtan_sender::{About, Detail, Verdict};
use mtan_sms::{Address, PhoneNumber, SmsText, Submit};
use tokio::time::Instant;

use crate::at::{AtError, Command, Dialogue, SubmitError, Wire};
use crate::codes::{Care, Class};
use part::{Part, in_text_mode};

/// How long a network may take to answer; vendors name 60 to 180 seconds.
pub const ANSWER: Duration = Duration::from_secs(120);

/// How long a prompt may take.
const PROMPT: Duration = Duration::from_secs(10);

/// How long until the same part is tried again when the modem was busy.
const AGAIN: [Duration; 3] =
    [Duration::from_millis(200), Duration::from_millis(1000), Duration::from_millis(2000)];

/// How a modem takes an SMS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// As a PDU: all that an SMS can be.
    Pdu,
    /// As text, for the few modems that refuse PDUs: one part; [`TextCharset::Plain`] also bounds the characters.
    Text(TextCharset),
}

/// The characters that a modem takes in text mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextCharset {
    /// `AT+CSCS="UCS2"`: everything.
    Ucs2,
    /// `GSM` or `IRA`: what has the same code in both, letters, digits and ``!"#%&'()*+,-./:;<=>?``.
    Plain,
}

/// How texts go out by one modem.
#[derive(Debug, Clone)]
pub struct Manner {
    /// What [`crate::set_up`] found.
    pub mode: Mode,
    /// A service centre that must stand in each PDU; `None` = the modem's own.
    pub smsc: Option<Address>,
    /// How long the network may take to answer, for each part; see [`ANSWER`].
    pub answer_within: Duration,
}

/// What is to go out.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    /// To whom.
    pub to: &'a PhoneNumber,
    /// What; the parts say the same.
    pub text: &'a SmsText,
    /// [`Submit::parts`] of it; at least one.
    pub parts: &'a [Submit],
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandOver {
    /// For the job.
    pub verdict: Verdict,
    /// What the network called the parts that it took, in their order; `None` where the modem did not say so.
    pub references: Vec<Option<u8>>,
    /// For the modem.
    pub care: Care,
}

/// The longest that a hand-over of so many parts takes.
pub fn longest(parts: u8, answer_within: Duration) -> Duration {
    let tries: Duration = AGAIN.iter().map(|pause| *pause + PROMPT).sum();
    (answer_within + PROMPT + PROMPT + tries) * u32::from(parts.max(1))
}

/// Why a part came to nothing.
enum Failure {
    /// Certainly not taken: refused.
    Refused(Class, AtError),
    /// Certainly not taken: the modem does not do its part.
    NotTaken(AtError),
    /// Nobody knows.
    Unknown(AtError),
    /// `OK` without a reference, which a Siemens MC55 says of a failure too.
    NoReference,
    /// The code is dead.
    Dead,
}

/// Hands `message` over. `is_alive` is asked right before the first part is begun, and again when its prompt has come;
/// once a part was taken the others follow. A part is repeated only where it was certainly not taken, and a text of which a part
/// was taken is never put off as if it were new.
pub async fn hand_over<S: Wire>(
    dialogue: &mut Dialogue<S>,
    message: Message<'_>,
    manner: &Manner,
    is_alive: &(dyn Fn() -> bool + Sync),
) -> HandOver {
    let parts = match parts(message, manner) {
        Ok(parts) => parts,
        Err(why) => return refused_by_us(why),
    };
    let mut references = Vec::new();
    if parts.len() > 1 {
        // Keeps the link open between the parts, and is over by itself (27.005 §3.5.6). Not every modem has it.
        match dialogue.command(&Command::new("+CMMS=1")).await {
            Ok(_) | Err(AtError::Refused { .. }) => {}
            Err(error) => return ended(Failure::NotTaken(error), references, parts.len()),
        }
    }
    for part in &parts {
        let always = || true;
        let alive: &(dyn Fn() -> bool + Sync) = if references.is_empty() { is_alive } else { &always };
        match send(dialogue, part, manner.answer_within, alive).await {
            Ok(reference) => references.push(reference),
            Err(failure) => return ended(failure, references, parts.len()),
        }
    }
    accepted(references)
}

fn parts(message: Message<'_>, manner: &Manner) -> Result<Vec<Part>, &'static str> {
    match manner.mode {
        Mode::Pdu => Ok(message.parts.iter().map(|part| Part::pdu(part, manner.smsc.as_ref())).collect()),
        Mode::Text(charset) => in_text_mode(message, charset).map(|part| vec![part]),
    }
}

/// One part, again where the modem was only busy.
async fn send<S: Wire>(
    dialogue: &mut Dialogue<S>,
    part: &Part,
    answer_within: Duration,
    is_alive: &(dyn Fn() -> bool + Sync),
) -> Result<Option<u8>, Failure> {
    let mut pauses = AGAIN.iter();
    loop {
        let failure = match send_once(dialogue, part, answer_within, is_alive).await {
            Err(failure @ Failure::Refused(Class::Busy | Class::PerhapsNumber, _)) => failure,
            other => return other,
        };
        if matches!(failure, Failure::Refused(Class::PerhapsNumber, _)) {
            pauses.nth(1); // once more, a little later
        }
        match pauses.next() {
            Some(pause) => tokio::time::sleep(*pause).await,
            None => return Err(failure),
        }
    }
}

async fn send_once<S: Wire>(
    dialogue: &mut Dialogue<S>,
    part: &Part,
    answer_within: Duration,
    is_alive: &(dyn Fn() -> bool + Sync),
) -> Result<Option<u8>, Failure> {
    if let Some(setting) = part.setting() {
        dialogue.command(&setting).await.map_err(not_taken)?;
    }
    if !is_alive() {
        return Err(Failure::Dead);
    }
    let prompt = dialogue.prompt(&part.command().within(PROMPT)).await.map_err(not_taken)?;
    if !is_alive() {
        // What becomes of the modem shows at the next command.
        return prompt.cancel().await.map_or(Err(Failure::Dead), |()| Err(Failure::Dead));
    }
    let submitted = Instant::now();
    let answer = prompt.submit(&part.command().within(answer_within), part.body()).await;
    let answer = answer.map_err(|error| match error {
        SubmitError::Refused(error) if leaves_open(&error, submitted.elapsed()) => Failure::Unknown(error),
        SubmitError::Before(error) | SubmitError::Refused(error) => not_taken(error),
        SubmitError::After(error) => Failure::Unknown(error),
    })?;
    let line = answer.lines().first().ok_or(Failure::NoReference)?;
    Ok(line.split(',').next().and_then(|reference| reference.trim().parse().ok()))
}

fn leaves_open(error: &AtError, since: Duration) -> bool {
    error.refusal().is_some_and(|refusal| refusal.leaves_open(since))
}

fn not_taken(error: AtError) -> Failure {
    match error.refusal() {
        Some(refusal) => Failure::Refused(refusal.class(), error),
        None => Failure::NotTaken(error),
    }
}

fn accepted(references: Vec<Option<u8>>) -> HandOver {
    let ids: Vec<String> = references.iter().flatten().map(u8::to_string).collect();
    let gateway_id = (!ids.is_empty()).then(|| ids.join(","));
    HandOver { verdict: Verdict::Accepted { gateway_id, detail: None }, references, care: Care::Nothing }
}

/// The end of a hand-over of `of` parts that failed after `references` were taken.
fn ended(failure: Failure, references: Vec<Option<u8>>, of: usize) -> HandOver {
    let care = failure.care();
    let words = failure.words();
    let verdict = match (references.len(), failure) {
        (0, failure) => failure.verdict(Detail::own(words)),
        (taken, _) => unknown(format!("{taken} of {of} parts went out, and then: {words}")),
    };
    HandOver { verdict, references, care }
}

fn unknown(words: String) -> Verdict {
    Verdict::Unknown { code: ReportCode::NoAnswer, detail: Some(Detail::own(words)) }
}

fn refused_by_us(why: &'static str) -> HandOver {
    let detail = Some(Detail::own(why));
    let verdict = Verdict::Rejected { about: About::Gateway, code: ReportCode::GatewayRejected, detail };
    HandOver { verdict, references: Vec::new(), care: Care::Nothing }
}

impl Failure {
    fn words(&self) -> String {
        match self {
            Failure::Refused(_, error) | Failure::NotTaken(error) | Failure::Unknown(error) => {
                error.to_string()
            }
            Failure::NoReference => "the modem said OK and gave no reference".to_owned(),
            Failure::Dead => "the code died while the modem was busy".to_owned(),
        }
    }

    fn care(&self) -> Care {
        match self {
            Failure::Refused(class, _) => class.care(),
            Failure::NotTaken(AtError::Gone) | Failure::Unknown(AtError::Gone) => Care::Reopen,
            Failure::Unknown(AtError::Refused { refusal, .. }) => refusal.class().care(),
            Failure::NotTaken(_) | Failure::Unknown(_) => Care::SetUp,
            Failure::NoReference | Failure::Dead => Care::Nothing,
        }
    }

    /// Where nothing of the text was taken.
    fn verdict(self, detail: Detail) -> Verdict {
        let retry = |code, detail| Verdict::Retry { code, after: None, detail: Some(detail) };
        match self {
            Failure::Refused(class, _) => class.verdict(detail),
            Failure::NotTaken(_) => retry(ReportCode::GatewayUnreachable, detail),
            Failure::Dead => retry(ReportCode::Expired, detail),
            Failure::Unknown(_) | Failure::NoReference => {
                Verdict::Unknown { code: ReportCode::NoAnswer, detail: Some(detail) }
            }
        }
    }
}

#[cfg(test)]
mod tests;
