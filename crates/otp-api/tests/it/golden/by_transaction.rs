//! /validate/check_t and /validate/check_status: a challenge by its own name.

use super::{SECOND, json};
use crate::house::{House, SERIAL, code_at, code_of, on_both, other_than};

on_both!(
    check_t_takes_pin_and_code_as_well_and_counts_its_tries
    check_t_closes_every_challenge_of_its_root
    check_status_knows_expired_replaced_and_used_challenges
    check_t_needs_no_user_and_is_an_object_only_for_a_yes
    check_status_tells_what_became_of_a_transaction
);

async fn check_t_needs_no_user_and_is_an_object_only_for_a_yes(house: House) {
    let (id, code) = house.trigger().await;
    let detail = |value: bool, fails: u32| {
        format!(
            r#","detail":{{"failcount":{fails},"serial":"LSSM0068DCD9","token_type":"sms","value":{value}}}"#
        )
    };
    let wrong =
        house.post("/validate/check_t", format!("transactionid={id}&pass={}", other_than(&code))).await;
    assert_eq!(wrong.body, json(false, "1", &detail(false, 1)));
    let right = house.post("/validate/check_t", format!("state={id}&pass={code}")).await;
    let expected = json(true, "1", &detail(true, 0))
        .replace(r#""value":true},"id""#, r#""value":{"failcount":0,"value":true}},"id""#);
    assert_eq!(right.body, expected);
    let again = house.post("/validate/check_t", format!("state={id}&pass={code}")).await;
    let unknown =
        format!(r#","detail":{{"failure":"No challenge for transaction '{id}' found","value":false}}"#);
    assert_eq!(again.body, json(false, "1", &unknown), "a used challenge is none");
    for form in ["pass=123456", "user=alice&pass=1234", "state=1"] {
        assert_eq!(house.post("/validate/check_t", form).await.body, json(false, "0", ""), "{form}");
    }
    let odd = house.post("/validate/check_t", "state=%3Cb%3E&pass=1").await;
    assert!(odd.body.contains("transaction '0' found"), "what was sent is not echoed: {odd:?}");
}

async fn check_status_tells_what_became_of_a_transaction(house: House) {
    let (id, code) = house.trigger().await;
    let ask = format!("user=alice&pass=1234&transactionid={id}");
    let told = |count: u32, valid: bool, status: &str, outcome: &str| {
        format!(
            r#","detail":{{"transactions":{{"{id}":{{"message":"sms submitted","received_count":{count},"received_tan":{},"sms":{{"delivery":null,"outcome":{outcome}}},"status":"{status}","token":{{"serial":"LSSM0068DCD9","type":"sms"}},"valid_tan":{valid}}}}}}}"#,
            count > 0
        )
    };
    assert_eq!(
        house.post("/validate/check_status", ask.clone()).await.body,
        json(true, "0", &told(0, false, "open", "null"))
    );
    house.post("/validate/check", format!("user=alice&pass=1234{}", other_than(&code))).await;
    let report = house.report(
        &house.queue.last(),
        mtan_jobs::Outcome::Accepted,
        mtan_jobs::ReportCode::GatewayAccepted,
    );
    house.verifier.apply_report(&report).await.unwrap();
    assert_eq!(
        house.post("/validate/check_status", ask.clone()).await.body,
        json(true, "0", &told(1, false, "open", r#""accepted""#))
    );
    assert!(house.post("/validate/check", format!("user=alice&pass=1234{code}")).await.value());
    assert_eq!(
        house.post("/validate/check_status", ask.clone()).await.body,
        json(true, "0", &told(2, true, "closed", r#""accepted""#))
    );
    for form in [
        format!("user=alice&pass=9999&transactionid={id}"),
        format!("user=nobody&pass=1234&transactionid={id}"),
        "user=alice&pass=1234&transactionid=12345678901234567".to_owned(),
        "user=alice&pass=1234".to_owned(),
        format!("pass=1234&transactionid={id}"),
    ] {
        assert_eq!(
            house.post("/validate/check_status", form.clone()).await.body,
            json(false, "0", ""),
            "{form}"
        );
    }
    assert_eq!(house.fail_count().await, 1, "a wrong PIN is a counted try here too");
}

async fn check_t_takes_pin_and_code_as_well_and_counts_its_tries(house: House) {
    let (id, code) = house.trigger().await;
    for (count, pass) in
        (1..).zip([other_than(&code), "1234".to_owned(), format!("falsch{code}"), String::new()])
    {
        let reply = house.post("/validate/check_t", format!("transactionid={id}&pass={pass}")).await;
        assert_eq!(reply.json()["result"]["value"], false, "{pass}");
        assert_eq!(reply.json()["detail"]["failcount"], count, "{pass}");
    }
    assert_eq!(house.fail_count().await, 4);
    let right = house.post("/validate/check_t", format!("transaction_id={id}&pass=1234{code}")).await;
    assert_eq!(right.json()["result"]["value"], serde_json::json!({ "failcount": 0, "value": true }));
    assert_eq!((house.fail_count().await, house.queue.count()), (0, 1));
}

async fn check_t_closes_every_challenge_of_its_root(house: House) {
    house.enrol(SECOND, "alice", "1234").await;
    let root = house.post("/validate/check", "user=alice&pass=1234").await.transaction();
    // by the order of serials the second token is .01, Alice's first .02
    let wrong = house.post("/validate/check_t", format!("state={root}.01&pass={}", code_at(1))).await;
    assert_eq!(wrong.json()["detail"]["serial"], SECOND, "the code of the other one: {wrong:?}");
    let right = house.post("/validate/check_t", format!("state={root}.02&pass={}", code_at(1))).await;
    assert_eq!(right.json()["detail"]["serial"], SERIAL);
    assert_eq!(right.json()["result"]["value"]["value"], true);
    let other = code_of(b"LSSM0000BEEFLSSM0000", 1);
    for (id, code) in [(format!("{root}.01"), &other), (root.clone(), &other), (root.clone(), &code_at(1))] {
        let reply = house.post("/validate/check_t", format!("state={id}&pass={code}")).await;
        let failure = format!("No challenge for transaction '{id}' found");
        assert_eq!(reply.json()["detail"]["failure"], failure.as_str(), "{reply:?}");
    }
}

async fn check_status_knows_expired_replaced_and_used_challenges(house: House) {
    let (first, _) = house.trigger().await;
    house.later(31);
    let (second, code) = house.trigger().await;
    let status = async |id: &str| {
        let form = format!("serial=LSSM0068DCD9&pass=1234&state={id}");
        let told = house.post("/validate/check_status", form).await.json();
        assert_eq!(told["result"]["value"], true, "{told}");
        let one = &told["detail"]["transactions"][id];
        (one["status"].as_str().unwrap().to_owned(), one["valid_tan"].as_bool().unwrap())
    };
    assert_eq!(status(&first).await, ("closed".to_owned(), false), "replaced");
    assert_eq!(status(&second).await, ("open".to_owned(), false));
    assert!(house.post("/validate/check", format!("user=alice&pass=1234{code}")).await.value());
    assert_eq!(status(&second).await, ("closed".to_owned(), true), "used");
    let (third, _) = house.trigger().await;
    house.later(300);
    assert_eq!(status(&third).await, ("closed".to_owned(), false), "expired, and known still");
    assert_eq!(house.fail_count().await, 0, "who knows the PIN may ask");
}
