//! What each profile promises, from recorded contracts: the exact request, and what every documented reply means.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use mtan_jobs::{Clock, SendJob};
use mtan_sender::{Callback, CallbackState, Provider};
use mtan_sender_http::profile::Profile;
use mtan_sender_http::{HttpConfig, HttpProvider};
use mtan_testkit::gateway::{Behaviour, Gateway, Request};
use serde_json::{Map, Value, json};
use url::Url;

use crate::support::{NUMBER, word};

/// The clock stands still: what is left of a code's life is a number of the contract.
struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        "2026-01-01T12:00:00Z".parse().unwrap()
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/contracts")
}

fn contract(profile: &Profile) -> Value {
    let file = folder().join(format!("{}.json", profile.name));
    let text = std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().unwrap_or_else(|| panic!("{key} is a list: {value}"))
}

/// The contract's own keys, with `further` over them.
fn own(contract: &Value, further: &Value) -> Map<String, Value> {
    let further = further.as_object().cloned().unwrap_or_default();
    contract["own"].as_object().unwrap().clone().into_iter().chain(further).collect()
}

/// The real provider with the profile's keys and its address turned to `gateway`; the path stays.
fn provider(profile: &Profile, own: &Map<String, Value>, expected: &str, gateway: &Gateway) -> HttpProvider {
    let (mut keys, faults) = profile.apply(own);
    assert!(faults.is_empty(), "{}: {faults:?}", profile.name);
    assert_eq!(keys["URL"], expected, "{}", profile.name);
    let mut url = Url::parse(expected).unwrap();
    url.set_scheme("http").unwrap();
    url.set_ip_host(gateway.address().ip()).unwrap();
    url.set_port(Some(gateway.address().port())).unwrap();
    keys.insert("URL".to_owned(), json!(url.as_str()));
    let config = HttpConfig::from_json(&Value::Object(keys).to_string(), Path::new("."));
    let config = config.unwrap_or_else(|faults| panic!("{}: {faults:?}", profile.name));
    assert!(config.warnings().is_empty(), "{}: {:?}", profile.name, config.warnings());
    HttpProvider::new(config, Arc::new(Noon)).unwrap()
}

async fn send(provider: &HttpProvider, text: &str) -> String {
    let body = json!({ "id": "job-1", "to": NUMBER, "text": text, "otp": "042137" });
    let job = SendJob::from_json(body.to_string().as_bytes()).unwrap();
    word(&provider.send(&job, Noon.now() + Duration::from_secs(300)).await)
}

fn behaviour(reply: &Value) -> Behaviour {
    let body = match &reply["body"] {
        Value::String(text) => text.clone(),
        json => json.to_string(),
    };
    let status = u16::try_from(reply["status"].as_u64().unwrap()).unwrap();
    let kind = if reply["body"].is_string() { "text/plain" } else { "application/json" };
    Behaviour::answer(status, body).header("Content-Type", kind)
}

#[tokio::test]
async fn every_profile_sends_exactly_the_documented_request() {
    for profile in Profile::all() {
        let contract = contract(&profile);
        let url = contract["url"].as_str().unwrap();
        for expected in list(&contract, "requests") {
            let gateway = Gateway::start().await;
            let provider = provider(&profile, &own(&contract, &expected["own"]), url, &gateway);
            send(&provider, expected["text"].as_str().unwrap()).await;
            let requests = gateway.requests();
            assert_eq!(requests.len(), 1, "{}", profile.name);
            is_as_expected(profile.name, &requests[0], expected, &Url::parse(url).unwrap());
        }
    }
}

fn is_as_expected(name: &str, request: &Request, expected: &Value, url: &Url) {
    let path = request.target.split('?').next().unwrap();
    assert_eq!((request.method.as_str(), path), (expected["method"].as_str().unwrap(), url.path()), "{name}");
    assert_eq!(pairs(name, &request.query), strings(&expected["query"]), "{name}: query");
    assert_eq!(pairs(name, &request.form), strings(&expected["form"]), "{name}: form");
    if expected["json"].is_null() {
        let is_empty = request.body.is_empty();
        assert_eq!(is_empty, expected["form"].is_null(), "{name}: a body where none is documented");
    } else {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        assert_eq!(body, expected["json"], "{name}");
    }
    for (header, value) in strings(&expected["headers"]) {
        let found = request.header(&header);
        let found =
            if header == "content-type" { found.map(|f| f.split(';').next().unwrap()) } else { found };
        assert_eq!(found, Some(&*value), "{name}: {header}");
    }
}

