//! What the clients in the field send.

use axum::http::Method;
use axum::{body::Body, extract::Request};

use crate::house::{FORM, House, SERIAL, other_than};

#[tokio::test]
async fn code_and_transaction_are_accepted_under_each_name_by_get_and_post() {
    for name in ["state", "transactionid", "transaction_id"] {
        for get in [false, true] {
            let house = House::new().await;
            let (id, code) = house.trigger().await;
            let form = format!("user=alice&pass={code}&{name}={id}");
            let reply = match get {
                true => house.get(&format!("/validate/check?{form}")).await,
                false => house.post("/validate/check", form).await,
            };
            assert!(reply.value(), "{name}, GET: {get}");
        }
    }
}

#[tokio::test]
async fn a_code_counts_only_for_its_own_transaction() {
    let house = House::new().await;
    let (id, code) = house.trigger().await;
    for other in ["12345678901234567", "abc", "0", &other_than(&id), &format!("{id}1")] {
        for form in [
            format!("user=alice&pass={code}&state={other}"),
            format!("user=alice&pass=1234{code}&state={other}"),
        ] {
            let before = house.fail_count().await;
            assert!(!house.post("/validate/check", form.clone()).await.value(), "{form}");
            assert_eq!(house.fail_count().await, (before + 1).min(10), "a failed try: {form}");
            if before == 8 {
                // Not to be locked out by the test itself.
                assert!(
                    house.post("/validate/check", format!("user=alice&pass={code}&state={id}")).await.value()
                );
                return;
            }
        }
    }
    panic!("the token was never near its limit");
}

#[tokio::test]
async fn an_empty_state_is_no_transaction() {
    let house = House::new().await;
    let (_, code) = house.trigger().await;
    assert!(!house.post("/validate/check", format!("user=alice&pass={code}&state=")).await.value(), "no PIN");
    assert!(house.post("/validate/check", format!("user=alice&pass=1234{code}&state=")).await.value());
}

#[tokio::test]
async fn a_serial_names_the_token() {
    let house = House::new().await;
    let form = format!("serial={SERIAL}&user=somebody&pass=1234");
    assert!(house.post("/validate/smspin", form).await.value());
    assert!(
        house.post("/validate/check", format!("serial={SERIAL}&pass=1234{}", house.code())).await.value()
    );
}

#[tokio::test]
async fn users_and_realms_are_read_as_linotp_reads_them() {
    for form in [
        "user=alice@default",
        "user=alice%40DEFAULT",
        "user=alice&realm=Default",
        "user=alice&realm=&resConf=&client=10.0.0.1&x=y",
    ] {
        let house = House::new().await;
        assert!(house.post("/validate/smspin", format!("{form}&pass=1234")).await.value(), "{form}");
    }
}

#[tokio::test]
async fn query_and_form_are_one_and_the_query_wins() {
    let house = House::new().await;
    assert!(house.post("/validate/smspin?user=alice", "pass=1234").await.value());
    let wins =
        house.post("/validate/check?user=nobody", format!("user=alice&pass=1234{}", house.code())).await;
    assert!(!wins.value());
}

#[tokio::test]
async fn a_json_body_replaces_the_query() {
    let house = House::new().await;
    let json = [("content-type", "application/json; charset=UTF-8")];
    let reply = house.post_with("/validate/smspin?pass=1234", &json, r#"{"user":"alice"}"#).await;
    assert!(!reply.value());
    let reply = house.post_with("/validate/smspin?pass=x", &json, r#"{"user":"alice","pass":"1234"}"#).await;
    assert!(reply.value());
    let answer = format!(r#"{{"user":"alice","pass":1234{},"realm":null,"data":{{"x":[1]}}}}"#, house.code());
    assert!(house.post_with("/validate/check", &json, answer).await.value());
}

#[tokio::test]
async fn a_form_without_its_content_type_is_a_form() {
    let house = House::new().await;
    assert!(house.post_with("/validate/smspin", &[], "user=alice&pass=1234").await.value());
}

/// Every character that the RADIUS plugin's first encoding touches, after both encodings.
#[tokio::test]
async fn only_freeradius_is_decoded_twice() {
    let house = House::with_admin().await;
    let init = "type=sms&phone=%2B491701234568&user=rad%20%25ius&pin=p%C3%BC%20%25%27%2B%2541";
    let admin = [("content-type", FORM), ("authorization", "Bearer s3cret")];
    assert!(house.post_with("/admin/init", &admin, init).await.value());

    let twice = "user=rad%2520%2525ius&pass=p%25C3%25BC%2520%2525%2527%2B%252541&client=10.0.0.1";
    let radius = [("content-type", FORM), ("user-agent", "FreeRADIUS")];
    assert!(house.post_with("/validate/smspin", &radius, twice).await.value());
    for other in ["freeradius", "FreeRADIUS/3.2", "curl/8"] {
        let headers = [("content-type", FORM), ("user-agent", other)];
        assert!(!house.post_with("/validate/smspin", &headers, twice).await.value(), "{other}");
    }
    let once = "user=rad%20%25ius&pass=p%C3%BC%20%25%27%2B%2541";
    assert!(house.post("/validate/smspin", once).await.value());
}

#[tokio::test]
async fn other_methods_than_get_and_post_are_refused() {
    let house = House::new().await;
    for method in [Method::PUT, Method::DELETE, Method::PATCH] {
        let request = Request::builder().method(method.clone()).uri("/validate/check?user=alice&pass=1234");
        let reply = house.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(reply.status, 405, "{method}");
    }
    assert_eq!(house.queue.count(), 0);
}

#[tokio::test]
async fn smspin_counts_wrong_pins_and_takes_no_code() {
    let house = House::new().await;
    let (id, code) = house.trigger().await;
    let form = format!("user=alice&pass=1234{code}");
    assert!(!house.post("/validate/smspin", form).await.value(), "a code has no business here");
    assert_eq!(house.fail_count().await, 1);
    for _ in 0..20 {
        assert!(!house.post("/validate/smspin", "user=alice&pass=guess").await.value());
    }
    assert_eq!(house.fail_count().await, 10, "locked");
    assert!(!house.post("/validate/smspin", "user=alice&pass=1234").await.value(), "also for the right PIN");
    assert!(!house.post("/validate/check", format!("user=alice&pass={code}&state={id}")).await.value());
}
