//! Every way to misbehave does what its sentence says.

use mtan_testkit::modem::{ModemFault, ModemSim, SimRules};

use crate::client::{Client, SUBMIT, SUBMIT_LENGTH};

const SENT: &str = "\r\n+CMGS: 0\r\n\r\nOK\r\n";

async fn ready() -> (ModemSim, Client) {
    let sim = ModemSim::start(SimRules::default()).await;
    let mut client = Client::open(&sim);
    client.ask("ATE0;+CMEE=1;+CMGF=0").await;
    (sim, client)
}

async fn type_pdu(client: &mut Client) {
    client.ask(&format!("AT+CMGS={SUBMIT_LENGTH}")).await;
    client.write(&format!("{SUBMIT}\u{1a}")).await;
}

async fn send(client: &mut Client) -> String {
    type_pdu(client).await;
    client.answer().await
}

#[tokio::test]
async fn lines_can_look_in_every_way() {
    let (sim, mut client) = ready().await;
    let table = [
        (ModemFault::LfOnly, "\n+CSQ: 20,99\n\nOK\n"),
        (ModemFault::CrCrLf, "\r\r\n+CSQ: 20,99\r\r\n\r\r\nOK\r\r\n"),
        (ModemFault::Fragments, "\r\n+CSQ: 20,99\r\n\r\nOK\r\n"),
        (ModemFault::EchoStays, "AT+CSQ\r\r\n+CSQ: 20,99\r\n\r\nOK\r\n"),
        (ModemFault::OkMissing, "\r\n+CSQ: 20,99\r\n"),
        (ModemFault::BarePrompt, "\r\n+CSQ: 20,99\r\n\r\nOK\r\n"),
    ];
    for (fault, answer) in table {
        sim.next(1, fault.clone());
        client.write("AT+CSQ\r").await;
        assert_eq!(client.until(|text| text.len() >= answer.len()).await, answer, "{fault:?}");
        assert!(client.is_silent().await, "{fault:?}");
    }
    client.write(&format!("AT+CMGS={SUBMIT_LENGTH}\r")).await;
    assert_eq!(client.until(|text| text.ends_with('>')).await, "\n>");
    assert_eq!(client.say(&format!("{SUBMIT}\u{1a}")).await, SENT);
    client.ask("ATE1").await;
    sim.next(1, ModemFault::EchoDrops);
    assert_eq!(client.ask("AT+CSQ").await, "ATCS\r\r\n+CSQ: 20,99\r\n\r\nOK\r\n");
    assert_eq!(client.ask("ATV0").await, "ATV0\r0\r");
}

#[tokio::test]
async fn noise_comes_in_the_middle_of_everything() {
    let (sim, mut client) = ready().await;
    sim.always(ModemFault::Noise);
    let prompt = client.ask(&format!("AT+CMGS={SUBMIT_LENGTH}")).await;
    assert!(prompt.len() > 10 && prompt.ends_with("\r\n> "), "{prompt:?}");
    let answer = client.say(&format!("{SUBMIT}\u{1a}")).await;
    let (before, after) = answer.split_once("\r\n+CMGS: 0\r\n").unwrap();
    assert!(
        !before.is_empty() && after.len() > "\r\nOK\r\n".len() && after.ends_with("\r\nOK\r\n"),
        "{answer:?}"
    );
    sim.next(1, ModemFault::Garbage);
    assert!(client.ask("AT").await.contains('\u{fffd}'));
}

