//! The words that a person reads: something to do for every problem, nothing secret in any.

use std::time::Duration;

use mtan_jobs::ReportCode;
use mtan_sender::{About, Verdict};

use super::scan::joined;
use super::send::meaning;
use super::*;
use crate::at::{AtError, Refusal};
use crate::codes::Care;
use crate::gnokiirc::{Line, Place};
use crate::port::OpenError;
use crate::set_up::{Facts, Registration, Trouble};
use crate::submit::HandOver;

fn port(path: &str) -> Place {
    Place::Port(path.to_owned())
}

fn found(path: &str, imei: &str, problem: Option<Problem>) -> Found {
    let facts = (!imei.is_empty()).then(|| Facts { imei: imei.to_owned(), ..Facts::default() });
    Found { ports: vec![port(path)], facts, problem }
}

#[test]
fn identities_and_numbers_show_their_last_digits_only() {
    assert_eq!(masked("490154203237518"), "…7518");
    assert_eq!(masked("1234"), "…");
    assert_eq!(masked(""), "");
    assert_eq!(
        number_free("+491701234567: 12.34 EUR\r\nuntil 24.11.2026"),
        "+…67: 12.34 EUR until 24.11.2026"
    );
    assert_eq!(number_free("Guthaben 123456"), "Guthaben 123456");
    assert_eq!(number_free("0170123"), "…23");
}

#[test]
fn the_signal_has_a_word_and_the_network_its_name() {
    assert_eq!(signal(Some(-51)), "-51 dBm, good");
    assert_eq!(signal(Some(-93)), "-93 dBm, fair");
    assert_eq!(signal(Some(-95)), "-95 dBm, poor");
    assert_eq!(signal(None), "not known");
    let facts = |registration| Facts { registration, operator: "Test Net".to_owned(), ..Facts::default() };
    assert_eq!(network(&facts(Registration::Home)), "registered at home with Test Net");
    assert_eq!(network(&facts(Registration::Denied)), "refused by the network");
}

#[test]
fn every_problem_of_a_modem_says_what_it_is_and_what_to_do() {
    let at = AtError::Refused { command: "AT+CPIN?".to_owned(), refusal: Refusal::Cme(Some(13)) };
    let not_registered = |state| Trouble::NotRegistered { state, after: Duration::from_secs(5) };
    for (trouble, what, advice) in [
        (Trouble::PinNeeded, "the SIM needs its PIN", "--pin-file"),
        (Trouble::PinRefused, "refused the configured PIN", "correct the PIN"),
        (Trouble::PinTriedBefore, "not tried again", "correct the PIN"),
        (Trouble::PukNeeded, "PUK", "phone"),
        (Trouble::LastTry(1), "left to a person", "phone"),
        (Trouble::NoSim, "no SIM", "put a SIM in"),
        (Trouble::Sim(at.clone()), "13", "phone"),
        (Trouble::Locked("PH-NET PIN".to_owned()), "PH-NET PIN", "not locked to another SIM"),
        (Trouble::NoSms, "neither", "another modem"),
        (Trouble::At(AtError::Gone), "gone", "plug"),
        (not_registered(Registration::Searching), "looking for a network", "antenna"),
        (not_registered(Registration::Denied), "refused by the network", "contract"),
        (not_registered(Registration::Off), "not looking for a network", "antenna"),
        (not_registered(Registration::Unknown), "does not say why", "antenna"),
        (Trouble::At(AtError::Deaf), "nothing answers AT", "mtan modem scan"),
    ] {
        let problem = Problem::from(trouble);
        let (words, what_to_do) = (problem.to_string(), problem.advice().unwrap_or_default());
        assert!(words.contains(what), "{what}: {words}");
        assert!(what_to_do.contains(advice), "{advice}: {what_to_do}");
    }
}

