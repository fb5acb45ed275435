//! Modems that hang, die, boot and come back under another name: the work goes on within 30 s, and nothing goes twice.

use std::time::Duration;

use mtan_sender::Provider;
use mtan_testkit::modem::{ModemFault, ModemSim, SimRules};
use mtan_testkit::wait_until;
use serde_json::json;
use tokio::task::JoinSet;

use crate::support::{LONG, Pool, in_time, job, word};

#[tokio::test]
async fn a_modem_that_is_replugged_under_another_name_is_found_again() {
    let modem = ModemSim::start(SimRules::default()).await;
    let tty = modem.tty().unwrap();
    // by the name of the day: it will be another one
    let pool = Pool::at(json!([tty.to_str().unwrap()]), json!({}), modem.folder().to_owned());
    pool.sends("1").await;
    modem.unplug().await;
    pool.until_it_says("is not there").await;
    modem.replug().await;
    assert_ne!(modem.tty().unwrap(), tty);
    pool.sends("2").await;
    assert_eq!(modem.sms().len(), 2);
}

/// Faults that strike at the first command of an SMS, before anything is submitted.
#[tokio::test]
async fn a_job_outlives_whatever_a_modem_does_before_it_is_submitted() {
    let mut stories = JoinSet::new();
    for fault in [
        ModemFault::HangsUntilCfun,
        ModemFault::HangsUntilReopened,
        ModemFault::Dies,
        ModemFault::Reboots,
        ModemFault::NoPrompt,
        ModemFault::LeftInPduEntry,
        ModemFault::StorageFull,
        ModemFault::Cms(322),
        ModemFault::Cms(500),
        ModemFault::Cms(314),
        ModemFault::RefusesPrompt(500),
    ] {
        stories.spawn(outlives_before_it_is_submitted(fault));
    }
    stories.join_all().await; // a panic of one is a panic here
}

async fn outlives_before_it_is_submitted(fault: ModemFault) {
    let modem = ModemSim::start(SimRules::default()).await;
    let pool = Pool::of(&[&modem], json!({}));
    pool.until_ready().await;
    modem.next_at("AT+CMGS", 1, fault.clone());
    let verdict = pool.send(&job("1")).await;
    // the network's bad hour is for the loop to wait out, and costs a try
    if !matches!(fault, ModemFault::Cms(500) | ModemFault::RefusesPrompt(500)) {
        assert!(word(&verdict).starts_with("accepted"), "{fault:?}: {}", word(&verdict));
    }
    pool.sends("2").await;
    assert!(modem.sms().len() <= 2, "{fault:?}: {} SMS", modem.sms().len());
    assert_eq!(modem.bytes_lost(), 0, "{fault:?}");
}

#[tokio::test]
async fn silence_after_the_submission_is_an_unknown_outcome_and_the_next_job_goes() {
    for (fault, sent) in [(ModemFault::DiesButSent, 2), (ModemFault::DiesNotSent, 1)] {
        let modem = ModemSim::start(SimRules::default()).await;
        let pool = Pool::of(&[&modem], json!({}));
        pool.until_ready().await;
        modem.next(1, fault);
        let verdict = pool.send(&job("1")).await;
        assert!(word(&verdict).starts_with("unknown no_answer"), "{}", word(&verdict));
        pool.sends("2").await;
        assert_eq!(modem.sms().len(), sent);
    }
}

#[tokio::test]
async fn a_modem_is_brought_back_by_a_boot_when_nothing_else_helps() {
    let modem = ModemSim::start(SimRules::default()).await;
    let pool = Pool::of(&[&modem], json!({}));
    pool.until_ready().await;
    modem.next(1, ModemFault::HangsUntilCfun);
    pool.sends("1").await;
    assert!(modem.boots() > 1);
}

#[tokio::test]
async fn a_modem_without_a_network_has_no_work_until_it_has_one() {
    let modem = ModemSim::start(SimRules { registration: 2, ..SimRules::default() }).await;
    let pool = Pool::of(&[&modem], json!({}));
    pool.until_it_says("not registered with a network").await;
    assert!(pool.provider.place(std::time::Duration::ZERO).await.is_err());
    modem.change(|rules| rules.registration = 5);
    pool.sends("1").await;
    pool.until_it_says("roaming").await;
}

#[tokio::test]
async fn a_pin_is_tried_once_and_a_wrong_one_never_again() {
    let rules = SimRules { pin: Some("1234".to_owned()), ..SimRules::default() };
    let modem = ModemSim::start(rules.clone()).await;
    let pool = Pool::of(&[&modem], json!({ "PIN": "1234" }));
    pool.sends("1").await;
    modem.unplug().await;
    modem.replug().await;
    pool.sends("2").await;
    assert_eq!(modem.pin_tries(), 3);

    let modem = ModemSim::start(rules).await;
    let mut pool = Pool::of(&[&modem], json!({ "PIN": "4321" }));
    for _ in 0..3 {
        pool.until_it_says("PIN").await;
        pool = pool.restart();
    }
    assert_eq!(modem.pin_tries(), 2);
    let state = std::fs::read_to_string(pool.folder.path().join("state/refused-pins")).unwrap();
    assert!(!state.contains("4321"));
}

