//! What every test here does: opens a modem's port, sets it up, hands a text over, and brings it back from whatever state it is in.

use std::collections::HashMap;
use std::io;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use mtan_sender::Verdict;
use mtan_sender_modem::at::{AtError, Dialogue};
use mtan_sender_modem::gnokiirc::{Line, Place};
use mtan_sender_modem::port::Port;
use mtan_sender_modem::set_up::{Facts, PinMemory, PinPast, Trouble, Wishes, set_up};
use mtan_sender_modem::submit::{HandOver, Message, hand_over};
use mtan_sms::{ConcatReference, PhoneNumber, SmsText, Submit, SubmitOptions};
use mtan_testkit::modem::ModemSim;
use mtan_testkit::wait_until;
use tokio::io::AsyncWriteExt;

/// The issue's promise.
pub(crate) const RECOVERY: Duration = Duration::from_secs(30);

/// Shorter than any real network's, for tests that wait for silence.
pub(crate) const ANSWER: Duration = Duration::from_secs(3);

pub(crate) type Modem = Dialogue<Port>;

/// As a file would: what was noted of a PIN outlives every set-up.
#[derive(Default)]
pub(crate) struct Memory(Mutex<HashMap<(String, String), PinPast>>, tokio::sync::Mutex<()>);

impl PinMemory for Memory {
    fn past(&self, sim: &str, pin: &str) -> io::Result<PinPast> {
        let notes = self.0.lock().unwrap();
        Ok(notes.get(&(sim.to_owned(), pin.to_owned())).copied().unwrap_or(PinPast::Clean))
    }

    fn note(&self, sim: &str, pin: &str, past: PinPast) -> io::Result<()> {
        self.0.lock().unwrap().insert((sim.to_owned(), pin.to_owned()), past);
        Ok(())
    }

    fn turn(&self) -> &tokio::sync::Mutex<()> {
        &self.1
    }
}

pub(crate) fn wishes() -> Wishes<'static> {
    Wishes { pin: None, smsc: None, reports: true, register_within: Duration::from_secs(5) }
}

/// The modem's port by its stable name, as soon as it is there.
pub(crate) async fn opened(sim: &ModemSim) -> Modem {
    let place = Place::Port(sim.path().to_string_lossy().into_owned());
    let line = Line { lock_file: false, ..Line::at(place.clone()) };
    let port = wait_until("the port to open", RECOVERY, async || {
        Port::open(&line, &place).await.map_err(|error| error.to_string())
    });
    Dialogue::new(port.await)
}

pub(crate) async fn set_up_once(modem: &mut Modem, wishes: &Wishes<'_>) -> Result<Facts, Trouble> {
    set_up(modem, wishes, &Memory::default()).await
}

/// A modem on which nothing is wrong yet.
pub(crate) async fn ready(sim: &ModemSim) -> (Modem, Facts) {
    let mut modem = opened(sim).await;
    let facts = set_up_once(&mut modem, &wishes()).await.expect("a healthy modem");
    (modem, facts)
}

pub(crate) fn number(last: u32) -> PhoneNumber {
    PhoneNumber::parse(&format!("+4917012{last:05}")).unwrap()
}

pub(crate) fn parts(to: &PhoneNumber, text: &SmsText) -> Vec<Submit> {
    let options = SubmitOptions {
        validity: Some(Duration::from_secs(300)),
        status_report: true,
        reject_duplicates: false,
        reference: ConcatReference::Octet(42),
    };
    Submit::parts(to, text, &options)
}

pub(crate) async fn hands(modem: &mut Modem, facts: &Facts, to: &PhoneNumber, text: &str) -> HandOver {
    let text = SmsText::new(text).unwrap();
    let parts = parts(to, &text);
    let message = Message { to, text: &text, parts: &parts };
    hand_over(modem, message, &facts.manner(ANSWER), &|| true).await
}

/// What was reported is what happened: the SMS is there once, or never, or nobody knows and it is there once at most.
pub(crate) fn assert_honest(what: &str, sim: &ModemSim, handed: &HandOver, to: &PhoneNumber, text: &str) {
    let sent = sim.sms_to(to.expose());
    let told = format!("{what}: {handed:?}, sent: {sent:?}");
    match &handed.verdict {
        Verdict::Accepted { .. } => {
            assert!(sent.len() == 1 && sent[0].is_whole() && sent[0].text == text, "{told}");
            let references: Vec<_> = sent[0].references.iter().copied().map(Some).collect();
            assert_eq!(handed.references, references, "{told}");
        }
        Verdict::Retry { .. } | Verdict::Rejected { .. } => assert!(sent.is_empty(), "{told}"),
        Verdict::Unknown { .. } => {
            assert!(sent.len() <= 1, "{told}");
            assert!(handed.references.len() <= sent.first().map_or(0, |sms| sms.arrived), "{told}");
        }
    }
    assert_silent(&format!("{handed:?}"), to, text);
}

/// Neither number nor text shows.
pub(crate) fn assert_silent(shown: &str, to: &PhoneNumber, text: &str) {
    assert!(!shown.contains(&to.expose()[3..]), "{shown}");
    assert!(text.chars().count() < 6 || !shown.contains(text), "{shown}");
}

/// From any state to a modem that is set up: again, by a port that is opened again, by a reset. Within [`RECOVERY`].
pub(crate) async fn brought_back(what: &str, sim: &ModemSim, modem: Modem) -> (Modem, Facts) {
    let began = Instant::now();
    let mut modem = modem;
    for rung in 0.. {
        let trouble = match set_up_once(&mut modem, &wishes()).await {
            Ok(facts) => {
                assert!(began.elapsed() < RECOVERY, "{what}: {:?}", began.elapsed());
                return (modem, facts);
            }
            Err(trouble) => trouble,
        };
        assert!(began.elapsed() < RECOVERY, "{what}: {trouble}, {:?}", began.elapsed());
        let gone = matches!(trouble, Trouble::At(AtError::Gone));
        if !gone && rung > 0 {
            modem.wire().write_all(b"AT+CFUN=1,1\r").await.ok();
        }
        if gone || rung > 0 || trouble == Trouble::At(AtError::Deaf) {
            drop(modem);
            modem = opened(sim).await;
        }
    }
    unreachable!("the loop ends by its time")
}