#[test]
fn a_port_that_mtan_itself_holds_is_called_so() {
    let busy = |by: &str| Problem::Port(OpenError::Busy { port: "/dev/x".to_owned(), by: by.to_owned() });
    assert!(busy(" by mtan-sender-mod (process 7)").advice().unwrap().contains("mtan itself"));
    assert!(busy(" by ModemManager (process 7): …").advice().is_none(), "the words say it");
}

#[test]
fn ports_of_one_stick_are_one_line_and_those_that_can_send_come_first() {
    let closed = Problem::Port(OpenError::Missing("/dev/f".to_owned()));
    let all = [
        found("/dev/a", "", Some(Problem::Silent)),
        found("/dev/f", "", Some(closed)),
        found("/dev/b", "1", Some(Problem::Modem(Trouble::PinNeeded))),
        found("/dev/c", "2", None),
        found("/dev/d", "1", Some(Problem::Modem(Trouble::PinNeeded))),
        found("/dev/e", "", Some(Problem::Silent)),
    ];
    let ports: Vec<Vec<Place>> = joined(all.into_iter()).into_iter().map(|found| found.ports).collect();
    let rows = [vec!["/dev/c"], vec!["/dev/b", "/dev/d"], vec!["/dev/f"], vec!["/dev/a"], vec!["/dev/e"]];
    assert_eq!(ports, rows.map(|row| row.into_iter().map(port).collect::<Vec<_>>()));
}

#[test]
fn a_device_is_looked_at_once_and_by_the_name_that_stands_first() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    std::fs::write(path("ttyUSB0"), "").unwrap();
    std::os::unix::fs::symlink(path("ttyUSB0"), path("by-id")).unwrap();
    let lines = ["by-*", "ttyUSB*", "ttyACM*"].map(|pattern| Line::at(port(&path(pattern))));
    let places: Vec<Place> = ports(lines.iter()).into_iter().map(|line| line.place).collect();
    assert_eq!(places, [port(&path("by-id"))]);
    // driven as the configuration says, whatever name it is called by
    let slow = Line { baud_rate: 9600, ..Line::at(port(&path("by-id"))) };
    let chosen = ports_of(&[Line::at(port(&path("ttyUSB0")))], &[slow]);
    assert_eq!((chosen[0].baud_rate, &chosen[0].place), (9600, &port(&path("ttyUSB0"))));
}

#[test]
fn every_answer_to_an_sms_has_words_and_only_a_sure_failure_says_so() {
    let detail = None;
    let retry = Verdict::Retry { code: ReportCode::GatewayError, after: None, detail: detail.clone() };
    let unknown = Verdict::Unknown { code: ReportCode::NoAnswer, detail: detail.clone() };
    let rejected = |about, code| Verdict::Rejected { about, code, detail: None };
    for (verdict, care, what, advice) in [
        (Verdict::Accepted { gateway_id: None, detail }, Care::Nothing, "took the SMS", "--wait"),
        (unknown, Care::SetUp, "nobody knows", "before you send it again"),
        (
            rejected(About::Number, ReportCode::NumberRejected),
            Care::Nothing,
            "this number",
            "check the number",
        ),
        (rejected(About::Gateway, ReportCode::GatewayRejected), Care::TakeOut, "contract", "credit"),
        (rejected(About::Gateway, ReportCode::GatewayRejected), Care::Nothing, "as it is", "shorter"),
        (retry.clone(), Care::SetSmsc, "service centre", "--smsc"),
        (retry.clone(), Care::CleanMemory, "full", "delete"),
        (retry.clone(), Care::Again, "busy", "again"),
        (retry.clone(), Care::Reopen, "nothing was sent", "unplug"),
        (retry.clone(), Care::SetUp, "nothing was sent", "unplug"),
        (retry, Care::Nothing, "could not take", "later"),
    ] {
        let (words, what_to_do) = meaning(&HandOver { verdict, references: Vec::new(), care });
        assert!(words.contains(what), "{what}: {words}");
        assert!(what_to_do.contains(advice), "{advice}: {what_to_do}");
    }
}
