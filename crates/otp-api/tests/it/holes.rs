//! What LinOTP and its like have open, and we do not: each hole with a test that it is closed, over both stores.

use std::sync::Arc;

use axum::http::{Method, StatusCode, header};
use axum::{body::Body, extract::Request};
use tokio::task::JoinSet;

use crate::house::{FORM, House, Reply, SERIAL, code_at, on_both, other_than};

on_both!(
    a_bogus_transaction_id_is_no_way_around_the_pin
    every_endpoint_counts_its_tries_and_none_goes_on_after_the_tenth
    a_code_is_dead_after_its_time_on_every_way_in
    a_later_trigger_extends_no_code
    a_code_that_was_never_sent_is_none
    an_older_code_is_dead_after_a_re_trigger_on_every_way_in
    of_one_code_used_at_once_on_every_way_in_one_use_is_a_yes
    a_line_break_in_a_name_is_a_plain_no
    a_pass_of_100_kilobytes_is_a_plain_no
    what_is_no_text_is_a_plain_no_everywhere
    httperror_changes_nothing_here
    a_method_that_is_none_asks_nothing
);

/// Every way to bring a PIN or a code.
const WAYS: [&str; 6] = ["check", "smspin", "check_s", "simplecheck", "httpcheck", "check_t"];

const ALL: [&str; 7] = ["check", "smspin", "check_s", "simplecheck", "httpcheck", "check_t", "check_status"];

fn path(endpoint: &str) -> String {
    format!("/validate/{endpoint}")
}

/// Whether anybody would be let in by it.
fn lets_in(reply: &Reply) -> bool {
    match reply.body.as_str() {
        "" => reply.status == StatusCode::NO_CONTENT,
        line if line.starts_with(":-") => line == ":-)",
        _ => reply.json()["result"]["value"] != false,
    }
}

