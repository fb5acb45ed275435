//! POST /admin/init and the gate in front of it.

use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::http::StatusCode;
use data_encoding::BASE64;
use mtan_hotp::{Algorithm, Digits};
use std::net::SocketAddr;
use std::time::Duration;

use crate::hand::Mood;
use crate::house::{FORM, House, Reply, SERIAL};

const BOB: &str = "type=sms&phone=%2B49%20170%207654321&user=bob&pin=4321";

async fn init(house: &House, form: &str) -> Reply {
    let headers = [("content-type", FORM), ("authorization", "Bearer s3cret")];
    house.post_with("/admin/init", &headers, form.to_owned()).await
}

async fn with_authorization(house: &House, authorization: &str) -> Reply {
    let headers = [("content-type", FORM), ("authorization", authorization)];
    house.post_with("/admin/init", &headers, BOB).await
}

fn basic(pair: &str) -> String {
    format!("Basic {}", BASE64.encode(pair.as_bytes()))
}

fn error(code: i32, message: &str) -> String {
    let version = env!("CARGO_PKG_VERSION");
    format!(
        r#"{{"version":"mtan {version}","jsonrpc":"2.0","result":{{"status":false,"error":{{"code":{code},"message":"{message}"}}}},"id":1}}"#
    )
}

#[tokio::test]
async fn a_token_is_made_and_its_user_can_log_in() {
    let house = House::with_admin().await;
    let reply = init(&house, BOB).await;
    let serial = reply.json()["detail"]["serial"].as_str().unwrap().to_owned();
    let version = env!("CARGO_PKG_VERSION");
    let expected = format!(
        r#"{{"version":"mtan {version}","jsonrpc":"2.0","result":{{"status":true,"value":true}},"id":1,"detail":{{"serial":"{serial}"}}}}"#
    );
    assert_eq!((reply.body, reply.status), (expected, StatusCode::OK));
    assert!(serial.starts_with("LSSM") && serial.len() == 12, "{serial}");

    assert!(house.post("/validate/smspin", "user=bob&pass=4321").await.value());
    assert_eq!(house.queue.last().to.expose(), "+491707654321");
    assert!(house.post("/validate/check", format!("user=bob&pass=4321{}", house.code())).await.value());
}

