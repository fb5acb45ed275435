//! Who the modem is, its service centre, its network, and the memory that may be full.

use std::time::Duration;

use mtan_jobs::ReportCode;
use mtan_sender::Verdict;
use mtan_sender_modem::codes::Care;
use mtan_sender_modem::set_up::{Registration, Trouble, Wishes, clean_memory, measure};
use mtan_sms::Address;
use mtan_testkit::modem::{ModemFault, ModemSim, SimRules};

use crate::bench::{assert_honest, hands, number, opened, ready, set_up_once, wishes};

const TEXT: &str = "123456";

#[tokio::test]
async fn the_set_up_tells_who_the_modem_is_and_leaves_nothing_of_the_sim_in_debug() {
    let rules = SimRules { unknown_command: "COMMAND NOT SUPPORT".to_owned(), ..SimRules::default() };
    let sim = ModemSim::start(rules.clone()).await;
    let (_modem, facts) = ready(&sim).await;
    let told =
        [&facts.manufacturer, &facts.model, &facts.revision, &facts.imei, &facts.imsi, &facts.operator];
    let known =
        [&rules.manufacturer, &rules.model, &rules.revision, &rules.imei, &rules.imsi, &rules.operator];
    assert_eq!(told, known);
    assert_eq!((facts.signal, facts.memory), (Some(-73), Some((0, 20))));
    assert_eq!(facts.smsc.as_ref().map(Address::expose), rules.smsc);
    assert!(!format!("{facts:?}").contains(&rules.imsi));
}

#[tokio::test]
async fn without_a_service_centre_nothing_goes_and_a_configured_one_helps() {
    let sim = ModemSim::start(SimRules { smsc: None, ..SimRules::default() }).await;
    let (mut modem, facts) = ready(&sim).await;
    assert_eq!(facts.smsc, None);
    let to = number(1);
    let handed = hands(&mut modem, &facts, &to, TEXT).await;
    assert!(matches!(handed.verdict, Verdict::Retry { code: ReportCode::GatewayError, .. }), "{handed:?}");
    assert_eq!(handed.care, Care::SetSmsc);
    assert_honest("no centre", &sim, &handed, &to, TEXT);

    let centre = Address::parse("+491722270333").unwrap();
    let wishes = Wishes { smsc: Some(&centre), ..wishes() };
    sim.next_at("AT+CSCA=", 1, ModemFault::Error);
    for (case, in_pdu) in [(2, true), (3, false)] {
        let facts = set_up_once(&mut modem, &wishes).await.unwrap();
        assert_eq!(facts.smsc_in_pdu.is_some(), in_pdu);
        let to = number(case);
        let handed = hands(&mut modem, &facts, &to, TEXT).await;
        assert!(matches!(handed.verdict, Verdict::Accepted { .. }), "{handed:?}");
        let sent = sim.parts().pop().unwrap().submit;
        assert_eq!(sent.service_centre, in_pdu.then(|| centre.expose()));
    }
}

#[tokio::test]
async fn every_state_of_registration_is_told() {
    for (state, expected) in [
        (1, Ok(Registration::Home)),
        (5, Ok(Registration::Roaming)),
        (6, Ok(Registration::Home)),
        (7, Ok(Registration::Roaming)),
        (0, Err(Registration::Off)),
        (2, Err(Registration::Searching)),
        (3, Err(Registration::Denied)),
        (4, Err(Registration::Unknown)),
    ] {
        let sim = ModemSim::start(SimRules { registration: state, ..SimRules::default() }).await;
        let mut modem = opened(&sim).await;
        let wishes = Wishes { register_within: Duration::from_millis(100), ..wishes() };
        match set_up_once(&mut modem, &wishes).await {
            Ok(facts) => assert_eq!(Ok(facts.registration), expected),
            Err(Trouble::NotRegistered { state, .. }) => assert_eq!(Err(state), expected),
            Err(trouble) => panic!("{state}: {trouble}"),
        }
    }
}

#[tokio::test]
async fn a_network_that_comes_late_is_waited_for_and_one_that_goes_is_seen() {
    let sim = ModemSim::start(SimRules { registration: 0, ..SimRules::default() }).await;
    let mut modem = opened(&sim).await;
    let wishes = Wishes { register_within: Duration::from_secs(20), ..wishes() };
    let network = async {
        sim.wait_for_command(1, "AT+COPS=0").await; // it was told to look for one
        sim.change(|rules| rules.registration = 5);
    };
    let (facts, ()) = tokio::join!(set_up_once(&mut modem, &wishes), network);
    let mut facts = facts.unwrap();
    assert_eq!(facts.registration, Registration::Roaming);
    sim.change(|rules| (rules.registration, rules.signal) = (2, 99));
    measure(&mut modem, &mut facts).await.unwrap();
    assert_eq!((facts.registration, facts.signal), (Registration::Searching, None));
    let to = number(1);
    let handed = hands(&mut modem, &facts, &to, TEXT).await;
    assert!(matches!(handed.verdict, Verdict::Retry { .. }), "{handed:?}");
    assert_honest("no network", &sim, &handed, &to, TEXT);
}

#[tokio::test]
async fn a_full_memory_is_told_cleaned_and_no_trouble_afterwards() {
    let sim = ModemSim::start(SimRules::default()).await;
    let (mut modem, facts) = ready(&sim).await;
    sim.next(1, ModemFault::StorageFull);
    let to = number(1);
    let handed = hands(&mut modem, &facts, &to, TEXT).await;
    assert_eq!(handed.care, Care::CleanMemory, "{handed:?}");
    assert_honest("full", &sim, &handed, &to, TEXT);
    clean_memory(&mut modem).await.unwrap();
    let handed = hands(&mut modem, &facts, &to, TEXT).await;
    assert!(matches!(handed.verdict, Verdict::Accepted { .. }), "{handed:?}");
    assert_honest("clean", &sim, &handed, &to, TEXT);
}