/// The plain no of that endpoint.
fn assert_plain_no(endpoint: &str, reply: &Reply, what: &str) {
    let status = if endpoint == "httpcheck" { StatusCode::UNAUTHORIZED } else { StatusCode::OK };
    assert_eq!(reply.status, status, "{endpoint} {what}: {reply:?}");
    let json = reply.body.ends_with(r#""result":{"status":true,"value":false},"id":0}"#);
    assert!(json || reply.body == ":-(", "{endpoint} {what}: {reply:?}");
}

async fn a_bogus_transaction_id_is_no_way_around_the_pin(house: House) {
    let (id, code) = house.trigger().await;
    let other = other_than(&id);
    let bogus = [
        ("check", "12345678901234567"),
        ("check", "anything"),
        ("check_s", other.as_str()),
        ("simplecheck", &id[..16]),
        ("httpcheck", "0"),
    ];
    for (count, (endpoint, bogus)) in (1..).zip(bogus) {
        let form = format!("user=alice&serial={SERIAL}&pass={code}&transactionid={bogus}");
        let reply = house.post(&path(endpoint), form).await;
        assert!(!lets_in(&reply), "{endpoint} {bogus}");
        assert_eq!(house.fail_count().await, count, "a counted try: {endpoint} {bogus}");
    }
    assert!(!lets_in(&house.post(&path("check_t"), format!("pass={code}&state=anything")).await));
    assert!(lets_in(&house.post(&path("check"), format!("user=alice&pass={code}&state={id}")).await));
}

async fn every_endpoint_counts_its_tries_and_none_goes_on_after_the_tenth(house: House) {
    let (id, code) = house.trigger().await;
    let guess = format!("user=alice&serial={SERIAL}&state={id}&pass=falsch");
    let mut count = 0;
    for endpoint in ALL {
        let reply = house.post(&path(endpoint), guess.clone()).await;
        assert!(!lets_in(&reply), "{endpoint}");
        count += 1;
        assert_eq!(house.fail_count().await, count, "{endpoint}");
    }
    for _ in count..30 {
        house.post("/validate/smspin", guess.clone()).await;
    }
    assert_eq!(house.fail_count().await, 10);
    for endpoint in ALL {
        for pass in ["1234".to_owned(), code.clone(), format!("1234{code}")] {
            let form = format!("user=alice&serial={SERIAL}&state={id}&pass={pass}");
            assert!(!lets_in(&house.post(&path(endpoint), form).await), "{endpoint}");
        }
    }
    assert_eq!((house.fail_count().await, house.queue.count()), (10, 1));
}

/// The right code in each form in which it may be brought.
fn answers(id: &str, code: &str) -> Vec<(&'static str, String)> {
    let both = WAYS.into_iter().flat_map(|endpoint| {
        let with_id = format!("user=alice&serial={SERIAL}&pass={code}&state={id}");
        let with_pin = format!("user=alice&serial={SERIAL}&pass=1234{code}");
        [(endpoint, with_id.clone()), (endpoint, with_pin), (endpoint, format!("{with_id}&challenge=x"))]
    });
    both.chain([("check_t", format!("pass=1234{code}&transaction_id={id}"))]).collect()
}

/// There are more ways in than tries.
async fn lift_the_limit(house: &House) {
    house.change(SERIAL, |token| token.max_fail = 1_000).await;
}

/// Brings the code in every way.
async fn assert_dead(house: &House, id: &str, code: &str) {
    for (endpoint, form) in answers(id, code) {
        let reply = house.post(&path(endpoint), form.clone()).await;
        assert!(!lets_in(&reply), "{endpoint} {form}: {reply:?}");
    }
}

async fn a_code_is_dead_after_its_time_on_every_way_in(house: House) {
    lift_the_limit(&house).await;
    let (id, code) = house.trigger().await;
    house.later(300);
    assert_dead(&house, &id, &code).await;
    let (id, code) = house.trigger().await;
    house.later(299);
    let form = format!("user=alice&pass=1234{code}");
    assert!(lets_in(&house.post(&path("check"), form).await), "a second before, {id} counts");
}

async fn a_later_trigger_extends_no_code(house: House) {
    lift_the_limit(&house).await;
    house.rule(|policy| policy.blocking = std::time::Duration::from_secs(290));
    let (id, code) = house.trigger().await;
    house.later(280);
    assert_eq!(house.trigger().await.0, id, "already submitted");
    house.later(20);
    assert_dead(&house, &id, &code).await;
}

async fn a_code_that_was_never_sent_is_none(house: House) {
    lift_the_limit(&house).await;
    let (start, window) = (house.token(SERIAL).await.counter, 20);
    for counter in start..start + window {
        assert_dead(&house, "12345678901234567", &code_at(counter)).await;
    }
    let (id, code) = house.trigger().await;
    assert_eq!(code, code_at(start + 1));
    for counter in (0..start + window).filter(|counter| *counter != start + 1) {
        assert_dead(&house, &id, &code_at(counter)).await;
    }
    assert!(lets_in(&house.post(&path("check"), format!("user=alice&pass={code}&state={id}")).await));
}

async fn an_older_code_is_dead_after_a_re_trigger_on_every_way_in(house: House) {
    lift_the_limit(&house).await;
    let (old, older) = house.trigger().await;
    house.later(31);
    let (new, newer) = house.trigger().await;
    for id in [&old, &new] {
        assert_dead(&house, id, &older).await;
    }
    let crossed = format!("user=alice&pass={newer}&state={old}");
    assert!(!lets_in(&house.post(&path("check"), crossed).await), "an id counts for its own code alone");
    assert!(lets_in(&house.post(&path("check"), format!("user=alice&pass={newer}&state={new}")).await));
}

/// On SQLite LinOTP let five of eight in.
async fn of_one_code_used_at_once_on_every_way_in_one_use_is_a_yes(house: House) {
    lift_the_limit(&house).await;
    let house = Arc::new(house);
    for round in 1..=5 {
        let (id, code) = house.trigger().await;
        let asked = answers(&id, &code).into_iter().filter(|(endpoint, _)| *endpoint != "smspin");
        let mut asking = JoinSet::new();
        for (endpoint, form) in asked.cycle().take(60) {
            let house = house.clone();
            asking.spawn(async move { lets_in(&house.post(&path(endpoint), form).await) });
        }
        let yes = asking.join_all().await.into_iter().filter(|yes| *yes).count();
        assert_eq!(yes, 1, "round {round}");
    }
}

async fn a_line_break_in_a_name_is_a_plain_no(house: House) {
    for endpoint in ALL {
        for name in
            ["alice%0d%0aSet-Cookie:x=1", "alice%0A", "%0dalice", "alice%00", "al%1bice", "alice%C2%85"]
        {
            for form in [
                format!("user={name}&pass=1234&state=12345678901234567"),
                format!("user=alice&realm={name}&pass=1234&state=12345678901234567"),
                format!("serial={name}&pass=1234&state=12345678901234567"),
            ] {
                let reply = house.post(&path(endpoint), form.clone()).await;
                assert!(!lets_in(&reply), "{endpoint} {form}");
                assert!(!reply.headers.contains_key(header::SET_COOKIE), "{endpoint} {form}");
                assert!(!reply.body.contains("Set-Cookie"), "{endpoint} {form}: {reply:?}");
                if endpoint != "check_t" {
                    assert_plain_no(endpoint, &reply, &form);
                }
            }
        }
    }
    assert_eq!((house.fail_count().await, house.queue.count()), (0, 0));
}

async fn a_pass_of_100_kilobytes_is_a_plain_no(house: House) {
    let long = "1".repeat(100_000);
    let body = format!(r#"{{"user":"alice","pass":"{long}"}}"#);
    for endpoint in ALL {
        let form = house.post(&path(endpoint), format!("user=alice&pass={long}")).await;
        assert_plain_no(endpoint, &form, "a form");
        let json =
            house.post_with(&path(endpoint), &[("content-type", "application/json")], body.clone()).await;
        assert_plain_no(endpoint, &json, "JSON");
    }
    assert_eq!((house.fail_count().await, house.queue.count()), (0, 0));
}

async fn what_is_no_text_is_a_plain_no_everywhere(house: House) {
    let forms: [&[u8]; 6] = [
        b"user=alice&pass=%ff1234",
        b"user=ali\xffce&pass=1234",
        b"user=alice&serial=%c3%28&pass=1234&state=%c3%28",
        b"user=alice&pass=1234&pass=1234",
        b"user=alice&user=bob&pass=1234",
        b"user[]=alice&serial[]=LSSM0068DCD9&pass[]=1234&state[]=1",
    ];
    let bodies = [
        r#"{"user":["alice"],"pass":"1234"}"#,
        r#"{"user":"alice","pass":["1234"]}"#,
        r#"{"user":"alice","pass":{"a":"1234"}}"#,
        r#"{"user":"alice","pass":"1234","pass":"1234"}"#,
        r#"[{"user":"alice","pass":"1234"}]"#,
        r#"{"user":"alice","pass":true,"state":["1"]}"#,
    ];
    for endpoint in ALL {
        for form in forms {
            let reply = house.post(&path(endpoint), form.to_vec()).await;
            assert_plain_no(endpoint, &reply, &String::from_utf8_lossy(form));
        }
        for body in bodies {
            let reply = house.post_with(&path(endpoint), &[("content-type", "application/json")], body).await;
            assert_plain_no(endpoint, &reply, body);
        }
    }
    assert_eq!((house.fail_count().await, house.queue.count()), (0, 0));
}

/// In LinOTP it makes an error's status; an answer of /validate is none.
async fn httperror_changes_nothing_here(house: House) {
    for endpoint in ALL {
        for form in ["user=nobody&pass=1", "", "user=alice", "user=alice&pass=%ff"] {
            let plain = house.post(&path(endpoint), form).await;
            for number in ["503", "", "x"] {
                let reply = house.post(&path(endpoint), format!("{form}&httperror={number}")).await;
                assert_eq!(
                    (reply.status, &reply.body),
                    (plain.status, &plain.body),
                    "{endpoint} {form} {number}"
                );
            }
        }
    }
}

async fn a_method_that_is_none_asks_nothing(house: House) {
    for endpoint in ALL {
        for method in [Method::PUT, Method::DELETE, Method::PATCH] {
            let request = Request::builder().method(method).uri(path(endpoint)).header("content-type", FORM);
            let reply = house.send(request.body(Body::from("user=alice&pass=1234")).unwrap()).await;
            assert_eq!(reply.status, StatusCode::METHOD_NOT_ALLOWED, "{endpoint}");
        }
    }
    assert_eq!((house.fail_count().await, house.queue.count()), (0, 0));
}
