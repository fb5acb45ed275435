//! REFUSALS: what the words of a refusal say about whose fault it is.

use std::path::Path;
use std::time::Duration;

use mtan_sender::Verdict;
use mtan_sender_http::HttpConfig;
use mtan_testkit::gateway::{Behaviour, Gateway};
use serde_json::{Value, json};

use crate::support::{provider, send, word};

fn refusals() -> Value {
    json!({
        "gateway_busy": "(?i)slow down",
        "gateway_error": "internal",
        "number_rejected": "105",
        "gateway_auth_failed": "001|slow",
        "gateway_rejected": "credit",
    })
}

#[tokio::test]
async fn the_words_of_a_refusal_say_whose_fault_it_is() {
    let gateway = Gateway::start().await;
    let provider = provider(&gateway, json!({ "REFUSALS": refusals() }));
    for (status, body, expected) in [
        (200, "ERR: Slow down", "retry gateway_busy"),
        (403, "internal", "retry gateway_error"),
        (200, "ERR: 105", "rejected number number_rejected"),
        (500, "ERR: 105", "rejected number number_rejected"),
        (200, "ERR: 001", "rejected gateway_auth_failed"),
        (403, "no credit", "rejected gateway_rejected"),
        (200, "ERR: 114", "rejected gateway_rejected"),
        (503, "maintenance", "retry gateway_error"),
        // neither a success nor what nobody knows is touched
        (200, "ID: 105", "accepted 105"),
        (500, "ID: 105", "unknown no_answer"),
    ] {
        gateway.next(1, Behaviour::answer(status, body));
        assert_eq!(word(&send(&provider).await), expected, "{status} {body}");
    }
}

#[tokio::test]
async fn a_gateway_s_own_wish_to_wait_is_kept() {
    let gateway = Gateway::start().await;
    let provider = provider(&gateway, json!({ "REFUSALS": refusals() }));
    gateway.next(1, Behaviour::answer(403, "slow down").header("Retry-After", "7"));
    let Verdict::Retry { after, .. } = send(&provider).await else { panic!("another try helps") };
    assert_eq!(after, Some(Duration::from_secs(7)));
}

#[test]
fn what_is_no_refusal_is_refused() {
    for (refusals, key) in [
        (json!({ "gateway_busy": "(" }), "REFUSALS.gateway_busy"),
        (json!({ "gateway_busy": "" }), "REFUSALS.gateway_busy"),
        (json!({ "gateway_busy": 1 }), "REFUSALS.gateway_busy"),
        (json!({ "gateway_accepted": "x" }), "REFUSALS.gateway_accepted"),
        (json!("x"), "REFUSALS"),
    ] {
        let keys = json!({ "URL": "http://gw/", "REFUSALS": refusals });
        let faults = HttpConfig::from_json(&keys.to_string(), Path::new(".")).unwrap_err();
        let found: Vec<_> = faults.iter().map(|fault| fault.key.as_str()).collect();
        assert_eq!(found, [key], "{refusals}");
    }
}
