//! Answers byte by byte.

use axum::http::{StatusCode, header};
use mtan_otp_api::{Compat, OtpApiSection, Settings};

use crate::house::{House, other_than};

const VERSION: &str = concat!("mtan ", env!("CARGO_PKG_VERSION"));

fn json(value: bool, id: &str, detail: &str) -> String {
    format!(
        r#"{{"version":"{VERSION}","jsonrpc":"2.0","result":{{"status":true,"value":{value}}},"id":{id}{detail}}}"#
    )
}

fn challenge(id: &str, message: &str, info: &str) -> String {
    format!(
        r#"{{"transactionid":"{id}","state":"{id}","transaction_id":"{id}","message":"{message}","linotp_tokenserial":"LSSM0068DCD9","linotp_tokentype":"sms","linotp_tokendescription":"Alice's phone"{info}}}"#
    )
}

const ALREADY: &str = r#","info":"challenge already submitted""#;

fn settings(section: OtpApiSection) -> Settings {
    Settings { otp_api: section, ..Settings::default() }
}

#[tokio::test]
async fn check_answers_a_pin_with_a_challenge_and_pin_and_code_with_yes_once() {
    let house = House::new().await;
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

#[tokio::test]
async fn smspin_says_yes_and_has_its_detail_in_id_too() {
    let house = House::new().await;
    let reply = house.post("/validate/smspin", "user=alice&pass=1234").await;
    let detail = challenge(&reply.transaction(), "sms submitted", "");
    assert_eq!(reply.body, json(true, &detail, &format!(r#","detail":{detail}"#)));
    assert_eq!(reply.content_type(), "application/json");

    let again = house.post("/validate/smspin", "user=alice&pass=1234").await;
    let detail = challenge(&reply.transaction(), "sms with otp already submitted", ALREADY);
    assert_eq!(again.body, json(true, &detail, &format!(r#","detail":{detail}"#)));

    assert_eq!(house.post("/validate/smspin", "user=alice&pass=999").await.body, json(false, "0", ""));
}

#[tokio::test]
async fn plain_smspin_keeps_a_number_in_id() {
    let plain = OtpApiSection { compat: Compat::Plain, ..OtpApiSection::default() };
    let house = House::with(settings(plain)).await;
    let reply = house.post("/validate/smspin", "user=alice&pass=1234").await;
    let detail = challenge(&reply.transaction(), "sms submitted", "");
    assert_eq!(reply.body, json(true, "0", &format!(r#","detail":{detail}"#)));
}

#[tokio::test]
async fn simplecheck_answers_in_one_line_without_a_newline() {
    let house = House::new().await;
    let reply = house.post("/validate/simplecheck", "user=alice&pass=1234").await;
    let id = house.queue.last().reference.unwrap();
    assert_eq!(reply.body, format!(":-( {id} sms submitted"));
    assert_eq!((reply.status, reply.content_type()), (StatusCode::OK, "text/html; charset=utf-8"));
    assert_eq!(reply.headers[header::CACHE_CONTROL], "no-store");

    let again = house.post("/validate/simplecheck", "user=alice&pass=1234").await;
    assert_eq!(again.body, format!(":-( {id} sms with otp already submitted"));
    assert_eq!(house.post("/validate/simplecheck", "user=alice&pass=999").await.body, ":-(");
    assert_eq!(house.post("/validate/simplecheck", "user=alice").await.body, ":-(");
    let right = format!("user=alice&pass=1234{}", house.code());
    assert_eq!(house.post("/validate/simplecheck", right.clone()).await.body, ":-)");
    assert_eq!(house.post("/validate/simplecheck", right).await.body, ":-(");
}

#[tokio::test]
async fn a_bare_simplecheck_keeps_the_challenge_to_itself() {
    let bare = OtpApiSection { simplecheck_bare: true, ..OtpApiSection::default() };
    let house = House::with(settings(bare)).await;
    assert_eq!(house.post("/validate/simplecheck", "user=alice&pass=1234").await.body, ":-(");
    assert_eq!(house.queue.count(), 1, "the SMS goes out all the same");
    let right = format!("user=alice&pass=1234{}", house.code());
    assert_eq!(house.post("/validate/simplecheck", right).await.body, ":-)");
}

#[tokio::test]
async fn httpcheck_tells_by_its_status() {
    let house = House::new().await;
    let challenged = house.post("/validate/httpcheck", "user=alice&pass=1234").await;
    assert_eq!(challenged.status, StatusCode::UNAUTHORIZED);
    let detail = challenge(&challenged.transaction(), "sms submitted", "");
    assert_eq!(challenged.body, json(false, "0", &format!(r#","detail":{detail}"#)));
    let right = format!("user=alice&pass=1234{}", house.code());
    let accepted = house.post("/validate/httpcheck", right.clone()).await;
    assert_eq!((accepted.status, accepted.body.as_str()), (StatusCode::NO_CONTENT, ""));
    assert_eq!(house.post("/validate/httpcheck", right).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(house.post("/validate/httpcheck", "").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(
        house.get("/validate/httpcheck?user=alice&pass=1234").await.status,
        StatusCode::METHOD_NOT_ALLOWED
    );
}

#[tokio::test]
async fn ok_is_yes_but_lets_no_login_in() {
    let house = House::new().await;
    assert_eq!(house.get("/validate/ok").await.body, json(true, "0", ""));
    for login in ["user=alice&pass=1234", "pass=", "pass=1&pass=1"] {
        assert_eq!(house.post("/validate/ok", login).await.body, json(false, "0", ""), "{login}");
    }
}

#[tokio::test]
async fn an_unknown_path_is_404() {
    let house = House::new().await;
    for path in
        ["/", "/validate", "/validate/", "/validate/checks", "/validate/check/", "/admin", "/admin/show"]
    {
        assert_eq!(house.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn every_reject_looks_the_same() {
    let house = House::new().await;
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
    house.clock.turn(std::time::Duration::from_secs(301));
    let late = format!("user=alice&pass=1234{}", house.code());
    assert_eq!(house.post("/validate/check", late).await.body, plain);
}

/// Alice's second token, with the PIN of the first.
async fn with_two_tokens(settings: Settings) -> House {
    let house = House::with(settings).await;
    let second = mtan_verifier::NewToken {
        serial: Some("LSSM0000BEEF".parse().unwrap()),
        user: Some(mtan_verifier::UserRef::new("alice", "default").unwrap()),
        ..mtan_verifier::NewToken::new(
            mtan_sms::PhoneNumber::parse("+491709876543").unwrap(),
            mtan_verifier::Pin::new("1234"),
        )
    };
    house.verifier.enrol(second).await.unwrap();
    house
}

#[tokio::test]
async fn several_tokens_of_one_pin_are_challenged_together_and_answered_once() {
    let house = with_two_tokens(Settings::default()).await;
    let reply = house.post("/validate/check", "user=alice&pass=1234").await;
    let id = reply.transaction();
    assert_eq!(id.len(), 14, "{id}");
    let one = |serial: &str, place: &str, description: &str| {
        let id = format!("{id}.{place}");
        format!(
            r#""{serial}":{{"transactionid":"{id}","state":"{id}","transaction_id":"{id}","message":"sms submitted","linotp_tokenserial":"{serial}","linotp_tokentype":"sms","linotp_tokendescription":"{description}"}}"#
        )
    };
    let detail = |message: &str, info: &str| {
        format!(
            r#"{{"transactionid":"{id}","state":"{id}","transaction_id":"{id}","message":"{message}","challenges":{{{},{}}}{info}}}"#,
            one("LSSM0000BEEF", "01", ""),
            one("LSSM0068DCD9", "02", "Alice's phone")
        )
    };
    let expected = format!(r#","detail":{}"#, detail("Multiple challenges submitted.", ""));
    assert_eq!(reply.body, json(false, "0", &expected));
    assert_eq!(house.queue.count(), 2);

    let again = house.post("/validate/simplecheck", "user=alice&pass=1234").await;
    assert_eq!(again.body, format!(":-( {id} sms with otp already submitted"));
    let smspin = house.post("/validate/smspin", "user=alice&pass=1234").await;
    let again = detail("sms with otp already submitted", ALREADY);
    assert_eq!(smspin.body, json(true, &again, &format!(r#","detail":{again}"#)), "LinOTP says no here");

    let form = format!("user=alice&state={id}&pass={}", house.code());
    assert_eq!(house.post("/validate/check", form.clone()).await.body, json(true, "0", ""));
    assert_eq!(house.post("/validate/check", form).await.body, json(false, "0", ""));
}

#[tokio::test]
async fn check_t_needs_no_user_and_is_an_object_only_for_a_yes() {
    let house = House::new().await;
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

#[tokio::test]
async fn check_s_takes_the_serial_and_triggers_without_a_pin_where_the_policy_says_so() {
    let house = House::new().await;
    let no = house.post("/validate/check_s", "serial=LSSM0068DCD9&challenge=Hello").await;
    assert_eq!(no.body, json(false, "0", ""));
    assert_eq!(house.queue.count(), 0, "off by default");

    let policies = house.verifier.policies().as_ref().clone().each(|policy| policy.trigger_sms = true);
    house.verifier.set_policies(policies);
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

#[tokio::test]
async fn check_status_tells_what_became_of_a_transaction() {
    let house = House::new().await;
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

#[tokio::test]
async fn details_are_told_where_a_policy_wants_them() {
    let house = House::new().await;
    let policies = house.verifier.policies().as_ref().clone();
    house.verifier.set_policies(policies.each(|policy| {
        policy.detail_on_success = true;
        policy.detail_on_fail = true;
    }));
    let no = |why: &str| json(false, "0", &format!(r#","detail":{{"error":"{why}"}}"#));
    assert_eq!(house.post("/validate/check", "user=alice&pass=1").await.body, no("wrong otp pin -1"));
    assert_eq!(
        house.post("/validate/check", "user=nobody&pass=1").await.body,
        no("User has no tokens assigned")
    );
    let (_, code) = house.trigger().await;
    let wrong = format!("user=alice&pass=1234{}", other_than(&code));
    assert_eq!(house.post("/validate/check", wrong).await.body, no("wrong otp value"));
    let yes =
        house.post("/validate/check", format!("user=alice&pass=1234{code}&auth_info=true")).await.json();
    let detail = &yes["detail"];
    assert_eq!(yes["result"]["value"], true);
    assert_eq!((&detail["user"]["username"], &detail["realm"]), (&"alice".into(), &"default".into()));
    assert_eq!((&detail["serial"], &detail["tokentype"]), (&"LSSM0068DCD9".into(), &"sms".into()));
    assert_eq!(detail["auth_info"], serde_json::json!([["pin_length", 4], ["otp_length", 6]]));
}

#[tokio::test]
async fn a_token_of_another_type_is_not_asked() {
    let house = House::new().await;
    assert!(!house.post("/validate/smspin", "user=alice&pass=1234&token_type=hmac").await.value());
    assert_eq!((house.queue.count(), house.fail_count().await), (0, 0));
    assert!(house.post("/validate/smspin", "user=alice&pass=1234&token_type=SMS").await.value());
}

#[tokio::test]
async fn callers_say_what_the_sms_says_only_where_they_may() {
    let house = House::new().await;
    let form = "user=alice&pass=1234&data=Hello%20%3Cotp%3E";
    assert!(house.post("/validate/smspin", form).await.value());
    assert_eq!(house.queue.last().text.expose(), house.code());
    house.clock.turn(std::time::Duration::from_secs(31));
    let policies = house.verifier.policies().as_ref().clone().each(|policy| policy.caller_text = true);
    house.verifier.set_policies(policies);
    assert!(house.post("/validate/smspin", form).await.value());
    assert_eq!(house.queue.last().text.expose(), format!("Hello {}", house.code()));
    house.clock.turn(std::time::Duration::from_secs(31));
    let long = format!("user=alice&pass=1234&message={}", "x".repeat(2000));
    assert!(!house.post("/validate/smspin", long).await.value(), "no SMS can be made of it");
    assert_eq!(house.fail_count().await, 0);
}
