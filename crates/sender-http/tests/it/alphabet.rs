//! UNICODE: what a gateway must be told about a text that does not fit the GSM alphabet.

use mtan_testkit::gateway::Gateway;
use serde_json::json;

use crate::support::{provider, send_text};

/// Every character of the GSM alphabet, the extension table too.
const GSM: &str = "Grüße à l'été: 5 € [{~}] @£ÄÖÑÜ§";

#[tokio::test]
async fn only_a_text_that_needs_it_gets_the_other_parameters() {
    let gateway = Gateway::start().await;
    let keys = json!({ "PARAMETER": { "coding": "0", "sure": true }, "UNICODE": { "coding": "2", "sure": null, "more": "<id>" } });
    let provider = provider(&gateway, keys);
    for (text, coding, sure, more) in [
        (GSM, Some("0"), Some("true"), None),
        ("čeština", Some("2"), None, Some("job-1")),
        ("🔒", Some("2"), None, Some("job-1")),
        ("`", Some("2"), None, Some("job-1")),
    ] {
        send_text(&provider, text).await;
        let request = gateway.requests().pop().unwrap();
        assert_eq!(request.parameter("coding"), coding, "{text}");
        assert_eq!(request.parameter("sure"), sure, "{text}");
        assert_eq!(request.parameter("more"), more, "{text}");
        assert_eq!(request.parameter("sms"), Some(text));
        assert_eq!(request.parameters().filter(|(name, _)| *name == "coding").count(), 1);
    }
}

#[tokio::test]
async fn the_text_itself_can_go_out_as_hexadecimal_digits() {
    let gateway = Gateway::start().await;
    let provider = provider(
        &gateway,
        json!({ "BODY": "json", "UNICODE": { "sms": null, "hex": "<text_ucs2>", "n": 8 } }),
    );
    send_text(&provider, "ž🔒<id>").await;
    let body: serde_json::Value = serde_json::from_slice(&gateway.requests()[0].body).unwrap();
    assert_eq!(body, json!({ "phone": "+491701234567", "hex": "017ED83DDD12003C00690064003E", "n": 8 }));
    send_text(&provider, "plain").await;
    let body: serde_json::Value = serde_json::from_slice(&gateway.requests()[1].body).unwrap();
    assert_eq!(body, json!({ "phone": "+491701234567", "sms": "plain" }));
}
