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
