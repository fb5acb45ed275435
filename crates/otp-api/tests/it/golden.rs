//! Answers byte by byte.

use axum::http::{StatusCode, header};
use mtan_otp_api::{Compat, OtpApiSection, Settings};

use crate::house::House;

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
