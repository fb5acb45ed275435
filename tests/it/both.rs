//! Stories that are told of both forms of the house.

use std::time::Duration;

use mtan_testkit::gateway::{Behaviour, Hold};
use mtan_testkit::wait_until;

use crate::house::{House, PATIENCE, Plan, client, code};

told_of_both!(
    a_pin_becomes_an_sms_and_its_code_is_accepted_once: Plan::default(),
    of_many_right_answers_at_once_one_is_accepted: Plan::default(),
    wrong_answers_lock_the_token_on_every_endpoint: Plan::default(),
    a_second_trigger_sends_nothing_within_the_blocking_time: Plan::default(),
    a_gateway_that_stumbles_gets_the_same_text_again: Plan::default(),
    a_silent_gateway_slows_no_login: Plan { max_in_flight: 4, ..Plan::default() },
    nothing_is_handed_over_after_the_code_has_died: Plan { validity: 4, ..Plan::default() },
    sigterm_finishes_what_is_in_hand: Plan::default(),
    killed_while_the_gateway_thinks_repeats_at_most_once_with_the_same_text: Plan::default(),
    what_the_gateway_tells_later_is_reported_once: Plan { delivery: true, ..Plan::default() },
    no_process_prints_a_secret: Plan::default(),
);

const PHONE: &str = "+491701234567";

async fn a_pin_becomes_an_sms_and_its_code_is_accepted_once(house: House) {
    let serial = house.enrol("alice", PHONE, "4711").await;
    let reply = house.post("/validate/check", &[("user", "alice"), ("pass", "4711")]).await;
    assert_eq!(reply["result"]["value"], false, "a PIN alone is no login");
    let detail = &reply["detail"];
    assert_eq!(detail["message"], "sms submitted");
    assert_eq!(detail["linotp_tokenserial"], serial.as_str());
    assert_eq!(detail["transactionid"], detail["state"]);

    let code = code(&house.sms_to(PHONE, 1).await[0]);
    let transaction = detail["transactionid"].as_str().unwrap();
    assert!(!house.check("alice", &code).await, "the code without the PIN needs its transaction");
    let unknown = [("user", "alice"), ("pass", code.as_str()), ("state", "12345678901234567")];
    let reply = house.post("/validate/check", &unknown).await;
    assert_eq!(reply["result"]["value"], false, "an unknown transaction is no fall-back");

    let answer = [("user", "alice"), ("pass", code.as_str()), ("transactionid", transaction)];
    assert_eq!(house.post("/validate/check", &answer).await["result"]["value"], true);
    assert_eq!(house.post("/validate/check", &answer).await["result"]["value"], false, "a code counts once");
    assert!(!house.check("alice", &format!("4711{code}")).await, "on every way in");

    assert!(house.smspin("alice", "4711").await, "an answered challenge does not block the next one");
    let sms = house.sms_to(PHONE, 2).await;
    assert!(house.check("alice", &format!("4711{}", self::code(&sms[1]))).await);
    assert_eq!(house.gateway.requests().len(), 2, "one SMS a trigger");
}

async fn of_many_right_answers_at_once_one_is_accepted(house: House) {
    house.enrol("alice", PHONE, "4711").await;
    assert!(house.smspin("alice", "4711").await);
    let pass = format!("4711{}", code(&house.sms_to(PHONE, 1).await[0]));
    let house = std::sync::Arc::new(house);
    let asked: Vec<_> = (0..200)
        .map(|_| {
            let (house, pass) = (house.clone(), pass.clone());
            tokio::spawn(async move { house.check("alice", &pass).await })
        })
        .collect();
    let mut accepted = 0;
    for answer in asked {
        accepted += usize::from(answer.await.unwrap());
    }
    assert_eq!(accepted, 1);
}

async fn wrong_answers_lock_the_token_on_every_endpoint(house: House) {
    let serial = house.enrol("alice", PHONE, "4711").await;
    assert!(house.smspin("alice", "4711").await);
    let code = code(&house.sms_to(PHONE, 1).await[0]);
    for n in 0..5 {
        assert!(!house.smspin("alice", &format!("000{n}")).await, "smspin counts too");
        assert!(!house.check("alice", &format!("999{n}")).await);
    }
    assert!(
        !house.check("alice", &format!("4711{code}")).await,
        "ten tries lock the right answer out as well"
    );
    assert!(!house.smspin("alice", "4711").await);
    let simple = house.post("/validate/check", &[("user", "alice"), ("pass", "4711")]).await;
    assert!(simple.get("detail").is_none(), "a locked token tells nothing: {simple}");

    house.enrol_again(&serial, "alice", PHONE, "0815").await;
    assert!(house.smspin("alice", "0815").await, "the administrator's change is the way out of a lock");
    let sms = house.sms_to(PHONE, 2).await;
    assert!(house.check("alice", &format!("0815{}", self::code(&sms[1]))).await);
}