#[tokio::test]
async fn the_network_refuses_as_told_and_nothing_is_sent() {
    let (sim, mut client) = ready().await;
    let table = [
        (ModemFault::Cms(38), "\r\n+CMS ERROR: 38\r\n"),
        (ModemFault::Cme(14), "\r\n+CME ERROR: 14\r\n"),
        (ModemFault::Error, "\r\nERROR\r\n"),
        (ModemFault::OkThoughFailed, "\r\nOK\r\n"),
        (ModemFault::NotRegistered, "\r\n+CMS ERROR: 331\r\n"),
        (ModemFault::RegistrationDenied, "\r\n+CMS ERROR: 331\r\n"),
    ];
    for (fault, answer) in table {
        sim.next(1, fault.clone());
        assert_eq!(send(&mut client).await, answer, "{fault:?}");
    }
    sim.next(1, ModemFault::LosesNetwork);
    type_pdu(&mut client).await;
    let lost = client.until(|text| text.ends_with("331\r\n")).await;
    assert_eq!(lost, "\r\n+CREG: 2\r\n\r\n+CMS ERROR: 331\r\n");
    sim.next(1, ModemFault::RefusesPrompt(500));
    assert_eq!(client.ask(&format!("AT+CMGS={SUBMIT_LENGTH}")).await, "\r\n+CMS ERROR: 500\r\n");
    sim.for_number("+491234567890", ModemFault::Cms(1));
    assert_eq!(send(&mut client).await, "\r\n+CMS ERROR: 1\r\n");
    assert!(sim.sms().is_empty());
    sim.recover();
    sim.next(1, ModemFault::Roaming);
    assert_eq!(send(&mut client).await, SENT);
}

#[tokio::test]
async fn what_becomes_of_an_sms_is_not_always_told() {
    for (fault, sent) in [(ModemFault::SilentButSent, 1), (ModemFault::SilentNotSent, 0)] {
        let (sim, mut client) = ready().await;
        sim.next(1, fault);
        type_pdu(&mut client).await;
        assert!(client.is_silent().await);
        assert_eq!(sim.sms().len(), sent);
    }
    for (fault, sent) in [(ModemFault::DiesButSent, 1), (ModemFault::DiesNotSent, 0)] {
        let (sim, mut client) = ready().await;
        sim.next(1, fault);
        type_pdu(&mut client).await;
        assert!(client.is_gone().await);
        assert_eq!(sim.sms().len(), sent);
    }
    let (sim, mut client) = ready().await;
    sim.next(1, ModemFault::ReferenceWithoutOk);
    type_pdu(&mut client).await;
    assert_eq!(client.until(|text| text.ends_with("0\r\n")).await, "\r\n+CMGS: 0\r\n");
    assert!(client.is_silent().await);
    assert_eq!(sim.sms().len(), 1);
}

#[tokio::test]
async fn a_modem_that_hangs_wakes_up_only_by_what_it_waits_for() {
    let (sim, mut client) = ready().await;
    sim.next(1, ModemFault::HangsUntilReopened);
    client.write("AT\r").await;
    assert!(client.is_silent().await);
    sim.recover();
    client.write("AT+CFUN=1,1\r").await;
    assert!(client.is_silent().await, "this one wants to be reopened");
    drop(client);
    let mut client = Client::open(&sim); // at once: the modem notices all the same
    assert_eq!(client.ask("AT").await, "\r\nOK\r\n");
    sim.next(1, ModemFault::HangsUntilCfun);
    client.write("AT\r").await;
    assert!(client.is_silent().await);
    client.write("AT+CFUN=1,1\r").await;
    assert!(client.is_gone().await);
}

