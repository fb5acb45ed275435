//! simplecheck, smspin, httpcheck, ok, and paths that are none.

use axum::http::{StatusCode, header};
use mtan_otp_api::{Compat, OtpApiSection};

use super::{ALREADY, SECOND, challenge, json, settings};
use crate::house::{House, code_at, on_both};

on_both!(
    smspin_says_no_to_everything_else
    smspin_says_yes_whatever_the_prompt_is
    simplecheck_says_so_where_there_are_several
    simplecheck_answers_in_one_line_without_a_newline
    smspin_says_yes_and_has_its_detail_in_id_too
    httpcheck_tells_by_its_status
);

async fn simplecheck_answers_in_one_line_without_a_newline(house: House) {
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

async fn smspin_says_yes_and_has_its_detail_in_id_too(house: House) {
    let reply = house.post("/validate/smspin", "user=alice&pass=1234").await;
    let detail = challenge(&reply.transaction(), "sms submitted", "");
    assert_eq!(reply.body, json(true, &detail, &format!(r#","detail":{detail}"#)));
    assert_eq!(reply.content_type(), "application/json");

    let again = house.post("/validate/smspin", "user=alice&pass=1234").await;
    let detail = challenge(&reply.transaction(), "sms with otp already submitted", ALREADY);
    assert_eq!(again.body, json(true, &detail, &format!(r#","detail":{detail}"#)));

    assert_eq!(house.post("/validate/smspin", "user=alice&pass=999").await.body, json(false, "0", ""));
}

async fn httpcheck_tells_by_its_status(house: House) {
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
async fn plain_smspin_keeps_a_number_in_id() {
    let plain = OtpApiSection { compat: Compat::Plain, ..OtpApiSection::default() };
    let house = House::with(settings(plain)).await;
    let reply = house.post("/validate/smspin", "user=alice&pass=1234").await;
    let detail = challenge(&reply.transaction(), "sms submitted", "");
    assert_eq!(reply.body, json(true, "0", &format!(r#","detail":{detail}"#)));
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
        ["/", "/validate", "/validate/", "/validate/checks", "/validate/check/", "/admin", "/admin/shows"]
    {
        assert_eq!(house.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

async fn smspin_says_no_to_everything_else(house: House) {
    let no = json(false, "0", "");
    for form in [
        "user=nobody&pass=1234",
        "user=alice&pass=falsch",
        "user=alice&pass=",
        "user=alice",
        "pass=1234",
        "user=alice&realm=nowhere&pass=1234",
    ] {
        assert_eq!(house.post("/validate/smspin", form).await.body, no, "{form}");
    }
    assert_eq!(house.fail_count().await, 2, "LinOTP does not count them: a PIN could be guessed here");
    for _ in 0..8 {
        house.post("/validate/smspin", "user=alice&pass=falsch").await;
    }
    assert_eq!(house.post("/validate/smspin", "user=alice&pass=1234").await.body, no, "locked");
    assert_eq!(house.queue.count(), 0);
}

/// LinOTP compares with its two own texts, and says no to every other.
async fn smspin_says_yes_whatever_the_prompt_is(house: House) {
    house.rule(|policy| policy.prompt = "Bitte Code eingeben".to_owned());
    let reply = house.post("/validate/smspin", "user=alice&pass=1234").await;
    let detail = challenge(&reply.transaction(), "Bitte Code eingeben", "");
    assert_eq!(reply.body, json(true, &detail, &format!(r#","detail":{detail}"#)));
    house.later(31);
    let line = house.post("/validate/simplecheck", "user=alice&pass=1234").await.body;
    assert!(line.starts_with(":-( ") && line.ends_with(" Bitte Code eingeben"), "{line}");
}

async fn simplecheck_says_so_where_there_are_several(house: House) {
    house.enrol(SECOND, "alice", "1234").await;
    let line = house.post("/validate/simplecheck", "user=alice&pass=1234").await.body;
    let root =
        line.strip_prefix(":-( ").and_then(|line| line.strip_suffix(" Multiple challenges submitted."));
    let root = root.unwrap_or_else(|| panic!("{line}"));
    assert!(root.len() == 14 && root.bytes().all(|byte| byte.is_ascii_digit()), "{root}");
    let answer = format!("user=alice&pass={}&state={root}", code_at(1));
    assert_eq!(house.post("/validate/simplecheck", answer).await.body, ":-)");
}
