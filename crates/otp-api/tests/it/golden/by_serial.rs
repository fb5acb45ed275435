//! /validate/check_s: a token by its serial.

use axum::http::StatusCode;
use mtan_sms::PhoneNumber;
use mtan_verifier::{NewToken, Pin};

use super::{SECOND, challenge, json};
use crate::house::{House, PHONE, code_of, on_both};

on_both!(
    check_s_needs_no_owner
    check_s_says_the_plain_no_to_what_it_does_not_know
    check_s_takes_a_user_with_one_token_or_several
    check_s_takes_the_serial_and_triggers_without_a_pin_where_the_policy_says_so
);

async fn check_s_takes_the_serial_and_triggers_without_a_pin_where_the_policy_says_so(house: House) {
    let no = house.post("/validate/check_s", "serial=LSSM0068DCD9&challenge=Hello").await;
    assert_eq!(no.body, json(false, "0", ""));
    assert_eq!(house.queue.count(), 0, "off by default");

    house.rule(|policy| policy.trigger_sms = true);
    let reply = house.post("/validate/check_s", "serial=LSSM0068DCD9&challenge=Hello").await;
    let id = reply.transaction();
    assert_eq!(
        reply.body,
        json(false, "0", &format!(r#","detail":{}"#, challenge(&id, "sms submitted", "")))
    );
    assert_eq!(house.queue.last().text.expose(), house.code(), "whose text it is says another policy");
    let answer = format!("serial=LSSM0068DCD9&pass={}&transactionid={id}", house.code());
    assert_eq!(house.post("/validate/check_s", answer).await.body, json(true, "0", ""));
    for form in ["serial=LSSM0068DCD9&challenge=x", "serial=NOBODY&challenge=x"] {
        house.post("/validate/check", form).await.value().then(|| panic!("{form}"));
    }
    assert_eq!(house.queue.count(), 1, "check has no such door");
}

async fn check_s_needs_no_owner(house: House) {
    let token = NewToken {
        serial: Some(SECOND.parse().unwrap()),
        ..NewToken::new(PhoneNumber::parse(PHONE).unwrap(), Pin::new("abcd"))
    };
    house.enrol_as(token).await;
    let reply = house.post("/validate/check_s", format!("serial={SECOND}&pass=abcd")).await;
    assert_eq!(reply.json()["detail"]["linotp_tokenserial"], SECOND);
    let code = code_of(b"LSSM0000BEEFLSSM0000", 1);
    let form = format!("serial={SECOND}&pass={code}&transactionid={}", reply.transaction());
    assert_eq!(house.post("/validate/check_s", form.clone()).await.body, json(true, "0", ""));
    assert_eq!(house.post("/validate/check_s", form).await.body, json(false, "0", ""));
}

async fn check_s_says_the_plain_no_to_what_it_does_not_know(house: House) {
    for form in [
        "serial=LSSM99999999&pass=1234",
        "serial=LSSM0068DCD9",
        "serial=LSSM0068DCD9&pass=falsch",
        "serial=LSSM0068DCD9&pass=",
        "pass=1234",
        "challenge=Hello",
        "",
    ] {
        let reply = house.post("/validate/check_s", form).await;
        assert_eq!((reply.status, reply.body), (StatusCode::OK, json(false, "0", "")), "{form}");
    }
    assert_eq!((house.fail_count().await, house.queue.count()), (2, 0));
}

/// LinOTP says no where the user has several.
async fn check_s_takes_a_user_with_one_token_or_several(house: House) {
    assert_eq!(house.post("/validate/check_s", "user=alice&pass=1234").await.transaction().len(), 17);
    house.later(31);
    house.enrol(SECOND, "alice", "1234").await;
    assert_eq!(house.post("/validate/check_s", "user=alice&pass=1234").await.transaction().len(), 14);
}
