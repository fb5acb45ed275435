//! AUTH_TYPE digest and bearer, as the gateway sees them.

use std::collections::HashSet;

use mtan_testkit::gateway::{Behaviour, Gateway};
use serde_json::{Value, json};

use crate::support::{provider, send, word};

fn challenge(nonce: &str, more: &str) -> Behaviour {
    let field = format!("Digest realm=\"sms\", qop=\"auth\", algorithm=SHA-256, nonce=\"{nonce}\"{more}");
    Behaviour::answer(401, "who?")
        .header("WWW-Authenticate", "Basic realm=\"sms\"")
        .header("WWW-Authenticate", field)
}

fn keys() -> Value {
    json!({ "AUTH_TYPE": "digest", "USERNAME": "user", "PASSWORD": "secret" })
}

/// One parameter of the Authorization of each request, `-` where there is none.
fn shown(gateway: &Gateway, parameter: &str) -> Vec<String> {
    let of = |header: Option<&str>| {
        let (_, rest) = header?.split_once(&format!("{parameter}="))?;
        Some(rest.split(',').next()?.trim_matches('"').to_owned())
    };
    let requests = gateway.requests();
    requests.iter().map(|request| of(request.header("authorization")).unwrap_or("-".to_owned())).collect()
}

#[tokio::test]
async fn a_challenge_is_answered_and_its_nonce_is_used_again() {
    for method in ["GET", "POST"] {
        let gateway = Gateway::start().await;
        gateway.next(1, challenge("one", ""));
        let mut keys = keys();
        keys["HTTP_Method"] = json!(method);
        let provider = provider(&gateway, keys);
        for n in 2..=4 {
            assert_eq!(word(&send(&provider).await), format!("accepted {n}"));
        }
        assert_eq!(shown(&gateway, " nonce"), ["-", "one", "one", "one"]);
        assert_eq!(shown(&gateway, "nc"), ["-", "00000001", "00000002", "00000003"]);
        let cnonces: HashSet<_> = shown(&gateway, "cnonce").into_iter().collect();
        assert_eq!(cnonces.len(), 4, "each is new: {cnonces:?}");
        for request in &gateway.requests()[1..] {
            let authorization = request.header("authorization").unwrap();
            assert!(
                authorization.contains(&format!("uri=\"{}\"", request.target.replace('"', ""))),
                "{authorization}"
            );
            assert!(!authorization.contains("secret"));
            assert_eq!(request.parameter("sms"), Some("Your code is 123456"), "the second request is whole");
        }
    }
}

#[tokio::test]
async fn a_nonce_that_is_too_old_costs_one_more_request_and_no_sms() {
    let gateway = Gateway::start().await;
    let provider = provider(&gateway, keys());
    gateway.next(1, challenge("one", ""));
    assert_eq!(word(&send(&provider).await), "accepted 2");
    gateway.next(1, challenge("two", ", stale=true"));
    assert_eq!(word(&send(&provider).await), "accepted 4");
    assert_eq!(shown(&gateway, " nonce"), ["-", "one", "one", "two"]);
    assert_eq!(shown(&gateway, "nc"), ["-", "00000001", "00000002", "00000001"]);
}

#[tokio::test]
async fn wrong_credentials_are_refused_after_one_answer() {
    let gateway = Gateway::start().await;
    gateway.always(challenge("same", ""));
    let digest = provider(&gateway, keys());
    assert_eq!(word(&send(&digest).await), "rejected gateway_auth_failed");
    assert_eq!(gateway.attempts(), 2);
    assert_eq!(word(&send(&digest).await), "rejected gateway_auth_failed");
    gateway.always(Behaviour::answer(401, "no challenge"));
    let before = gateway.attempts();
    assert_eq!(word(&send(&provider(&gateway, keys())).await), "rejected gateway_auth_failed");
    assert_eq!(gateway.attempts(), before + 1, "nothing to answer");
}

#[tokio::test]
async fn a_token_travels_as_bearer() {
    let gateway = Gateway::start().await;
    let provider = provider(&gateway, json!({ "AUTH_TYPE": "bearer", "PASSWORD": "t0k3n==" }));
    assert_eq!(word(&send(&provider).await), "accepted 1");
    assert_eq!(gateway.requests()[0].header("authorization"), Some("Bearer t0k3n=="));
}
