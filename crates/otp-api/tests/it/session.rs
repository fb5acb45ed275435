//! /admin/login, its cookies, and what a session may do.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use data_encoding::BASE64URL_NOPAD;
use serde_json::Value;
use std::time::Duration;

use crate::house::{FORM, House, Reply, SERIAL};

const RIGHT: &str = "username=admin&password=s3cret";

fn cookies(headers: &HeaderMap) -> Vec<&str> {
    headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap()).collect()
}

/// The value of a cookie that `reply` sets.
fn value<'a>(reply: &'a Reply, name: &str) -> &'a str {
    let mut all = cookies(&reply.headers).into_iter();
    let found = all.find_map(|cookie| cookie.strip_prefix(&format!("{name}=")));
    found.and_then(|rest| rest.split(';').next()).unwrap_or_else(|| panic!("{name}: {reply:?}"))
}

/// The `Cookie` that a browser sends back, and the second secret.
async fn session(house: &House) -> (String, String) {
    let reply = house.post("/admin/login", RIGHT).await;
    let (access, csrf) = (value(&reply, "access_token_cookie"), value(&reply, "csrf_access_token"));
    (format!("theme=dark; access_token_cookie={access}; csrf_access_token={csrf}"), csrf.to_owned())
}

async fn disable(house: &House, headers: &[(&str, &str)], more: &str) -> StatusCode {
    let headers: Vec<_> = [("content-type", FORM)].iter().chain(headers).copied().collect();
    house.post_with("/admin/disable", &headers, format!("serial={SERIAL}{more}")).await.status
}

async fn show(house: &House, cookie: &str) -> StatusCode {
    let request = Request::builder().uri("/admin/show").header("cookie", cookie);
    house.send(request.body(Body::empty()).unwrap()).await.status
}

#[tokio::test]
async fn a_login_sets_both_cookies_as_a_browser_needs_them() {
    let house = House::with_admin().await;
    let reply = house.post("/admin/login", RIGHT).await;
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        reply.body,
        format!(
            r#"{{"version":"mtan {version}","jsonrpc":"2.0","result":{{"status":true,"value":true}},"id":1,"detail":{{"message":"Login successful for admin"}}}}"#
        )
    );
    let (access, csrf) = (value(&reply, "access_token_cookie"), value(&reply, "csrf_access_token"));
    assert_eq!(
        cookies(&reply.headers),
        [
            format!("access_token_cookie={access}; Max-Age=3600; Path=/; HttpOnly; SameSite=Strict"),
            format!("csrf_access_token={csrf}; Max-Age=3600; Path=/; SameSite=Strict"),
        ]
    );
    assert_eq!(reply.headers["cache-control"], "no-store");
    let parts: Vec<&str> = access.split('.').collect();
    let part = |n: usize| BASE64URL_NOPAD.decode(parts[n].as_bytes()).unwrap();
    assert_eq!(part(0), br#"{"alg":"HS256","typ":"JWT"}"#);
    let claims: Value = serde_json::from_slice(&part(1)).unwrap();
    assert_eq!(
        claims,
        serde_json::json!({"sub": "admin", "iat": 1_800_000_000, "exp": 1_800_003_600, "csrf": csrf})
    );
    assert_eq!(part(2).len(), 32);

    let https = [("content-type", FORM), ("x-forwarded-proto", "https")];
    let reply = house.post_with("/admin/login", &https, RIGHT).await;
    assert!(cookies(&reply.headers).iter().all(|cookie| cookie.ends_with("; SameSite=Strict; Secure")));
    assert_ne!(value(&reply, "csrf_access_token"), csrf, "each session has its own");
}