/// Each name once: two parameters of one name are one that the gateway does not read.
fn pairs(name: &str, parameters: &[(String, String)]) -> BTreeMap<String, String> {
    let map: BTreeMap<_, _> = parameters.iter().cloned().collect();
    assert_eq!(map.len(), parameters.len(), "{name}: a parameter twice");
    map
}

fn strings(object: &Value) -> BTreeMap<String, String> {
    let members = object.as_object().into_iter().flatten();
    members.map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned())).collect()
}

#[tokio::test]
async fn every_documented_reply_has_its_verdict() {
    let mut wrong = Vec::new();
    for profile in Profile::all() {
        let contract = contract(&profile);
        let gateway = Gateway::start().await;
        let url = contract["url"].as_str().unwrap();
        let provider = provider(&profile, &own(&contract, &Value::Null), url, &gateway);
        for reply in list(&contract, "replies") {
            gateway.next(1, behaviour(reply));
            let verdict = send(&provider, "Your code is 042137").await;
            if reply["verdict"] != verdict {
                wrong.push(format!(
                    "{}, {}: {verdict}, not {}",
                    profile.name, reply["what"], reply["verdict"]
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A call of the gateway as the listener gets it.
fn callback(recorded: &Value) -> Callback {
    let encode = |pairs: &Value| {
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(strings(pairs)).finish()
    };
    let (media_type, body) = match (&recorded["form"], &recorded["json"]) {
        (Value::Null, Value::Null) => ("", String::new()),
        (Value::Null, json) => ("application/json", json.to_string()),
        (form, _) => ("application/x-www-form-urlencoded", encode(form)),
    };
    let query = encode(&recorded["query"]);
    Callback { query, media_type: media_type.to_owned(), body: body.into_bytes() }
}

fn said(state: CallbackState) -> String {
    match state {
        CallbackState::Final { outcome, gateway_id: Some(id), .. } => format!("{} {id}", outcome.as_str()),
        CallbackState::Final { outcome, .. } => outcome.as_str().to_owned(),
        CallbackState::UnderWay => "under way".to_owned(),
        CallbackState::Unreadable => "unreadable".to_owned(),
    }
}

#[tokio::test]
async fn every_documented_callback_is_read() {
    for profile in Profile::all() {
        let contract = contract(&profile);
        let Some(recorded) = contract["callbacks"].as_array() else {
            assert!(profile.dlr.is_none(), "{}: DLR without a recorded callback", profile.name);
            continue;
        };
        let url = contract["url"].as_str().unwrap();
        let own = own(&contract, &json!({ "DLR": true }));
        let rules = provider(&profile, &own, url, &Gateway::start().await).callbacks().unwrap();
        let says: Vec<&str> = recorded.iter().map(|callback| callback["says"].as_str().unwrap()).collect();
        for (callback, says) in recorded.iter().map(callback).zip(&says) {
            assert_eq!(said(rules.read(&callback)), *says, "{}: {:?}", profile.name, callback.body);
        }
        for kind in ["delivered", "undelivered", "under way"] {
            assert!(says.iter().any(|says| says.starts_with(kind)), "{}: none {kind}", profile.name);
        }
    }
}

#[test]
fn every_profile_has_a_contract_that_says_enough() {
    let mut names = BTreeSet::new();
    for profile in Profile::all() {
        let contract = contract(&profile);
        names.insert(format!("{}.json", profile.name));
        let count = |begin: &str| {
            let verdicts = list(&contract, "replies").iter().map(|reply| reply["verdict"].as_str().unwrap());
            verdicts.filter(|verdict| verdict.starts_with(begin)).count()
        };
        assert!(count("accepted") >= 1 && count("rejected") >= 2 && count("retry") >= 1, "{}", profile.name);
        assert!(count("rejected gateway_auth_failed") >= 1, "{}: bad credentials", profile.name);
        let texts: String = list(&contract, "requests").iter().map(|r| r["text"].as_str().unwrap()).collect();
        for character in ['€', '🔒', '&', '"', '+', '%'] {
            assert!(texts.contains(character), "{}: no text with {character}", profile.name);
        }
    }
    let files = std::fs::read_dir(folder()).unwrap();
    let files: BTreeSet<_> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(files, names, "a contract without a profile");
}
