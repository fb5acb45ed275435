//! Requests that nobody should send: always the documented no, never a panic, never a 500.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{Method, StatusCode, Uri};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::house::{FORM, House, Reply};

const ENDPOINTS: [&str; 3] = ["/validate/check", "/validate/smspin", "/validate/simplecheck"];

fn assert_no(reply: &Reply, what: &str) {
    assert_eq!(reply.status, StatusCode::OK, "{what}: {reply:?}");
    let json = reply.body.ends_with(r#""result":{"status":true,"value":false},"id":0}"#);
    assert!(json || reply.body == ":-(", "{what}: {reply:?}");
}

#[tokio::test]
async fn what_cannot_be_read_is_a_plain_no() {
    let house = House::new().await;
    for path in ENDPOINTS {
        for body in [
            &b""[..],
            b"user=alice",
            b"pass=1234",
            b"user=&pass=1234",
            b"user=alice&user=alice&pass=1234",
            b"user=alice&pass=1234&pass=1234",
            b"user=alice&pass=%ff1234",
            b"user=%c3%28&pass=1234",
            b"user=ali\xffce&pass=1234",
            b"user=a%00lice&pass=1234",
            b"user=@default&pass=1234",
            b"user=alice&pass=1234&state=1&transactionid=2",
            b"serial=&pass=1234",
            b"serial=../../etc&pass=1234&user=alice",
            b"user[]=alice&pass[]=1234",
            b"=&==&&&",
        ] {
            let what = format!("{path} {}", String::from_utf8_lossy(body));
            assert_no(&house.post(path, body.to_vec()).await, &what);
        }
    }
    assert_eq!((house.queue.count(), house.fail_count().await), (0, 0));
}

#[tokio::test]
async fn what_is_no_json_object_is_a_plain_no() {
    let house = House::new().await;
    let deep = format!(r#"{{"user":"alice","pass":"1234","x":{}{}}}"#, "[".repeat(5_000), "]".repeat(5_000));
    for body in [
        "",
        "null",
        "[]",
        "\"alice\"",
        "{",
        r#"{"user":"alice","pass":"1234"} x"#,
        r#"{"user":"alice","pass":"1234","pass":"1234"}"#,
        r#"{"user":"alice","pass":["1234"]}"#,
        r#"{"user":"alice","pass":12.5}"#,
        r#"{"user":"alice","pass":true}"#,
        r#"{"user":"alice","pass":"\ud800"}"#,
        r#"{"user":{"name":"alice"},"pass":"1234"}"#,
        &deep,
    ] {
        for path in ENDPOINTS {
            let reply = house.post_with(path, &[("content-type", "application/json")], body.to_owned()).await;
            assert_no(&reply, &format!("{path} {}", &body[..body.len().min(60)]));
        }
    }
    assert_eq!(house.queue.count(), 0);
}

#[tokio::test]
async fn sixteen_kibibytes_are_read_and_more_is_a_plain_no() {
    let house = House::new().await;
    let form = |length: usize| {
        let start = "user=alice&pass=1234&x=";
        format!("{start}{}", "y".repeat(length - start.len()))
    };
    for path in ENDPOINTS {
        assert_no(&house.post(path, form(16 * 1024 + 1)).await, path);
        assert_no(&house.get(&format!("{path}?{}", form(16 * 1024 + 1))).await, path);
    }
    assert_eq!(house.queue.count(), 0);
    assert!(house.post("/validate/smspin", form(16 * 1024)).await.value());
    assert!(house.get(&format!("/validate/smspin?{}", form(16 * 1024))).await.value());
}

/// Most of them begin as something that clients send, so that they come far.
fn requests() -> impl Strategy<Value = (usize, bool, Option<&'static str>, Vec<u8>, Vec<u8>)> {
    let known = prop::sample::select(vec![
        &b"user=alice&"[..],
        b"pass=",
        b"pass=1234&",
        b"state=",
        b"serial=",
        b"realm=",
        b"&",
        b"=",
        b"%",
        b"%0",
        b"@",
        b"+",
        b"{\"user\":\"alice\",",
        b"\"pass\":",
        b"\"1234\"",
        b"}",
        b"\\ud83d",
        b"httperror=",
        b"type=sms&",
        b"phone=%2B49",
    ]);
    let piece = prop_oneof![
        3 => known.prop_map(<[u8]>::to_vec),
        1 => prop::collection::vec(any::<u8>(), 0..40),
    ];
    let bytes = || prop::collection::vec(piece.clone(), 0..8).prop_map(|pieces| pieces.concat());
    let media = prop::sample::select(vec![
        None,
        Some(FORM),
        Some("application/json"),
        Some("text/plain"),
        Some("multipart/form-data; boundary=x"),
        Some(";"),
    ]);
    (0..ENDPOINTS.len() + 1, any::<bool>(), media, bytes(), bytes())
}

#[test]
fn a_thousand_random_requests_are_never_an_error_of_ours() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let house = runtime.block_on(House::with_admin());
    let mut runner = TestRunner::new(Config { cases: 1_000, failure_persistence: None, ..Config::default() });
    let result = runner.run(&requests(), |(endpoint, post, media, query, body)| {
        let path = ENDPOINTS.get(endpoint).copied().unwrap_or("/admin/init");
        // A query holds visible ASCII only: hyper and every other server refuse the rest before us.
        let query: String = query
            .iter()
            .map(|b| if b.is_ascii_graphic() && !b"#\\^`{|}\"<>".contains(b) { char::from(*b) } else { '%' })
            .collect();
        let Ok(uri) = format!("{path}?{query}").parse::<Uri>() else { return Ok(()) };
        let method = if post { Method::POST } else { Method::GET };
        let mut request = Request::builder().method(method).uri(uri).header("authorization", "Bearer s3cret");
        if let Some(media) = media {
            request = request.header("content-type", media);
        }
        let reply = runtime.block_on(house.send(request.body(Body::from(body)).unwrap()));
        if path == "/admin/init" {
            prop_assert!(
                reply.status.as_u16() != 500 || reply.body.contains("ERR") || reply.body.contains("-311"),
                "{:?}",
                reply
            );
            return Ok(());
        }
        prop_assert_eq!(reply.status, StatusCode::OK);
        match path {
            "/validate/simplecheck" => prop_assert!(reply.body.starts_with(":-("), "{:?}", reply),
            "/validate/check" => prop_assert!(!reply.value(), "{:?}", reply),
            _ => prop_assert_eq!(reply.value(), reply.json()["detail"].is_object(), "{:?}", reply),
        }
        Ok(())
    });
    result.unwrap();
}