async fn a_second_trigger_sends_nothing_within_the_blocking_time(house: House) {
    house.enrol("alice", PHONE, "4711").await;
    let first = house.post("/validate/check", &[("user", "alice"), ("pass", "4711")]).await;
    let second = house.post("/validate/check", &[("user", "alice"), ("pass", "4711")]).await;
    assert_eq!(second["detail"]["message"], "sms with otp already submitted");
    assert_eq!(second["detail"]["transactionid"], first["detail"]["transactionid"]);
    let code = code(&house.sms_to(PHONE, 1).await[0]);
    assert!(house.check("alice", &format!("4711{code}")).await);
    assert_eq!(house.gateway.attempts(), 1);
}

async fn a_gateway_that_stumbles_gets_the_same_text_again(mut house: House) {
    house.enrol("alice", PHONE, "4711").await;
    house.gateway.next(1, Behaviour::answer(503, "busy"));
    house.gateway.next(1, Behaviour::reset_before_answer());
    assert!(house.smspin("alice", "4711").await);
    let sms = house.sms_to(PHONE, 3).await;
    assert_eq!(code(&sms[0]), code(&sms[1]));
    assert_eq!(code(&sms[1]), code(&sms[2]));
    house.wait_for_metric("mtan_send_total{pool=\"default\",outcome=\"accepted\"}", "1").await;
    assert!(house.check("alice", &format!("4711{}", code(&sms[2]))).await);
    assert_eq!(house.gateway.attempts(), 3);
}

async fn a_silent_gateway_slows_no_login(house: House) {
    let hold = Hold::new();
    house.gateway.always(Behaviour::accept().held_by(&hold));
    for n in 0..12 {
        let (user, phone) = (format!("user{n}"), format!("+4917012345{n:02}"));
        house.enrol(&user, &phone, "4711").await;
        assert!(house.smspin(&user, "4711").await, "submitted while the gateway has answered nobody");
        assert!(!house.check(&user, "0000").await, "and a wrong PIN is refused");
    }
    hold.wait_for(4).await;
    assert_eq!(house.gateway.answers(), 0);
    assert_eq!(house.gateway.peak_in_flight(), 4, "as many as the pool may have in flight");
    hold.release();
    for n in 0..12 {
        let sms = house.sms_to(&format!("+4917012345{n:02}"), 1).await;
        assert!(house.check(&format!("user{n}"), &format!("4711{}", code(&sms[0]))).await);
    }
    assert_eq!(house.gateway.attempts(), 12, "each got one SMS");
}

async fn nothing_is_handed_over_after_the_code_has_died(mut house: House) {
    house.enrol("alice", PHONE, "4711").await;
    house.gateway.refuse().await;
    assert!(house.smspin("alice", "4711").await);
    house.wait_for_metric("mtan_send_total{pool=\"default\",outcome=\"expired\"}", "1").await;
    house.gateway.listen();
    house.enrol("bob", "+491709999999", "4711").await;
    assert!(house.smspin("bob", "4711").await);
    house.sms_to("+491709999999", 1).await;
    assert!(house.gateway.sms_to(PHONE).is_empty(), "the dead code never left");
}

async fn sigterm_finishes_what_is_in_hand(mut house: House) {
    house.enrol("alice", PHONE, "4711").await;
    let hold = Hold::new();
    house.gateway.next(1, Behaviour::accept().held_by(&hold));
    assert!(house.smspin("alice", "4711").await);
    hold.wait_for(1).await;
    house.sending().terminate();
    house.sending().wait_for_line("stopping").await;
    hold.release();
    assert!(house.sending().wait(PATIENCE).await.success(), "a drained process exits with 0");
    let code = code(&house.gateway.sms_to(PHONE)[0]);
    house.start_sending().await;
    assert!(house.check("alice", &format!("4711{code}")).await, "state outlives the process");
    house.enrol("bob", "+491709999999", "4711").await;
    assert!(house.smspin("bob", "4711").await);
    house.sms_to("+491709999999", 1).await;
    assert_eq!(house.gateway.sms_to(PHONE).len(), 1, "nothing was left to repeat");
}

