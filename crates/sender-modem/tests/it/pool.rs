//! Several modems as one way out: they share the work, and a dead one's goes on by the others.

use std::time::Duration;

use mtan_sender::{NoPlace, Provider};
use mtan_testkit::modem::{ModemFault, ModemSim, SimRules};
use serde_json::json;

use crate::support::{LONG, NUMBER, Pool, in_time, job, text, word};

#[tokio::test]
async fn an_sms_goes_out_by_a_modem_for_the_rest_of_its_life() {
    let modem = ModemSim::start(SimRules::default()).await;
    let pool = Pool::of(&[&modem], json!({}));
    pool.sends("one").await;
    let sms = modem.wait_for_sms(1).await.remove(0);
    assert_eq!((sms.to.as_str(), sms.text.as_str()), (NUMBER, "Your code is 123456 (one)"));
    let says = pool.until_it_says("ready, registered with Test Net, -73 dBm").await;
    assert!(!says.contains("490154203237500"), "{says}");
}

#[tokio::test]
async fn a_long_text_goes_in_parts_and_a_longer_one_than_allowed_is_refused() {
    let modem = ModemSim::start(SimRules::default()).await;
    let pool = Pool::of(&[&modem], json!({ "MAX_PARTS": 2 }));
    let long = "x".repeat(200);
    assert!(word(&pool.send(&text("one", NUMBER, &long)).await).starts_with("accepted"));
    assert_eq!(modem.wait_for_sms(1).await[0].text, long);
    let refused = word(&pool.send(&text("two", NUMBER, &"x".repeat(400))).await);
    assert_eq!(refused, "rejected unfit gateway_rejected: the text takes 3 SMS, and MAX_PARTS allows 2");
    assert_eq!(modem.parts().len(), 2);
}

#[tokio::test]
async fn modems_share_the_work_and_no_more_jobs_have_a_place_than_there_are_modems() {
    let rules = SimRules { time_per_part: Duration::from_millis(100), ..SimRules::default() };
    let modems = ModemSim::start_many(3, rules).await;
    let pool = Pool::of(&modems.iter().collect::<Vec<_>>(), json!({}));
    for modem in &modems {
        modem.wait_for_command(1, "AT+CSQ").await;
    }
    let first = pool.provider.place(LONG).await.unwrap();
    let (_second, _third) =
        (pool.provider.place(LONG).await.unwrap(), pool.provider.place(LONG).await.unwrap());
    let fourth = pool.provider.place(Duration::from_millis(50)).await;
    assert_eq!(fourth.unwrap_err(), NoPlace::Late);
    drop(first);
    drop(pool.provider.place(Duration::ZERO).await.unwrap());
    drop((_second, _third));
    let jobs: Vec<_> = (0..12).map(|n| job(&n.to_string())).collect();
    let verdicts = futures_util::future::join_all(jobs.iter().map(|job| pool.send(job))).await;
    assert!(verdicts.iter().all(|verdict| word(verdict).starts_with("accepted")), "{verdicts:?}");
    let shares: Vec<usize> = modems.iter().map(|modem| modem.sms().len()).collect();
    assert_eq!(shares.iter().sum::<usize>(), 12);
    assert!(shares.iter().all(|share| *share >= 3), "{shares:?}");
}

#[tokio::test]
async fn a_dead_modem_s_jobs_go_on_by_the_others() {
    let modems = ModemSim::start_many(2, SimRules::default()).await;
    let pool = Pool::of(&[&modems[0], &modems[1]], json!({}));
    for modem in &modems {
        modem.wait_for_command(1, "AT+CSQ").await;
    }
    pool.until_ready().await;
    modems[0].always(ModemFault::Silent);
    for id in ["1", "2", "3", "4"] {
        pool.sends(id).await;
    }
    assert_eq!((modems[0].sms().len(), modems[1].sms().len()), (0, 4));
    modems[1].unplug().await;
    modems[0].recover();
    pool.sends("5").await;
    assert_eq!(modems[0].sms().len(), 1);
}

#[tokio::test]
async fn a_refused_number_blocks_nobody() {
    let modem = ModemSim::start(SimRules::default()).await;
    let pool = Pool::of(&[&modem], json!({}));
    modem.for_number("+491700000001", ModemFault::Cms(1));
    modem.for_number("+491700000008", ModemFault::Cms(8));
    for _ in 0..2 {
        let refused = word(&pool.send(&text("bad", "+491700000001", "hello")).await);
        assert!(refused.starts_with("rejected number number_rejected"), "{refused}");
        let refused = word(&pool.send(&text("bad", "+491700000008", "hello")).await);
        assert!(refused.starts_with("rejected gateway_rejected"), "{refused}");
        pool.sends("good").await;
    }
    assert_eq!(modem.sms().len(), 2);
}

#[tokio::test]
async fn a_modem_keeps_to_its_rate() {
    let modem = ModemSim::start(SimRules::default()).await;
    let pool = Pool::of(&[&modem], json!({ "SMS_PER_MINUTE": 600 }));
    pool.until_ready().await;
    let begun = tokio::time::Instant::now();
    for id in 0..10 {
        pool.sends(&id.to_string()).await;
    }
    assert!(begun.elapsed() >= Duration::from_millis(900), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn nothing_is_submitted_after_the_code_s_death() {
    let modem = ModemSim::start(SimRules::default()).await;
    let pool = Pool::of(&[&modem], json!({}));
    pool.until_ready().await;
    let verdict = pool.provider.send(&job("late"), jiff::Timestamp::UNIX_EPOCH).await;
    assert!(word(&verdict).starts_with("retry"), "{verdict:?}");
    assert_eq!(modem.count("AT+CMGS"), 0);
}

#[tokio::test]
async fn a_pattern_stands_for_every_modem_that_is_plugged_in_and_each_is_driven_once() {
    let modems = ModemSim::start_many(2, SimRules::default()).await;
    let pattern = format!("{}/usb-*", modems[0].folder().display());
    let pool = Pool::at(json!(pattern), json!({}), modems[0].folder().to_owned());
    pool.sends("1").await;
    pool.sends("2").await;
    for modem in &modems {
        modem.wait_for_command(1, "AT+CSQ").await;
    }
    modems[0].unplug().await;
    pool.sends("3").await;
    modems[1].unplug().await;
    pool.until_it_says("no modem is plugged in").await;
    modems[0].replug().await;
    pool.sends("4").await;
    let total: usize = modems.iter().map(|modem| modem.sms().len()).sum();
    assert_eq!(total, 4);
}

#[tokio::test]
async fn a_pool_without_a_modem_is_out_of_order_and_says_so() {
    let pool = Pool::at(json!(["/nowhere/ttyACM1"]), json!({}), "/nowhere".into());
    pool.until_it_says("ttyACM1: /nowhere/ttyACM1 is not there").await;
    assert_eq!(pool.provider.place(LONG).await.unwrap_err(), NoPlace::OutOfOrder);
    let verdict = pool.provider.send(&job("one"), in_time()).await;
    assert!(word(&verdict).starts_with("retry gateway_unreachable"), "{verdict:?}");
}

#[tokio::test]
async fn a_port_that_another_process_has_is_waited_for() {
    let modem = ModemSim::start(SimRules::default()).await;
    let first = Pool::of(&[&modem], json!({}));
    first.sends("1").await;
    let second = Pool::of(&[&modem], json!({}));
    second.until_it_says("is in use").await;
    drop(first);
    second.sends("2").await;
    assert_eq!(modem.sms().len(), 2);
}
