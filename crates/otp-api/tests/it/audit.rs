//! /audit/search: who did what, and nothing that is a secret.

use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::http::StatusCode;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;

use crate::hand::Mood;
use crate::house::{FORM, House, PHONE, SERIAL, other_than};

/// What the rows that are found say, the newest first: action, success, serial, user, administrator, info.
async fn rows(house: &House, query: &str) -> Vec<Value> {
    let reply = house.admin_get(&format!("/audit/search?rp=1000&{query}")).await;
    let grid = reply.json();
    let rows = grid["rows"].as_array().unwrap_or_else(|| panic!("{query}: {reply:?}"));
    rows.iter().map(|row| json!([4, 5, 6, 8, 10, 12].map(|n| row["cell"][n].clone()))).collect()
}

#[tokio::test]
async fn every_call_leaves_one_record_over_both_stores() {
    for house in [House::with_admin().await, House::with_admin_over_redis().await] {
        let (_, code) = house.trigger().await;
        house.post("/validate/check", format!("user=alice&pass=1234{}", other_than(&code))).await;
        assert!(house.post("/validate/check", format!("user=alice&pass=1234{code}")).await.value());
        house.post("/validate/check", "user=nobody&pass=1").await;
        house.post("/validate/smspin", "pass=1").await;
        house.admin("/admin/disable", &format!("serial={SERIAL}")).await;
        house.admin("/admin/enable", "serial=NONE").await;
        house.post("/admin/login", "username=admin&password=guess").await;
        assert_eq!(
            rows(&house, "").await,
            [
                json!(["admin/login", 0, "", "", "admin", "wrong_credentials"]),
                json!(["admin/enable", 0, "", "", "admin", "ERR1102"]),
                json!(["admin/disable", 1, SERIAL, "alice", "admin", "done"]),
                json!(["validate/smspin", 0, "", "", "", "malformed"]),
                json!(["validate/check", 0, "", "nobody", "", "no_token"]),
                json!(["validate/check", 1, SERIAL, "alice", "", "right_code"]),
                json!(["validate/check", 0, "", "alice", "", "wrong_otp"]),
                json!(["validate/check", 0, SERIAL, "alice", "", "right_pin"]),
            ]
        );
        let all = house.admin_get("/audit/search?rp=1000&outform=csv").await.body;
        for secret in ["1234", code.as_str(), PHONE, "guess", "s3cret"] {
            assert!(!all.contains(secret), "{secret}: {all}");
        }
        assert_eq!(rows(&house, "").await[0][0], "audit/search", "a search is on record too");
    }
}

#[tokio::test]
async fn a_search_filters_sorts_and_pages() {
    let house = House::with_admin().await;
    for n in 0..5 {
        house.post("/validate/check", format!("user=user{n}&realm=r{}&pass=1", n % 2)).await;
        house.clock.turn(Duration::from_secs(1));
    }
    let users = async |query: &str| -> Vec<String> {
        let rows = rows(&house, &format!("action=validate/*&{query}")).await;
        rows.iter().map(|row| row[3].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(users("").await, ["user4", "user3", "user2", "user1", "user0"]);
    assert_eq!(users("sortorder=asc").await, ["user0", "user1", "user2", "user3", "user4"]);
    assert_eq!(users("user=user3").await, ["user3"]);
    assert_eq!(users("realm=r1").await, ["user3", "user1"]);
    assert_eq!(users("query=*4&qtype=user").await, ["user4"]);
    assert_eq!(users("sortname=realm&sortorder=asc").await, ["user4", "user2", "user0", "user3", "user1"]);
    assert_eq!(users("sortname=date&sortorder=asc").await, ["user0", "user1", "user2", "user3", "user4"]);
    let page = house.admin_get("/audit/search?action=validate/*&rp=2&page=3").await.json();
    assert_eq!((&page["page"], &page["total"]), (&json!(3), &json!(5)));
    assert_eq!(page["rows"].as_array().unwrap().len(), 1);
    assert_eq!(page["rows"][0]["cell"][8], "user0");
    assert_eq!(page["rows"][0]["cell"][1], "2027-01-15T08:00:00.000Z");
    assert_eq!(page["rows"][0]["cell"].as_array().unwrap().len(), 16);
    for wrong in
        ["sortname=secret", "sortorder=up", "rp=0", "rp=x", "page=0", "qtype=secret&query=x", "outform=pdf"]
    {
        let reply = house.admin_get(&format!("/audit/search?{wrong}")).await;
        assert_eq!(reply.json()["result"]["error"]["code"], 905, "{wrong}: {reply:?}");
    }
}

#[tokio::test]
async fn a_record_names_the_callers_address_and_what_it_says_of_itself_without_control_characters() {
    let house = House::with_admin().await;
    let request =
        Request::post("/validate/check")
            .header("content-type", FORM)
            .extension(ConnectInfo::<SocketAddr>("192.0.2.7:1".parse().unwrap()));
    let body = format!("user=alice&pass=1&client=%1B[2J%0A{}", "x".repeat(300));
    house.send(request.body(Body::from(body)).unwrap()).await;
    house.post("/validate/check", "user=a%0D%0Aforged&pass=1").await;
    let grid = house.admin_get("/audit/search").await.json();
    let client = grid["rows"][1]["cell"][14].as_str().unwrap();
    assert!(client.starts_with("192.0.2.7 (\u{FFFD}[2J\u{FFFD}xxx"), "{client}");
    assert!(client.chars().count() < 300 && !client.chars().any(char::is_control));
    assert_eq!(grid["rows"][0]["cell"][8], "", "what can be no user's name is none");
}

#[tokio::test]
async fn the_log_is_for_administrators() {
    let house = House::with_admin().await;
    assert_eq!(house.get("/audit/search").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_store_that_is_away_delays_the_records_of_logins_and_loses_none() {
    let house = House::with_admin().await;
    house.store.mood.set(Mood::Away);
    for _ in 0..3 {
        house.post("/validate/check", "user=alice&pass=1234").await;
    }
    house.store.mood.set(Mood::Well);
    assert_eq!(rows(&house, "info=store_away").await.len(), 3);
}
