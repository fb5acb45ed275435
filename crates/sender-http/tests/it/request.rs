//! What arrives at the gateway.

use mtan_testkit::gateway::Gateway;
use mtan_testkit::proxy::ForwardProxy;
use serde_json::json;

use crate::support::{NUMBER, provider, provider_at, send, send_text, word};

#[tokio::test]
async fn the_seed_s_sample_arrives_as_documented() {
    let gateway = Gateway::start().await;
    let keys = json!({
        "PARAMETER": { "from": "0170111111", "password": "yoursecret", "sender": "name", "account": "company_ltd" },
        "SMS_TEXT_KEY": "text",
        "SMS_PHONENUMBER_KEY": "destination",
        "HTTP_Method": "GET",
    });
    assert_eq!(word(&send(&provider(&gateway, keys)).await), "accepted 1");
    let request = &gateway.requests()[0];
    assert_eq!((request.method.as_str(), request.path.as_str()), ("GET", "/send"));
    let mut parameters: Vec<_> = request.parameters().collect();
    parameters.sort_unstable();
    assert_eq!(
        parameters,
        [
            ("account", "company_ltd"),
            ("destination", NUMBER),
            ("from", "0170111111"),
            ("password", "yoursecret"),
            ("sender", "name"),
            ("text", "Your code is 123456"),
        ]
    );
    assert!(request.body.is_empty() && request.header("authorization").is_none());
}

#[tokio::test]
async fn the_clickatell_sample_arrives_through_its_proxy() {
    let gateway = Gateway::start().await;
    let proxy = ForwardProxy::start_with_credentials("user", "pass").await;
    proxy.lead_to(gateway.address());
    let keys = json!({
        "PARAMETER": { "user": "username", "password": "askme", "api_id": "12980436" },
        "SMS_TEXT_KEY": "text",
        "SMS_PHONENUMBER_KEY": "to",
        "HTTP_Method": "GET",
        "PROXY": proxy.url().replace("http://", "http://user:pass@"),
    });
    let provider = provider_at("http://api.clickatell.invalid/http/sendmsg", keys);
    assert_eq!(word(&send(&provider).await), "accepted 1");
    assert_eq!((proxy.passed(), proxy.refused()), (1, 0));
    let request = &gateway.requests()[0];
    assert_eq!(request.path, "/http/sendmsg");
    assert_eq!(request.header("host"), Some("api.clickatell.invalid"));
    assert_eq!(request.parameter("to"), Some(NUMBER));
    assert_eq!(request.parameter("api_id"), Some("12980436"));
}

#[tokio::test]
async fn a_proxy_that_refuses_our_credentials_is_named_as_the_reason() {
    let gateway = Gateway::start().await;
    let proxy = ForwardProxy::start_with_credentials("user", "p@ss").await;
    let with = |login: &str| proxy.url().replace("http://", &format!("http://{login}"));
    for (url, login, expected) in [
        (gateway.url(), "user:p%40ss@", "accepted 1"),
        (gateway.url(), "user:wrong@", "rejected gateway_auth_failed"),
        (gateway.url(), "", "rejected gateway_auth_failed"),
        (gateway.url().replace("http:", "https:"), "user:wrong@", "rejected gateway_auth_failed"),
        (gateway.url().replace("http:", "https:"), "", "rejected gateway_auth_failed"),
    ] {
        let verdict = send(&provider_at(&url, json!({ "PROXY": with(login) }))).await;
        assert_eq!(word(&verdict), expected, "{url} {login}: {verdict:?}");
    }
    assert_eq!((proxy.passed(), gateway.attempts()), (1, 1));
}

#[tokio::test]
async fn a_post_is_a_form() {
    let gateway = Gateway::start().await;
    assert_eq!(word(&send(&provider_at(&format!("{}?own=1", gateway.url()), json!({}))).await), "accepted 1");
    let request = &gateway.requests()[0];
    assert_eq!(request.method, "POST");
    assert_eq!(request.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(request.query, [("own".to_owned(), "1".to_owned())]);
    let own = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(request.form, [own("phone", NUMBER), own("sms", "Your code is 123456")]);
}

#[tokio::test]
async fn credentials_travel_as_basic() {
    let gateway = Gateway::start().await;
    let url = gateway.url();
    for (url, keys) in [
        (url.clone(), json!({ "USERNAME": "üser", "PASSWORD": "p:w" })),
        (url.replace("http://", "http://%C3%BCser:p%3Aw@"), json!({})),
        (url.replace("http://", "http://x:y@"), json!({ "USERNAME": "üser", "PASSWORD": "p:w" })),
    ] {
        send(&provider_at(&url, keys)).await;
        let request = gateway.requests().pop().unwrap();
        assert_eq!(request.header("authorization"), Some("Basic w7xzZXI6cDp3")); // RFC 7617 §2.1: UTF-8
        assert!(!request.target.contains('@'));
    }
}

#[tokio::test]
async fn attempts_at_injection_arrive_as_text() {
    let gateway = Gateway::start().await;
    for text in [
        "x&phone=+490000&sms=y",
        "x\r\nHost: evil\r\n\r\nGET /evil HTTP/1.1",
        "100% + 1 = \"quoted\" 'single' #fragment ?query;semi/../",
        "<phone><otp><id>",
        "%2B%0d%0a%00",
        "ÄÖÜ ß € 😀 код",
        "+",
    ] {
        for method in ["GET", "POST"] {
            let provider =
                provider(&gateway, json!({ "HTTP_Method": method, "PARAMETER": { "copy": "[<text>]" } }));
            let verdict = send_text(&provider, text).await;
            assert!(word(&verdict).starts_with("accepted"), "{verdict:?}");
            let request = gateway.requests().pop().unwrap();
            assert_eq!(request.path, "/send");
            let expected = format!("[{text}]");
            let parameters: Vec<_> = request.parameters().collect();
            assert_eq!(
                parameters,
                [("copy", expected.as_str()), ("phone", NUMBER), ("sms", text)],
                "{method}"
            );
        }
    }
    assert_eq!(gateway.requests().len(), 14);
}