#[tokio::test]
async fn a_seed_of_the_administrators_own_makes_the_codes() {
    // RFC 4226 Appendix D; the first code is HOTP(1).
    let house = House::with_admin().await;
    let seed = "31323334-35363738%2039303132%2033343536 37383930".replace(' ', "%20");
    let reply =
        init(&house, &format!("type=SMS&phone=%2B491707654321&serial=MINE-1&otpkey={seed}&pin=")).await;
    assert_eq!(reply.json()["detail"], serde_json::json!({"serial": "MINE-1"}), "the seed is never returned");
    assert!(
        house.post("/validate/smspin", "serial=MINE-1&pass=").await.value(),
        "an empty PIN is a PIN-less token"
    );
    assert_eq!(house.code(), "287082");

    let form = "type=sms&phone=%2B491707654322&serial=MINE-2&hashlib=SHA512&otplen=8&genkey=1&description=new%20one&pin=1";
    assert!(init(&house, form).await.value());
    let token = house.verifier.token(&"MINE-2".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(
        (token.algorithm, token.digits, token.description.as_str()),
        (Algorithm::Sha512, Digits::new(8).unwrap(), "new one")
    );
    assert!(house.post("/validate/smspin", "serial=MINE-2&pass=1").await.value());
    assert_eq!(house.code().len(), 8);
}

#[tokio::test]
async fn a_user_may_have_several_tokens_and_not_too_many() {
    let house = House::with_admin().await;
    let form = "type=sms&phone=%2B491701234567&user=alice&pin=1";
    // Alice has one already.
    for n in 1..mtan_verifier::MOST_TOKENS {
        assert!(init(&house, form).await.value(), "{n}");
    }
    let reply = init(&house, form).await;
    assert_eq!(reply.body, error(1112, "ERR1112: the user has 16 SMS tokens already"));
}

#[tokio::test]
async fn a_change_keeps_what_is_not_named_and_never_loses_a_pin() {
    let house = House::with_admin().await;
    let refused = init(&house, &format!("type=sms&phone=%2B491700000001&serial={SERIAL}")).await;
    assert_eq!(refused.json()["result"]["error"]["code"], 905, "{refused:?}");
    assert!(init(&house, &format!("type=sms&phone=%2B491700000001&serial={SERIAL}&pin=99")).await.value());
    assert!(house.post("/validate/smspin", "user=alice&pass=99").await.value());
    assert_eq!(house.queue.last().to.expose(), "+491700000001");
    let token = house.verifier.token(&SERIAL.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(token.description, "Alice's phone");
}

#[tokio::test]
async fn each_mistake_has_linotps_number_and_shape() {
    let house = House::with_admin().await;
    let long = format!("type=sms&phone=%2B491701234567&description={}", "x".repeat(16 * 1024));
    for (form, code, message) in [
        ("type=sms&pin=1", 905, "ERR905: Missing parameter: 'phone'"),
        ("type=sms&phone=&pin=1", 905, "ERR905: Missing parameter: 'phone'"),
        ("phone=%2B491701234567", 905, "ERR905: Missing parameter: 'type'"),
        ("type=hmac&phone=%2B491701234567", 1610, "ERR1610: unknown token type: sms is expected"),
        ("type=sms&otpkey=00&genkey=1", 344, "ERR344: either genkey or otpkey is expected, not both"),
        ("type=sms&otpkey=xyz", -311, "otpkey: hexadecimal digits are expected, two for each byte"),
        ("type=sms&otpkey=123", -311, "otpkey: hexadecimal digits are expected, two for each byte"),
        (
            "type=sms&otpkey=0011",
            905,
            "ERR905: Invalid parameter: 'otpkey': 16 to 128 bytes of secret are expected, found 2 (RFC 4226 R6: at least 128 bits)",
        ),
        (
            "type=sms&phone=0170123",
            905,
            "ERR905: Invalid parameter: 'phone': a number in the international form is expected, beginning with + or 00 and the country code",
        ),
        (
            "type=sms&phone=%2B491701234567&otplen=9",
            905,
            "ERR905: Invalid parameter: 'otplen': 6, 7 or 8 is expected",
        ),
        (
            "type=sms&phone=%2B491701234567&hashlib=md5",
            905,
            "ERR905: Invalid parameter: 'hashlib': sha1, sha256 or sha512 is expected",
        ),
        (
            "type=sms&phone=%2B491701234567&serial=a%20b",
            905,
            "ERR905: Invalid parameter: 'serial': serial: 1 to 40 characters of A-Z a-z 0-9 _ - are expected",
        ),
        ("type=sms&type=sms", 905, "ERR905: each parameter is expected once"),
        (long.as_str(), 905, "ERR905: at most 16384 bytes of body are expected"),
    ] {
        let reply = init(&house, form).await;
        let what = &form[..form.len().min(80)];
        assert_eq!((reply.body, reply.status), (error(code, message), StatusCode::OK), "{what}");
        assert_eq!(reply.headers["content-type"], "application/json", "{what}");
    }
}

#[tokio::test]
async fn httperror_turns_an_error_into_a_page_with_that_status() {
    let house = House::with_admin().await;
    for (wish, status) in [("404", 404), ("503", 503), ("", 500), ("x", 500), ("200", 500), ("-1", 500)] {
        let reply = init(&house, &format!("type=sms&httperror={wish}")).await;
        assert_eq!(reply.status.as_u16(), status, "{wish}");
        assert_eq!(reply.content_type(), "text/html; charset=utf-8");
        assert!(reply.body.contains("ERR905: Missing parameter: 'phone'"), "{reply:?}");
    }
    assert!(
        init(&house, &format!("{BOB}&httperror=503")).await.value(),
        "a call that succeeds is not concerned"
    );
}

#[tokio::test]
async fn a_store_that_is_away_or_silent_is_an_error_and_no_token() {
    let house = House::with_admin().await;
    for (mood, message) in
        [(Mood::Away, "ERR10: the store is away"), (Mood::Silent, "ERR10: the store did not answer in time")]
    {
        house.store.mood.set(mood);
        assert_eq!(init(&house, BOB).await.body, error(10, message));
    }
    house.store.mood.set(Mood::Well);
    assert!(init(&house, BOB).await.value());
}

#[tokio::test]
async fn without_credentials_in_the_configuration_the_admin_face_is_off() {
    let house = House::new().await;
    for authorization in ["Bearer s3cret", "Bearer ", "Basic Og==", "Basic YWRtaW46", ""] {
        let reply = with_authorization(&house, authorization).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{authorization}");
        assert!(reply.body.contains("The admin face is off"), "{reply:?}");
    }
    assert!(!house.post("/validate/smspin", "user=bob&pass=4321").await.value(), "no token was made");
}

#[tokio::test]
async fn only_the_right_name_and_password_pass() {
    let house = House::with_admin().await;
    for wrong in [
        "",
        "Basic",
        "Bearer",
        "Bearer ",
        "Bearer s3cre",
        "Bearer s3cret2",
        "Bearer admin:s3cret",
        "Digest s3cret",
        "s3cret",
        "Basic s3cret",
    ] {
        let reply = with_authorization(&house, wrong).await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{wrong}");
        assert_eq!(reply.body, error(-311, "Not authenticated"));
        let schemes: Vec<_> = reply.headers.get_all("www-authenticate").iter().collect();
        assert!(
            schemes.iter().any(|scheme| scheme.to_str().unwrap().starts_with("Basic realm=")),
            "{schemes:?}"
        );
    }
    for wrong in [":", "admin:", ":s3cret", "admin:S3cret", "Admin:s3cret", "admin:s3cret:", "admins3cret"] {
        assert_eq!(
            with_authorization(&house, &basic(wrong)).await.status,
            StatusCode::UNAUTHORIZED,
            "{wrong}"
        );
    }
    let missing = house.post("/admin/init", BOB).await;
    assert_eq!(missing.status, StatusCode::UNAUTHORIZED);
    assert!(!house.post("/validate/smspin", "user=bob&pass=4321").await.value(), "no token was made");
    assert!(with_authorization(&house, &basic("admin:s3cret")).await.value());
}

#[tokio::test]
async fn guesses_run_dry_also_for_the_right_password_and_come_back() {
    let house = House::with_admin().await;
    let mut refused = 0;
    while with_authorization(&house, "Bearer guess").await.status == StatusCode::UNAUTHORIZED {
        refused += 1;
        assert!(refused <= 20, "more guesses than the throttle allows");
    }
    let dry = with_authorization(&house, "Bearer s3cret").await;
    assert_eq!(dry.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(dry.headers["retry-after"], "1");
    house.clock.turn(Duration::from_secs(1));
    assert!(with_authorization(&house, "Bearer s3cret").await.value());
}

#[tokio::test]
async fn a_stranger_who_guesses_does_not_lock_the_administrator_out() {
    let house = House::with_admin().await;
    let from = async |peer: &str, authorization: &str| {
        let request = Request::post("/admin/init")
            .header("content-type", FORM)
            .header("authorization", authorization)
            .extension(ConnectInfo::<SocketAddr>(peer.parse().unwrap()));
        house.send(request.body(Body::from(BOB)).unwrap()).await
    };
    for port in 1..=20 {
        let reply = from(&format!("[2001:db8::{port}]:{port}"), "Bearer guess").await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{port}");
    }
    let dry = from("[2001:db8::99]:99", "Bearer s3cret").await;
    assert_eq!(dry.status, StatusCode::TOO_MANY_REQUESTS, "the network of the stranger is dry");
    assert!(from("[2001:db8:0:1::1]:1", "Bearer s3cret").await.value());
}

#[tokio::test]
async fn a_description_is_one_line_of_bounded_length() {
    let house = House::with_admin().await;
    let message = "ERR905: Invalid parameter: 'description': at most 255 characters without control characters are expected";
    for bad in ["a%0Ab", "%1B[2J", "%00", "%7F", "%C2%85", &"x".repeat(256), &"%C3%A9".repeat(256)] {
        let reply = init(&house, &format!("{BOB}&description={bad}")).await;
        assert_eq!(reply.body, error(905, message), "{bad}");
    }
    assert!(!house.post("/validate/smspin", "user=bob&pass=4321").await.value(), "no token was made");
    assert!(init(&house, &format!("{BOB}&description={}", "%C3%A9".repeat(255))).await.value());
}

#[tokio::test]
async fn a_page_of_another_site_cannot_use_the_browsers_credentials() {
    let house = House::with_admin().await;
    for (site, status) in [("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)] {
        let headers = [("content-type", FORM), ("authorization", "Bearer s3cret"), ("sec-fetch-site", site)];
        let form = format!("type=sms&phone=%2B491707654321&serial=SITE-{site}&pin=1");
        assert_eq!(house.post_with("/admin/init", &headers, form).await.status.as_u16(), status, "{site}");
    }
}

#[tokio::test]
async fn init_is_post_only() {
    let house = House::with_admin().await;
    let request =
        Request::builder().uri(format!("/admin/init?{BOB}")).header("authorization", "Bearer s3cret");
    let reply = house.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(reply.status, StatusCode::METHOD_NOT_ALLOWED);
    assert!(!house.post("/validate/smspin", "user=bob&pass=4321").await.value(), "no token was made");
}
