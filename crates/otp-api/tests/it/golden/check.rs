//! /validate/check.

use axum::http::{StatusCode, header};

use super::{ALREADY, challenge, json};
use crate::hand::Mood;
use crate::house::{House, SERIAL, code_at, on_both, other_than};

on_both!(
    what_is_no_right_code_is_a_counted_no
    what_is_not_compared_is_a_no_that_nobody_can_tell_apart
    a_later_trigger_makes_a_new_challenge_and_ends_the_old_one
    a_right_answer_blocks_no_further_trigger
    a_right_pin_neither_raises_nor_resets_the_count_and_a_success_does
    a_token_is_locked_by_the_tenth_wrong_try_and_sends_no_sms
    a_disabled_token_sends_no_sms_and_takes_no_code
    a_queue_that_is_away_is_a_no_that_counts_no_try
    the_serial_wins_over_the_user
    a_challenge_text_takes_nothing_from_an_answer
    check_answers_a_pin_with_a_challenge_and_pin_and_code_with_yes_once
    every_reject_looks_the_same
    a_token_of_another_type_is_not_asked
);

async fn check_answers_a_pin_with_a_challenge_and_pin_and_code_with_yes_once(house: House) {
    let reply = house.post("/validate/check", "user=alice&pass=1234").await;
    let id = reply.transaction();
    let detail = format!(r#","detail":{}"#, challenge(&id, "sms submitted", ""));
    assert_eq!(reply.body, json(false, "0", &detail));
    assert_eq!((reply.status, reply.content_type()), (StatusCode::OK, "application/json"));
    assert_eq!(reply.headers[header::CACHE_CONTROL], "no-store");
    assert!(id.len() == 17 && !id.starts_with('0') && id.bytes().all(|b| b.is_ascii_digit()), "{id}");

    let again = house.post("/validate/check", "user=alice&pass=1234").await;
    let detail = format!(r#","detail":{}"#, challenge(&id, "sms with otp already submitted", ALREADY));
    assert_eq!(again.body, json(false, "0", &detail));
    assert_eq!(house.queue.count(), 1, "no second SMS inside the blocking time");

    let right = format!("user=alice&pass=1234{}", house.code());
    assert_eq!(house.post("/validate/check", right.clone()).await.body, json(true, "0", ""));
    assert_eq!(house.post("/validate/check", right).await.body, json(false, "0", ""));
}

async fn every_reject_looks_the_same(house: House) {
    house.post("/validate/check", "user=alice&pass=1234").await;
    let plain = json(false, "0", "");
    for form in [
        "user=nobody&pass=1234",
        "user=alice&pass=wrong",
        "user=alice&pass=1234000000",
        "user=alice&realm=elsewhere&pass=1234",
        "serial=LSSM00000000&pass=1234",
        "user=alice&pass=000000&state=12345678901234567",
        "user=alice",
        "pass=1234",
    ] {
        assert_eq!(house.post("/validate/check", form).await.body, plain, "{form}");
    }
    house.later(301);
    let late = format!("user=alice&pass=1234{}", house.code());
    assert_eq!(house.post("/validate/check", late).await.body, plain);
}

async fn a_token_of_another_type_is_not_asked(house: House) {
    assert!(!house.post("/validate/smspin", "user=alice&pass=1234&token_type=hmac").await.value());
    assert_eq!((house.queue.count(), house.fail_count().await), (0, 0));
    assert!(house.post("/validate/smspin", "user=alice&pass=1234&token_type=SMS").await.value());
}

async fn what_is_no_right_code_is_a_counted_no(house: House) {
    let (id, _) = house.trigger().await;
    let (wrong, never_sent) = (other_than(&code_at(1)), code_at(2));
    let tries = [
        "user=alice&pass=falsch".to_owned(),
        "user=alice&pass=".to_owned(),
        format!("user=alice&pass=1234{wrong}"),
        format!("user=alice&pass=1234{never_sent}"),
        format!("user=alice&pass={}", code_at(1)),
        format!("user=alice&pass={wrong}&state={id}"),
        format!("user=alice&pass=falsch{}&state={id}", code_at(1)),
        format!("user=alice&pass=1234&state={id}"),
        format!("user=alice&pass=&state={id}"),
    ];
    for (count, form) in (1..).zip(tries) {
        assert_eq!(house.post("/validate/check", form.clone()).await.body, json(false, "0", ""), "{form}");
        assert_eq!(house.fail_count().await, count, "{form}");
    }
    let right = format!("user=alice&pass=1234{}&state={id}", code_at(1));
    assert_eq!(house.post("/validate/check", right.clone()).await.body, json(true, "0", ""));
    assert_eq!(house.fail_count().await, 0);
    assert_eq!(house.post("/validate/check", right).await.body, json(false, "0", ""), "the same once more");
    assert_eq!((house.fail_count().await, house.queue.count()), (1, 1));
}

async fn what_is_not_compared_is_a_no_that_nobody_can_tell_apart(house: House) {
    for form in [
        "user=nobody&pass=1234",
        "user=&pass=1234",
        "pass=1234",
        "user=alice",
        "user=alice&realm=nowhere&pass=1234",
        "user=alice@nowhere&pass=1234",
        "serial=LSSM99999999&pass=1234",
        "user=nobody&pass=123456&state=12345678901234567",
        "",
    ] {
        let reply = house.post("/validate/check", form).await;
        assert_eq!((reply.status, reply.body), (StatusCode::OK, json(false, "0", "")), "{form}");
    }
    assert_eq!((house.fail_count().await, house.queue.count()), (0, 0));
}

async fn a_later_trigger_makes_a_new_challenge_and_ends_the_old_one(house: House) {
    let (old, first) = house.trigger().await;
    assert_eq!(first, code_at(1), "the first code is that of counter 1, never of 0");
    house.later(29);
    assert_eq!(house.trigger().await.0, old);
    house.later(1);
    let (new, second) = house.trigger().await;
    assert_eq!((second, house.queue.count()), (code_at(2), 2));
    assert_ne!(new, old);
    for form in [
        format!("user=alice&pass=1234{}", code_at(1)),
        format!("user=alice&pass={}&state={old}", code_at(1)),
        format!("user=alice&pass={}&state={new}", code_at(1)),
        format!("user=alice&pass={}&state={old}", code_at(2)),
    ] {
        assert_eq!(house.post("/validate/check", form.clone()).await.body, json(false, "0", ""), "{form}");
    }
    let right = format!("user=alice&pass={}&state={new}", code_at(2));
    assert_eq!(house.post("/validate/check", right).await.body, json(true, "0", ""));
}

async fn a_right_answer_blocks_no_further_trigger(house: House) {
    let (old, code) = house.trigger().await;
    assert!(house.post("/validate/check", format!("user=alice&pass=1234{code}")).await.value());
    let (new, code) = house.trigger().await;
    assert_ne!(new, old);
    assert_eq!((code, house.queue.count()), (code_at(2), 2), "one counter for each code, and none between");
}

async fn a_right_pin_neither_raises_nor_resets_the_count_and_a_success_does(house: House) {
    for _ in 0..3 {
        house.post("/validate/check", "user=alice&pass=falsch").await;
    }
    house.trigger().await;
    house.trigger().await;
    assert_eq!(house.fail_count().await, 3);
    assert!(house.post("/validate/check", format!("user=alice&pass=1234{}", code_at(1))).await.value());
    assert_eq!(house.fail_count().await, 0);
}

async fn a_token_is_locked_by_the_tenth_wrong_try_and_sends_no_sms(house: House) {
    let (id, code) = house.trigger().await;
    for _ in 0..10 {
        house.post("/validate/check", "user=alice&pass=falsch").await;
    }
    house.later(60);
    for form in [
        "user=alice&pass=1234".to_owned(),
        format!("user=alice&pass=1234{code}"),
        format!("user=alice&pass={code}&state={id}"),
    ] {
        assert_eq!(house.post("/validate/check", form.clone()).await.body, json(false, "0", ""), "{form}");
    }
    assert_eq!((house.fail_count().await, house.queue.count()), (10, 1));
}

async fn a_disabled_token_sends_no_sms_and_takes_no_code(house: House) {
    house.change(SERIAL, |token| token.active = false).await;
    for form in ["user=alice&pass=1234", "user=alice&pass=falsch", "serial=LSSM0068DCD9&pass=1234"] {
        assert_eq!(house.post("/validate/check", form).await.body, json(false, "0", ""), "{form}");
    }
    assert_eq!((house.fail_count().await, house.queue.count()), (0, 0));
}

async fn a_queue_that_is_away_is_a_no_that_counts_no_try(house: House) {
    house.queue.mood.set(Mood::Away);
    for endpoint in ["check", "smspin", "check_s"] {
        let form = "user=alice&serial=LSSM0068DCD9&pass=1234";
        let reply = house.post(&format!("/validate/{endpoint}"), form).await;
        assert_eq!(reply.body, json(false, "0", ""), "{endpoint}");
    }
    assert_eq!(house.post("/validate/simplecheck", "user=alice&pass=1234").await.body, ":-(");
    assert_eq!(house.fail_count().await, 0);
}

async fn the_serial_wins_over_the_user(house: House) {
    house.enrol("LSSM0000B0B0", "bob", "abcd").await;
    let by_serial = "serial=LSSM0000B0B0&user=alice&pass=";
    assert!(!house.post("/validate/smspin", format!("{by_serial}1234")).await.value(), "alice's PIN");
    assert!(house.post("/validate/smspin", format!("{by_serial}abcd")).await.value());
    assert_eq!(house.fail_count().await, 0, "alice was not asked");
}

/// LinOTP forgets `state` and `data` where there is a `challenge`.
async fn a_challenge_text_takes_nothing_from_an_answer(house: House) {
    let (id, code) = house.trigger().await;
    let form = |state: &str| format!("user=alice&pass={code}&challenge=Hello&state={state}");
    assert!(!house.post("/validate/check", form("12345678901234567")).await.value());
    assert!(house.post("/validate/check", form(&id)).await.value());
}
