//! What arrives of a text, by every way that a gateway may take it.

use mtan_testkit::gateway::{Behaviour, Gateway};
use serde_json::{Value, json};

use crate::support::{NUMBER, provider, send_text, word};

/// Texts that end a value, begin another, or lose a character where something is not escaped.
fn texts() -> Vec<String> {
    let mut texts: Vec<String> = [
        "Your code is 042",
        "x&phone=+490000&sms=y",
        "x\r\nHost: evil\r\n\r\nGET /evil HTTP/1.1",
        "\",\"to\":\"+490000\",\"x\":\"\\",
        "</text><to>+490000</to><!-- ]]> &amp; ",
        "<phone><otp><id><text>",
        "100% + 1 = \"quoted\" 'single' #fragment ?query;semi/../",
        "%2B%0d%0a%00",
        "€ [] {} ~ ^ | \\ ÄÖÜ ß 😀 код",
        "+",
        "007",
    ]
    .map(str::to_owned)
    .into();
    texts.push("ä€😀x".repeat(50)); // 200 characters
    texts
}

#[tokio::test]
async fn every_text_arrives_as_it_is_by_every_way() {
    let gateway = Gateway::start().await;
    type Seen = fn(&mtan_testkit::gateway::Request) -> (String, String);
    let pairs: Seen = |request| {
        assert_eq!(request.parameters().count(), 2);
        let get = |name| request.parameter(name).unwrap().to_owned();
        (get("phone"), get("sms"))
    };
    let json: Seen = |request| {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        assert_eq!(body.as_object().unwrap().len(), 2);
        let get = |name: &str| body[name].as_str().unwrap().to_owned();
        (get("phone"), get("sms"))
    };
    let xml: Seen = |request| {
        let body = String::from_utf8(request.body.clone()).unwrap();
        let of = |name: &str| {
            let inner =
                body.split(&format!("<{name} >")).nth(1).unwrap().split('<').next().unwrap().to_owned();
            [
                ("&lt;", "<"),
                ("&gt;", ">"),
                ("&quot;", "\""),
                ("&apos;", "'"),
                ("&#13;", "\r"),
                ("&#10;", "\n"),
                ("&amp;", "&"),
            ]
            .iter()
            .fold(inner, |text, (entity, c)| text.replace(entity, c))
        };
        (of("phone"), of("text"))
    };
    let header: Seen = |request| {
        let get = |name| {
            let value = request.header(name).unwrap();
            percent_encoding::percent_decode_str(value).decode_utf8().unwrap().into_owned()
        };
        assert!(request.path == "/send" && request.header("host").unwrap().starts_with("127.0.0.1:"));
        (get("x-phone"), get("x-text"))
    };
    for (keys, seen) in [
        (json!({ "HTTP_Method": "GET" }), pairs),
        (json!({ "BODY": "form" }), pairs),
        (json!({ "BODY": "json" }), json),
        (json!({ "BODY": { "phone": "<phone>", "sms": "<text>" } }), json),
        (json!({ "BODY": "{\"phone\":\"<phone>\",\"sms\":\"<text>\"}" }), json),
        (json!({ "BODY": "<sms><phone ><phone></phone><text ><text></text></sms>" }), xml),
        (json!({ "HEADERS": { "X-Text": "<text>", "X-Phone": "<phone>" } }), header),
    ] {
        let provider = provider(&gateway, keys.clone());
        for text in texts() {
            let verdict = send_text(&provider, &text).await;
            assert!(word(&verdict).starts_with("accepted"), "{keys} {text}: {verdict:?}");
            let request = gateway.requests().pop().unwrap();
            assert_eq!(seen(&request), (NUMBER.to_owned(), text.clone()), "{keys}");
        }
    }
    assert_eq!(gateway.attempts(), 7 * texts().len(), "no text made a second request of itself");
}

#[tokio::test]
async fn a_json_gateway_is_driven_and_understood() {
    let gateway = Gateway::start().await;
    let keys = json!({
        "RETURN_SUCCESS": null,
        "BODY": { "messages": [{ "to": "<phone>", "code": "<otp>", "ref": "<id>" }] },
        "NUMBER_FORMAT": "digits",
        "HEADERS": { "Authorization": "App 4711" },
        "VALIDITY_KEY": "/messages/0/ttl",
        "SUCCESS_JSON": { "/messages/0/status": 0 },
        "MESSAGE_ID": "/messages/0/id",
        "STATUS": { "409": "accepted" },
    });
    let provider = provider(&gateway, keys);
    for (status, body, expected) in [
        (200, r#"{"messages":[{"status":"0","id":"a-1"}]}"#, "accepted a-1"),
        (200, r#"{"messages":[{"status":"4","error":"no credit"}]}"#, "rejected gateway_rejected"),
        (409, r#"{"error":"known already"}"#, "accepted -"),
        (503, "", "retry gateway_error"),
    ] {
        gateway.next(1, Behaviour::answer(status, body));
        let verdict = send_text(&provider, "whatever").await;
        assert_eq!(word(&verdict), expected, "{verdict:?}");
    }
    let request = &gateway.requests()[0];
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(request.header("authorization"), Some("App 4711"));
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    let message = &body["messages"][0];
    assert_eq!((&message["to"], &message["code"]), (&json!("491701234567"), &json!("123456")));
    let ttl = message["ttl"].as_u64().unwrap();
    assert!((290..=300).contains(&ttl), "{ttl}");
}
