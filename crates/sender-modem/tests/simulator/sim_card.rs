//! The SIM: its PIN is entered once at most, never the last time, and no failure shows it.

use std::time::Duration;

use mtan_sender_modem::at::AtError;
use mtan_sender_modem::set_up::{Facts, PinMemory, PinPast, Trouble, Wishes, set_up};
use mtan_testkit::modem::{ModemFault, ModemSim, SimRules};

use crate::bench::{Memory, Modem, opened, wishes};

const PIN: &str = "7391";

async fn locked(pin_tries: u8, has_cpinr: bool) -> ModemSim {
    ModemSim::start(SimRules { pin: Some(PIN.to_owned()), pin_tries, has_cpinr, ..SimRules::default() }).await
}

async fn with_pin(modem: &mut Modem, pin: &str, memory: &Memory) -> Result<Facts, Trouble> {
    let outcome = set_up(modem, &Wishes { pin: Some(pin), ..wishes() }, memory).await;
    let shown = match &outcome {
        Ok(facts) => format!("{facts:?}"),
        Err(trouble) => format!("{trouble:?} {trouble} {}", trouble.advice()),
    };
    assert!(!shown.contains(pin), "{shown}");
    outcome
}

#[tokio::test]
async fn a_right_pin_is_entered_once_and_again_only_after_a_reset() {
    for has_cpinr in [true, false] {
        let (sim, memory) = (locked(3, has_cpinr).await, Memory::default());
        let mut modem = opened(&sim).await;
        assert!(with_pin(&mut modem, PIN, &memory).await.unwrap().entered_pin);
        assert!(!with_pin(&mut modem, PIN, &memory).await.unwrap().entered_pin);
        assert_eq!((sim.count("AT+CPIN="), sim.pin_tries()), (1, 3));
        sim.unplug().await;
        assert_eq!(with_pin(&mut modem, PIN, &memory).await, Err(Trouble::At(AtError::Gone)));
        drop(modem);
        sim.replug().await;
        let mut modem = opened(&sim).await;
        assert!(with_pin(&mut modem, PIN, &memory).await.unwrap().entered_pin);
        assert_eq!(sim.count("AT+CPIN="), 2);
    }
}

#[tokio::test]
async fn a_refused_pin_is_not_entered_again_but_another_one_is() {
    for has_cpinr in [true, false] {
        let (sim, memory) = (locked(3, has_cpinr).await, Memory::default());
        let mut modem = opened(&sim).await;
        assert_eq!(with_pin(&mut modem, "8264", &memory).await, Err(Trouble::PinRefused));
        for _restart in 0..3 {
            assert_eq!(with_pin(&mut modem, "8264", &memory).await, Err(Trouble::PinTriedBefore));
        }
        assert_eq!((sim.count("AT+CPIN="), sim.pin_tries()), (1, 2));
        assert!(with_pin(&mut modem, PIN, &memory).await.unwrap().entered_pin);
        assert_eq!(sim.pin_tries(), 3);
    }
}

#[tokio::test]
async fn the_last_try_is_left_to_a_person() {
    for (tries, expected) in [(1, Trouble::LastTry(1)), (0, Trouble::PukNeeded)] {
        for has_cpinr in [true, false] {
            let (sim, memory) = (locked(tries, has_cpinr).await, Memory::default());
            let mut modem = opened(&sim).await;
            assert_eq!(with_pin(&mut modem, PIN, &memory).await.as_ref(), Err(&expected));
            assert!(expected.needs_a_person());
            assert_eq!((sim.count("AT+CPIN="), sim.pin_tries()), (0, tries));
        }
    }
}

#[tokio::test]
async fn a_pin_whose_answer_got_lost_is_entered_again_only_with_all_tries_left() {
    for (tries, expected) in [(3, Ok(true)), (2, Err(Trouble::PinTriedBefore))] {
        let (sim, memory) = (locked(tries, true).await, Memory::default());
        sim.next_at("AT+CPIN=", 1, ModemFault::Dies);
        let mut modem = opened(&sim).await;
        assert_eq!(with_pin(&mut modem, PIN, &memory).await, Err(Trouble::At(AtError::Gone)));
        drop(modem);
        let mut modem = opened(&sim).await;
        let again = with_pin(&mut modem, PIN, &memory).await;
        assert_eq!(again.map(|facts| facts.entered_pin), expected);
    }
}

#[tokio::test]
async fn a_pin_that_cannot_be_noted_or_is_not_configured_is_not_entered() {
    struct Full(tokio::sync::Mutex<()>);
    impl PinMemory for Full {
        fn past(&self, _sim: &str, _pin: &str) -> std::io::Result<PinPast> {
            Ok(PinPast::Clean)
        }
        fn note(&self, _sim: &str, _pin: &str, _past: PinPast) -> std::io::Result<()> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn turn(&self) -> &tokio::sync::Mutex<()> {
            &self.0
        }
    }
    let full = Full(tokio::sync::Mutex::default());
    let sim = locked(3, true).await;
    let mut modem = opened(&sim).await;
    let unwritten =
        set_up(&mut modem, &Wishes { pin: Some(PIN), ..wishes() }, &Full(tokio::sync::Mutex::default()))
            .await;
    assert!(matches!(unwritten, Err(Trouble::PinMemory(_))), "{unwritten:?}");
    assert_eq!(set_up(&mut modem, &wishes(), &full).await, Err(Trouble::PinNeeded));
    assert_eq!((sim.count("AT+CPIN="), sim.pin_tries()), (0, 3));
}

#[tokio::test]
async fn a_sim_that_is_missing_or_wants_its_puk_is_told_and_back_when_it_is_back() {
    for (fault, expected) in
        [(ModemFault::NoSim, Trouble::NoSim), (ModemFault::PukNeeded, Trouble::PukNeeded)]
    {
        let (sim, memory) = (ModemSim::start(SimRules::default()).await, Memory::default());
        sim.always(fault);
        let mut modem = opened(&sim).await;
        assert_eq!(set_up(&mut modem, &wishes(), &memory).await, Err(expected));
        sim.recover();
        assert!(set_up(&mut modem, &wishes(), &memory).await.is_ok());
    }
}

#[tokio::test]
async fn a_pin_is_entered_over_a_line_with_noise() {
    let (sim, memory) = (locked(3, true).await, Memory::default());
    for fault in [ModemFault::Noise, ModemFault::Fragments, ModemFault::CrCrLf, ModemFault::EchoStays] {
        sim.always(fault);
    }
    let mut modem = opened(&sim).await;
    let wishes = Wishes { pin: Some(PIN), register_within: Duration::from_secs(20), ..wishes() };
    assert!(set_up(&mut modem, &wishes, &memory).await.unwrap().entered_pin);
    assert_eq!(sim.count("AT+CPIN="), 1);
}