#[tokio::test]
async fn a_sim_without_tries_to_spare_is_left_alone() {
    let rules = SimRules { pin: Some("1234".to_owned()), pin_tries: 1, ..SimRules::default() };
    for has_cpinr in [true, false] {
        let modem = ModemSim::start(SimRules { has_cpinr, ..rules.clone() }).await;
        let pool = Pool::of(&[&modem], json!({ "PIN": "1234" }));
        pool.until_it_says("the last one is left to a person").await;
        assert_eq!(modem.count("AT+CPIN="), 0);
    }
}

#[tokio::test]
async fn a_modem_whose_sim_is_refused_again_and_again_is_taken_out_of_work() {
    let modems = ModemSim::start_many(2, SimRules::default()).await;
    let pool = Pool::of(&[&modems[0], &modems[1]], json!({}));
    for modem in &modems {
        modem.wait_for_command(1, "AT+CSQ").await;
    }
    pool.until_ready().await;
    modems[0].always(ModemFault::Cms(21));
    for id in 0..8 {
        pool.sends(&id.to_string()).await;
    }
    pool.until_it_says("the network refuses its SMS").await;
    assert_eq!((modems[0].count("AT+CMGS"), modems[1].sms().len()), (3, 8));
    let verdict = pool.provider.send(&job("9"), in_time()).await;
    assert!(word(&verdict).starts_with("accepted"), "{LONG:?}");
}

#[tokio::test]
async fn a_call_that_ends_while_an_sms_is_on_its_way_is_no_answer_to_it() {
    let modem = ModemSim::start(SimRules::default()).await;
    let pool = Pool::of(&[&modem], json!({}));
    pool.until_ready().await;
    modem.next(1, ModemFault::SlowNetwork(Duration::from_secs(3)));
    let call = async {
        modem.wait_for_command(1, "AT+CMGS").await;
        for _ in 0..5 {
            tokio::time::sleep(Duration::from_millis(400)).await;
            modem.say("RING");
            modem.say("NO CARRIER");
        }
    };
    let ring = job("1");
    let (verdict, ()) = tokio::join!(pool.send(&ring), call);
    assert!(word(&verdict).starts_with("accepted"), "{}", word(&verdict));
    assert_eq!(modem.sms().len(), 1, "not sent again");
}

#[tokio::test]
async fn a_modem_that_answers_everything_and_takes_no_sms_is_booted() {
    let modem = ModemSim::start(SimRules::default()).await;
    let pool = Pool::of(&[&modem], json!({}));
    pool.until_ready().await;
    modem.always_at("AT+CMGS", ModemFault::Silent);
    let mut hand_overs = 0;
    while modem.boots() == 0 {
        hand_overs += 1;
        assert!(hand_overs < 10, "{}", pool.provider.describe());
        let verdict = pool.send(&job(&hand_overs.to_string())).await;
        assert!(word(&verdict).starts_with("retry"), "{}", word(&verdict));
    }
    modem.recover();
    pool.sends("last").await;
    assert_eq!(modem.sms().len(), 1);
}

#[tokio::test]
async fn a_modem_that_talks_all_the_time_is_looked_at_all_the_same() {
    let modem = ModemSim::start(SimRules::default()).await;
    let pool = Pool::of(&[&modem], json!({}));
    pool.until_ready().await;
    let before = modem.count("AT+CSQ");
    let chatter = async {
        loop {
            modem.say("^RSSI:20");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let looked = wait_until("a look", LONG, async || match modem.count("AT+CSQ") {
        n if n > before => Ok(()),
        n => Err(n.to_string()),
    });
    tokio::select! {
        () = chatter => {}
        () = looked => {}
    }
}

#[tokio::test]
async fn two_ports_of_one_stick_enter_its_pin_once() {
    let rules = SimRules { pin: Some("4711".to_owned()), ..SimRules::default() };
    let (first, second) = (ModemSim::start(rules.clone()).await, ModemSim::start(rules).await);
    assert_eq!(first.pin_tries(), 3);
    let pool = Pool::of(&[&first, &second], json!({ "PIN": "0815" }));
    wait_until("both ports to give up", LONG, async || {
        let says = pool.provider.describe();
        if says.matches("PIN").count() >= 2 { Ok(()) } else { Err(says) }
    })
    .await;
    // each simulated port has a SIM of its own, with one number
    assert_eq!(first.pin_tries() + second.pin_tries(), 5, "{}", pool.provider.describe());
}