#[tokio::test]
async fn commands_are_swallowed_delayed_or_end_in_something_else() {
    let (sim, mut client) = ready().await;
    sim.next_at("AT+CREG", 1, ModemFault::Silent);
    assert_eq!(client.ask("AT").await, "\r\nOK\r\n", "not this one");
    client.write("AT+CREG?\r").await;
    assert!(client.is_silent().await);
    sim.next(1, ModemFault::Late(std::time::Duration::from_millis(300)));
    client.write("AT+CSQ\r").await;
    assert!(client.is_silent().await);
    client.write("AT+CREG?\r").await; // lost: it still runs the one before
    assert_eq!(client.answer().await, "\r\n+CSQ: 20,99\r\n\r\nOK\r\n");
    assert!(client.is_silent().await);
    assert_eq!(sim.bytes_lost(), "AT+CREG?\r".len());
    sim.next(1, ModemFault::LeftInPduEntry);
    client.write("AT\rAT\r").await;
    assert!(client.is_silent().await);
    assert_eq!(client.say("\u{1b}").await, "\r\nOK\r\n");
    sim.next(1, ModemFault::EndlessLine);
    client.write("AT\r").await;
    client.until(|text| text.len() > 20_000).await;
    client.write("\u{1b}").await;
    client.until(|text| text.ends_with("\r\n")).await;
    sim.next(1, ModemFault::Reboots);
    client.write("AT\r").await;
    assert_eq!(client.until(|text| text.ends_with("RDY\r\n")).await, "\r\nRDY\r\n");
    assert_eq!(client.ask("AT").await, "AT\r\r\nOK\r\n");
}

#[tokio::test]
async fn a_full_storage_stops_sending_until_there_is_room() {
    let (sim, mut client) = ready().await;
    sim.next(1, ModemFault::StorageFull);
    assert_eq!(send(&mut client).await, "\r\n+CMS ERROR: 322\r\n");
    assert!(client.ask("AT+CPMS?").await.starts_with("\r\n+CPMS: \"SM\",20,20,"));
    assert_eq!(client.ask("AT+CMGD=1,1").await, "\r\nOK\r\n");
    assert_eq!(send(&mut client).await, SENT);
    for (fault, command, answer) in [
        (ModemFault::RefusesPduMode, "AT+CMGF=0", "\r\nERROR\r\n"),
        (ModemFault::RefusesCnmi, "AT+CNMI=2,1,0,1", "\r\n+CMS ERROR: 303\r\n"),
        (ModemFault::PukNeeded, "AT+CIMI", "\r\n+CME ERROR: 12\r\n"),
        (ModemFault::NoSim, "AT+CIMI", "\r\n+CME ERROR: 10\r\n"),
    ] {
        sim.next(1, fault.clone());
        assert_eq!(client.ask(command).await, answer, "{fault:?}");
    }
}

#[tokio::test]
async fn a_modem_dies_at_a_command_or_between_two_parts() {
    let (sim, mut client) = ready().await;
    sim.next_at("AT+CSQ", 1, ModemFault::Dies);
    assert_eq!(client.ask("AT").await, "\r\nOK\r\n");
    client.write("AT+CSQ\r").await;
    assert!(client.is_gone().await);

    let (sim, mut client) = ready().await;
    sim.next(1, ModemFault::DiesBetweenParts);
    assert_eq!(send(&mut client).await, SENT, "a text of one part is not meant");
    for (part, reference) in [(1, 1), (2, 2)] {
        // "hi" with the header of two parts, reference 0xCE
        let pdu = format!("0041000C919421436587090000 09 050003CE020{part} D069\u{1a}").replace(' ', "");
        assert_eq!(client.ask("AT+CMGS=21").await, "\r\n> ");
        assert_eq!(client.say(&pdu).await, format!("\r\n+CMGS: {reference}\r\n\r\nOK\r\n"));
        if part == 1 {
            assert!(client.is_gone().await);
            let torso = &sim.sms()[1];
            assert_eq!((torso.text.as_str(), torso.arrived, torso.parts), ("hi…", 1, 2));
            sim.replug().await;
            client = Client::open(&sim);
            client.ask("ATE0;+CMGF=0").await;
        }
    }
    assert!(sim.sms()[1].is_whole() && sim.sms()[1].text == "hihi");
    assert_eq!(sim.sms()[1].references, [1, 2]);
}

#[test]
fn the_catalogue_has_every_fault_once() {
    let catalogue = ModemFault::catalogue();
    assert!(catalogue.len() >= 20);
    let distinct: std::collections::HashSet<_> = catalogue.iter().map(|fault| format!("{fault:?}")).collect();
    assert_eq!(distinct.len(), catalogue.len());
}