#[tokio::test]
async fn a_change_by_a_session_needs_its_second_secret_and_a_look_does_not() {
    let house = House::with_admin().await;
    let (cookie, csrf) = session(&house).await;
    assert_eq!(show(&house, &cookie).await, StatusCode::OK);
    let with_cookie = ("cookie", cookie.as_str());
    for (headers, more) in [
        (vec![], ""),
        (vec![("x-csrf-token", "")], ""),
        (vec![("x-csrf-token", "00000000000000000000000000000000")], ""),
        (vec![("x-csrf-token", &csrf[..31])], ""),
        (vec![], "&csrf_token=guess"),
        (vec![("x-csrf-token", "guess")], &format!("&csrf_token={csrf}")),
    ] {
        let headers: Vec<_> = std::iter::once(with_cookie).chain(headers).collect();
        assert_eq!(disable(&house, &headers, more).await, StatusCode::UNAUTHORIZED, "{headers:?} {more}");
    }
    let by_address = format!("/admin/disable?csrf_token={csrf}&serial={SERIAL}");
    let reply = house.post_with(&by_address, &[("content-type", FORM), with_cookie], "").await;
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "an address is no place for a secret");
    assert!(house.post("/validate/smspin", "user=alice&pass=1234").await.value(), "still switched on");

    assert_eq!(disable(&house, &[with_cookie, ("x-csrf-token", &csrf)], "").await, StatusCode::OK);
    assert!(!house.post("/validate/smspin", "user=alice&pass=1234").await.value());
    assert_eq!(disable(&house, &[with_cookie], &format!("&csrf_token={csrf}")).await, StatusCode::OK);
    let cross = [with_cookie, ("x-csrf-token", csrf.as_str()), ("sec-fetch-site", "cross-site")];
    assert_eq!(disable(&house, &cross, "").await, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_session_lives_an_hour_and_nobody_else_can_make_one() {
    let house = House::with_admin().await;
    let (cookie, csrf) = session(&house).await;
    let (before, token) = cookie.split_once("access_token_cookie=").unwrap();
    let token = token.split(';').next().unwrap();
    let [header, claims, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!("{token}") };
    let none = BASE64URL_NOPAD.encode(br#"{"alg":"none","typ":"JWT"}"#);
    let forged = BASE64URL_NOPAD
        .encode(format!(r#"{{"sub":"admin","iat":1800000000,"exp":9999999999,"csrf":"{csrf}"}}"#).as_bytes());
    for wrong in [
        String::new(),
        "x".to_owned(),
        "..".to_owned(),
        format!("{header}.{claims}."),
        format!("{none}.{claims}."),
        format!("{none}.{claims}.{signature}"),
        format!("{header}.{forged}.{signature}"),
        format!("{header}.{claims}.{}", &signature[1..]),
        format!("{token}.x"),
        format!("{token}; access_token_cookie={token}"),
    ] {
        let cookie = format!("{before}access_token_cookie={wrong}");
        assert_eq!(show(&house, &cookie).await, StatusCode::UNAUTHORIZED, "{wrong}");
    }
    let other = House::with_admin().await;
    assert_eq!(show(&other, &cookie).await, StatusCode::UNAUTHORIZED, "another server key");
    house.clock.turn(Duration::from_secs(3599));
    assert_eq!(show(&house, &cookie).await, StatusCode::OK);
    house.clock.turn(Duration::from_secs(1));
    assert_eq!(show(&house, &cookie).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_wrong_login_is_linotps_answer_and_counts_with_all_other_guesses() {
    let house = House::with_admin().await;
    let version = env!("CARGO_PKG_VERSION");
    let bad = format!(
        r#"{{"version":"mtan {version}","jsonrpc":"2.0","result":{{"status":true,"value":false}},"id":1,"detail":{{"message":"Bad username or password"}}}}"#
    );
    for form in
        ["", "username=admin", "password=s3cret", "username=admin&password=", "username=&password=s3cret"]
    {
        let reply = house.post("/admin/login", form).await;
        assert_eq!((reply.status, &reply.body), (StatusCode::UNAUTHORIZED, &bad), "{form}");
    }
    for _ in 0..10 {
        let reply = house.post("/admin/login", "username=admin&password=guess").await;
        assert_eq!((reply.status, &reply.body), (StatusCode::UNAUTHORIZED, &bad));
        assert!(cookies(&reply.headers).is_empty());
        let headers = [("content-type", FORM), ("authorization", "Bearer guess")];
        house.post_with("/admin/init", &headers, "").await;
    }
    assert_eq!(house.post("/admin/login", RIGHT).await.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(house.admin("/admin/show", "").await.status, StatusCode::TOO_MANY_REQUESTS);
    house.clock.turn(Duration::from_secs(1));
    assert!(house.post("/admin/login", RIGHT).await.value());
}

#[tokio::test]
async fn a_logout_takes_the_cookies_away() {
    let house = House::with_admin().await;
    for reply in [house.get("/admin/logout").await, house.post("/admin/logout", "").await] {
        assert!(reply.value());
        assert_eq!(
            cookies(&reply.headers),
            [
                "access_token_cookie=; Max-Age=0; Path=/; HttpOnly; SameSite=Strict",
                "csrf_access_token=; Max-Age=0; Path=/; SameSite=Strict",
            ]
        );
    }
}

#[tokio::test]
async fn without_an_administrator_there_is_no_login() {
    let house = House::new().await;
    let reply = house.post("/admin/login", RIGHT).await;
    assert_eq!(reply.status, StatusCode::FORBIDDEN);
    assert!(cookies(&reply.headers).is_empty());
}

#[tokio::test]
async fn changes_are_post_only_and_the_page_says_so() {
    let house = House::with_admin().await;
    for path in ["init", "assign", "unassign", "enable", "disable", "remove", "set", "reset", "resync"] {
        let reply = house.admin_get(&format!("/admin/{path}?serial={SERIAL}&user=bob&pin=9")).await;
        assert_eq!(reply.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
        assert_eq!(
            (&reply.headers["allow"], reply.content_type()),
            (&"POST".parse().unwrap(), "text/html; charset=utf-8")
        );
        assert!(reply.body.contains("<h1>Method Not Allowed</h1>"), "{reply:?}");
    }
    assert_eq!(house.get(&format!("/admin/login?{RIGHT}")).await.status, StatusCode::METHOD_NOT_ALLOWED);
    assert!(house.post("/validate/smspin", "user=alice&pass=1234").await.value(), "nothing was changed");
}
