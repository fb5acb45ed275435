//! The simulated modem, spoken to byte by byte, and by a program of somebody else.
#![allow(clippy::unwrap_used, reason = "the helpers of a test; clippy sees only the tests themselves")]

#[path = "modem/card.rs"]
mod card;
#[path = "modem/client.rs"]
mod client;
#[path = "modem/faults.rs"]
mod faults;
#[path = "modem/gnokii.rs"]
mod gnokii;
#[path = "modem/reports.rs"]
mod reports;

use client::{Client, SUBMIT, SUBMIT_LENGTH};
use mtan_testkit::modem::{ModemFault, ModemSim, SimRules};

#[tokio::test]
async fn a_pdu_is_sent_after_its_prompt_and_read_as_the_phone_would() {
    let sim = ModemSim::start(SimRules { first_reference: 255, ..SimRules::default() }).await;
    let mut client = Client::open(&sim);
    assert_eq!(client.ask("ATE0").await, "ATE0\r\r\nOK\r\n");
    assert_eq!(client.ask("AT+CMGF=0;+CMEE=1").await, "\r\nOK\r\n");
    assert_eq!(client.ask("AT+CSCA?").await, "\r\n+CSCA: \"+491710760000\",145\r\n\r\nOK\r\n");
    for reference in [255, 0] {
        assert_eq!(client.ask(&format!("AT+CMGS={SUBMIT_LENGTH}")).await, "\r\n> ");
        assert_eq!(
            client.say(&format!("{SUBMIT}\u{1a}")).await,
            format!("\r\n+CMGS: {reference}\r\n\r\nOK\r\n")
        );
    }
    let sms = sim.wait_for_sms(2).await;
    assert_eq!((sms[0].to.as_str(), sms[0].text.as_str()), ("+491234567890", "hellohello"));
    assert_eq!(sim.bytes_lost(), 0);
}

#[tokio::test]
async fn nobody_gets_past_the_pdu_entry_without_escape_or_ctrl_z() {
    let sim = ModemSim::start(SimRules::default()).await;
    let mut client = Client::open(&sim);
    client.ask("ATE0").await;
    client.ask("AT+CMGF=0").await;
    assert_eq!(client.ask(&format!("AT+CMGS={SUBMIT_LENGTH}")).await, "\r\n> ");
    drop(client); // a program that was killed
    let mut client = Client::open(&sim);
    client.write("AT\rAT\r").await;
    assert!(client.is_silent().await);
    assert_eq!(client.say("\u{1b}").await, "\r\nOK\r\n");
    assert_eq!(client.ask("AT").await, "\r\nOK\r\n");
    assert!(sim.sms().is_empty());
}

#[tokio::test]
async fn a_modem_that_was_unplugged_comes_back_under_another_name() {
    let sim = ModemSim::start(SimRules::default()).await;
    let mut client = Client::open(&sim);
    client.ask("ATE0").await;
    let before = sim.tty().unwrap();
    sim.unplug().await;
    assert!(client.is_gone().await);
    assert!(!sim.path().exists());
    sim.replug().await;
    assert_ne!(sim.tty().unwrap(), before);
    let mut client = Client::open(&sim);
    assert_eq!(client.ask("AT").await, "AT\r\r\nOK\r\n", "the echo is on again");
    sim.next(1, ModemFault::Dies);
    client.write("AT\r").await;
    assert!(client.is_gone().await);
    assert_eq!(sim.openings(), 2);
}

#[tokio::test]
async fn text_mode_and_ussd_speak_the_chosen_characters() {
    let sim = ModemSim::start(SimRules::default()).await;
    let mut client = Client::open(&sim);
    client.ask("ATE0;+CMGF=1;+CMEE=1").await;
    client.ask("AT+CSMP=49,0,0,0").await;
    assert_eq!(client.ask("AT+CMGS=\"+491701234567\"").await, "\r\n> ");
    assert_eq!(client.say("one\rtwo\u{1a}").await, "\r\n> ", "a line of the text");
    assert_eq!(client.answer().await, "\r\n+CMGS: 0\r\n\r\nOK\r\n");
    let sms = &sim.sms()[0];
    assert_eq!((sms.to.as_str(), sms.text.as_str()), ("+491701234567", "one\ntwo"));
    let five_minutes = mtan_testkit::modem::Validity::Relative(std::time::Duration::from_secs(300));
    assert!(sms.wants_report && sms.validity == Some(five_minutes));

    client.ask("AT+CUSD=1,\"*100#\",15").await;
    let answer = client.until(|text| text.ends_with("15\r\n")).await;
    assert_eq!(answer, "\r\n+CUSD: 0,\"Balance: 12.34 EUR\",15\r\n");
    client.ask("AT+CSCS=\"UCS2\"").await;
    client.ask("AT+CUSD=1,\"002A0031003000300023\",15").await;
    let answer = client.until(|text| text.ends_with("72\r\n")).await;
    assert!(answer.starts_with("\r\n+CUSD: 0,\"00420061006C"), "{answer}");
}

#[tokio::test]
async fn many_modems_stand_side_by_side() {
    let sims = ModemSim::start_many(4, SimRules::default()).await;
    let names = std::fs::read_dir(sims[0].folder()).unwrap().count();
    assert_eq!(names, 4);
    for (number, sim) in sims.iter().enumerate() {
        let mut client = Client::open(sim);
        let imei = client.ask("AT+CGSN").await;
        assert!(imei.contains(&format!("49015420323750{number}")), "{imei}");
    }
    let mut client = Client::open(&sims[3]);
    client.ask("AT").await; // it has seen the visitor before go, and thrown away what he did not read
    sims[3].say("RING");
    assert_eq!(client.until(|text| text.ends_with("G\r\n")).await, "\r\nRING\r\n");
}
