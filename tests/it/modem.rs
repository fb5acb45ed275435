//! Stories of installations whose SMS go by modem, told of both forms of the house.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use mtan_testkit::modem::{ModemFault, SentSms};
use mtan_testkit::wait_until;
use serde_json::json;

use crate::house::{House, PATIENCE, Plan};
use crate::reports::Onlooker;

const PHONE: &str = "+491701234567";

/// The code in an SMS as the simulated phone shows it.
fn code(sms: &SentSms) -> String {
    let code: String = sms.text.chars().filter(char::is_ascii_digit).collect();
    assert_eq!(code.len(), 6, "one code of six digits in the text");
    code
}

async fn a_pin_becomes_an_sms_by_modem_and_its_delivery_is_explained(house: House) {
    house.enrol("alice", PHONE, "4711").await;
    let reply = house.post("/validate/check", &[("user", "alice"), ("pass", "4711")]).await;
    assert_eq!(reply["detail"]["message"], "sms submitted", "{reply}");
    let transaction = reply["detail"]["transactionid"].as_str().unwrap().to_owned();

    let sms = house.modems[0].wait_for_sms(1).await.remove(0);
    assert_eq!((sms.to.as_str(), sms.parts, sms.wants_report), (PHONE, 1, true));
    let code = code(&sms);
    assert!(house.check("alice", &format!("4711{code}")).await);
    assert!(!house.check("alice", &format!("4711{code}")).await, "a code counts once");

    wait_until("the delivery report in mtan explain", PATIENCE, async || {
        let told = house.mtan(&["explain", &transaction]).await;
        assert!(!told.contains(&code) && !told.contains("1701234567"), "{told}");
        if told.contains("delivered") { Ok(()) } else { Err(told) }
    })
    .await;
    assert_eq!(house.modems[0].sms().len(), 1, "one SMS a trigger");
    let printed = house.printed();
    assert!(!printed.contains(&code) && !printed.contains("1701234567"), "{printed}");
}

async fn a_modem_that_is_pulled_and_put_back_under_another_name_goes_on(house: House) {
    let modem = &house.modems[0];
    house.enrol("alice", PHONE, "4711").await;
    assert!(house.smspin("alice", "4711").await);
    modem.wait_for_sms(1).await;
    modem.unplug().await;
    house.enrol("bob", "+491709876543", "0815").await;
    assert!(house.smspin("bob", "0815").await, "a modem that is away slows nobody");
    modem.replug().await;
    let sms = modem.wait_for_sms(2).await;
    assert_eq!(sms[1].to, "+491709876543");
    assert!(house.check("bob", &format!("0815{}", code(&sms[1]))).await);
}

told_of_both!(
    a_pin_becomes_an_sms_by_modem_and_its_delivery_is_explained: Plan { modems: 1, ..Plan::default() },
    a_modem_that_is_pulled_and_put_back_under_another_name_goes_on: Plan { modems: 1, ..Plan::default() },
);

fn phone(n: usize) -> String {
    format!("+4917{n:08}")
}

/// Publishes `n` jobs, each to a number of its own, with `text` behind its number.
async fn publish(onlooker: &Onlooker, n: usize, text: &str) {
    for n in 0..n {
        let body = json!({ "id": format!("job-{n}"), "to": phone(n), "text": format!("{n} {text}"), "route": ["default"] });
        onlooker.publish("default", &serde_json::to_vec(&body).unwrap()).await;
    }
}

/// The outcome of each of `n` jobs: the first final report.
async fn outcomes(onlooker: &mut Onlooker, n: usize) -> HashMap<String, String> {
    let mut outcomes = HashMap::new();
    while outcomes.len() < n {
        let report = onlooker.next().await;
        let (id, outcome) = (report["job_id"].as_str().unwrap(), report["outcome"].as_str().unwrap());
        if !["delivered", "undelivered"].contains(&outcome) {
            let again = outcomes.insert(id.to_owned(), outcome.to_owned());
            assert!(again.is_none_or(|first| first == outcome), "{id} ends in two ways");
        }
    }
    outcomes
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_sms_go_by_four_modems_each_once() {
    const JOBS: usize = 500;
    const EACH: Duration = Duration::from_millis(100);
    let plan = Plan { modems: 4, time_per_part: EACH, ..Plan::default() };
    let mut house = House::distributed(plan).await;
    let mut onlooker = Onlooker::start(&house.apart().amqp_url.clone()).await;
    let began = Instant::now();
    publish(&onlooker, JOBS, "is your code").await;
    let outcomes = outcomes(&mut onlooker, JOBS).await;
    let took = began.elapsed();
    assert!(outcomes.values().all(|outcome| outcome == "accepted"), "{outcomes:?}");
    let mut seen: HashMap<String, usize> = HashMap::new();
    for modem in &house.modems {
        let sent = modem.sms();
        assert!(sent.len() > JOBS / 8, "the work is shared: {}", sent.len());
        sent.iter().for_each(|sms| *seen.entry(sms.to.clone()).or_default() += 1);
    }
    assert_eq!(seen.len(), JOBS);
    assert!(seen.values().all(|times| *times == 1), "each once");
    let possible = EACH * u32::try_from(JOBS / house.modems.len()).unwrap();
    println!("500 SMS by four modems: {took:?}, possible are {possible:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_the_parts_of_an_sms_repeats_it_whole_with_the_same_text() {
    let plan = Plan { modems: 1, time_per_part: Duration::from_millis(1500), ..Plan::default() };
    let mut house = House::distributed(plan).await;
    let mut onlooker = Onlooker::start(&house.apart().amqp_url.clone()).await;
    let text = "the same words ".repeat(25);
    publish(&onlooker, 1, text.trim_end()).await;
    wait_until("the first part", PATIENCE, async || {
        if house.modems[0].parts().len() == 1 { Ok(()) } else { Err("none yet".to_owned()) }
    })
    .await;
    house.sending().kill();
    house.start_sending().await;
    let outcomes = outcomes(&mut onlooker, 1).await;
    assert_eq!(outcomes["job-0"], "accepted");
    let whole: Vec<SentSms> = house.modems[0].sms().into_iter().filter(SentSms::is_whole).collect();
    assert_eq!(whole.len(), 1, "one whole SMS, and the part that went out before the death");
    assert_eq!(whole[0].text, format!("0 {}", text.trim_end()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_modems_jobs_go_on_by_the_other_and_a_bad_number_blocks_nobody() {
    let mut house = House::distributed(Plan { modems: 2, ..Plan::default() }).await;
    let mut onlooker = Onlooker::start(&house.apart().amqp_url.clone()).await;
    house.modems[0].always(ModemFault::Silent);
    house.modems[1].for_number(&phone(3), ModemFault::Cms(28));
    publish(&onlooker, 10, "is your code").await;
    let outcomes = outcomes(&mut onlooker, 10).await;
    for (id, outcome) in &outcomes {
        assert_eq!(outcome, if id == "job-3" { "rejected" } else { "accepted" }, "{id}");
    }
    assert_eq!(house.modems[1].sms().len(), 9);
}