async fn killed_while_the_gateway_thinks_repeats_at_most_once_with_the_same_text(mut house: House) {
    house.enrol("alice", PHONE, "4711").await;
    let hold = Hold::new();
    house.gateway.next(1, Behaviour::accept().held_by(&hold));
    assert!(house.smspin("alice", "4711").await);
    hold.wait_for(1).await;
    house.sending().kill();
    hold.release();
    house.start_sending().await;
    house.wait_for_metric("mtan_send_total{pool=\"default\",outcome=\"accepted\"}", "1").await;
    let sms = house.gateway.sms_to(PHONE);
    assert_eq!(sms.len(), 2, "nobody knows whether the first went out, so it is sent once more");
    assert_eq!(code(&sms[0]), code(&sms[1]));
    assert!(house.check("alice", &format!("4711{}", code(&sms[1]))).await);
    assert!(
        !house.check("alice", &format!("4711{}", code(&sms[0]))).await,
        "it is one code, and it is used up"
    );
}

async fn no_process_prints_a_secret(mut house: House) {
    house.enrol("alice", PHONE, "pin-4711-secret").await;
    house.gateway.next(1, Behaviour::answer(503, "busy"));
    assert!(house.smspin("alice", "pin-4711-secret").await);
    let code = code(&house.sms_to(PHONE, 2).await[1]);
    house.wait_for_metric("mtan_send_total{pool=\"default\",outcome=\"accepted\"}", "1").await;
    assert!(!house.check("alice", "wrong-pin-secret").await);
    let query = format!("/validate/check?user=alice&pass=pin-4711-secret{code}");
    assert!(house.get(&query).await.1.contains("\"value\":true"));
    let printed = wait_until("the lines of the story", Duration::from_secs(10), async || {
        let printed = house.printed();
        if printed.contains("accepted") { Ok(printed) } else { Err(printed) }
    })
    .await;
    let metrics = house.get("/metrics").await.1;
    for secret in
        [code.as_str(), "pin-4711", "wrong-pin", "1701234567", "Your code", "an-administrators-password"]
    {
        for (place, text) in [("log", &printed), ("metrics", &metrics)] {
            // Without the time in front, whose fractions may look like a code.
            let mut lines = text.lines().map(|line| line.split_once(' ').map_or(line, |(_, rest)| rest));
            let line = lines.find(|line| line.contains(secret)).unwrap_or_default();
            assert!(line.is_empty(), "{secret:?} is in the {place}: {line}");
        }
    }
}

/// Calls back as the gateway does; the status of the answer.
async fn call_back(url: &str, query: &str) -> u16 {
    client().get(format!("{url}?{query}")).send().await.unwrap().status().as_u16()
}

async fn what_the_gateway_tells_later_is_reported_once(mut house: House) {
    house.enrol("alice", PHONE, "4711").await;
    let hold = Hold::new();
    house.gateway.next(1, Behaviour::accept().held_by(&hold));
    assert!(house.smspin("alice", "4711").await);
    let url = house.sms_to(PHONE, 1).await[0].header("X-Report-To").unwrap().to_owned();
    let (before, ticket) = url.rsplit_once('/').unwrap();
    assert!(before.contains("/behind/a-proxy/dlr/default/") && ticket.len() == 26, "{url}");

    // what is not final, not readable, or nobody's is harmless
    assert_eq!(call_back(&url, "id=7&state=BUFFERED").await, 200);
    assert_eq!(call_back(&url, "id=7").await, 200);
    assert_eq!(call_back(&format!("{before}/{}", "a".repeat(26)), "id=7&state=UNDELIV").await, 200);
    // the news may come before the gateway's own answer, and once more, and differently
    assert_eq!(call_back(&url, "id=7&state=delivrd").await, 200);
    hold.release();
    for state in ["DELIVRD", "UNDELIV"] {
        assert_eq!(call_back(&url, &format!("id=7&state={state}")).await, 200);
    }

    house.api.wait_for_line("outcome=delivered").await;
    house.api.wait_for_line("outcome=accepted").await;
    let told = house
        .printed()
        .lines()
        .filter(|line| line.contains(" delivery report ") && line.contains("INFO"))
        .count();
    assert_eq!(told, 1, "{}", house.printed());
    let code = code(&house.sms_to(PHONE, 1).await[0]);
    assert!(house.check("alice", &format!("4711{code}")).await);
}
