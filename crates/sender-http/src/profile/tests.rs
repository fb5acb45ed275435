use std::path::Path;

use super::*;
use crate::HttpConfig;

fn object(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn applied(name: &str, own: Value) -> (Value, Vec<String>) {
    let (keys, faults) = Profile::named(name).unwrap().apply(&object(own));
    (
        Value::Object(keys),
        faults.into_iter().map(|fault| format!("{}: {}", fault.key, fault.message)).collect(),
    )
}

#[test]
fn every_shipped_profile_is_whole() {
    let profiles = Profile::all();
    assert!(profiles.len() >= 12);
    assert!(profiles.is_sorted_by_key(|profile| profile.name), "in the order of the names");
    for profile in profiles {
        let name = profile.name;
        assert!(!profile.title.is_empty() && profile.documentation.starts_with("https://"), "{name}");
        assert!(profile.needs.iter().any(|need| need.secret), "{name}: which of its needs is the password?");
        for need in &profile.needs {
            assert!(need.is.chars().count() > 5 && !need.is.ends_with('.'), "{name}.{}", need.key);
            assert!(need.example.is_some() || need.secret, "{name}.{} has no example", need.key);
        }
        for key in profile.config.keys() {
            assert!(crate::config::is_key(key), "{name}: {key} is no key");
        }
        assert!(!profile.config.contains_key("DLR") && !profile.config.contains_key("PROFILE"), "{name}");
    }
}

#[test]
fn every_name_that_a_profile_declares_is_used_and_every_place_declared() {
    for profile in Profile::all() {
        let text = Value::Object(profile.config.clone()).to_string();
        for need in
            profile.needs.iter().filter(|need| !crate::config::is_key(need.key.split('.').next().unwrap()))
        {
            assert!(
                text.contains(&format!("{{{}}}", need.key)),
                "{}: {} goes nowhere",
                profile.name,
                need.key
            );
        }
        let (keys, faults) = profile.apply(&profile.sample());
        assert!(faults.is_empty(), "{}: {faults:?}", profile.name);
        let left: Vec<_> = profile
            .needs
            .iter()
            .filter(|need| text_of(&keys).contains(&format!("{{{}}}", need.key)))
            .collect();
        assert!(left.is_empty(), "{}: {left:?}", profile.name);
        assert!(keys.contains_key("URL"), "{}", profile.name);
    }
}

fn text_of(keys: &Map<String, Value>) -> String {
    Value::Object(keys.clone()).to_string()
}

#[test]
fn a_profile_reports_delivery_where_it_is_asked_to_or_says_that_it_cannot() {
    for profile in Profile::all() {
        let (mut own, can) = (profile.sample(), profile.dlr.is_some());
        own.insert("DLR".to_owned(), json!(true));
        match HttpConfig::from_json(&text_of(&own), Path::new("")) {
            Ok(config) => assert!(can && config.callbacks.is_some(), "{}", profile.name),
            Err(faults) => {
                assert!(
                    !can && faults.iter().any(|fault| fault.key == "DLR"),
                    "{}: {faults:?}",
                    profile.name
                );
            }
        }
        let silent = HttpConfig::from_json(&text_of(&profile.sample()), Path::new("")).unwrap();
        assert!(silent.callbacks.is_none(), "{}: nobody asked", profile.name);
    }
}

#[test]
fn what_reporting_needs_is_put_into_a_template_where_it_belongs() {
    let infobip = Profile::named("infobip").unwrap();
    let mut own = infobip.sample();
    own.insert("DLR".to_owned(), json!(true));
    let (keys, faults) = infobip.apply(&own);
    assert!(faults.is_empty(), "{faults:?}");
    let message = &keys["BODY"]["messages"][0];
    assert_eq!(message["notifyUrl"], "<dlr_url>");
    assert!(
        message["text"].is_string() && keys["BODY"]["messages"].as_array().unwrap().len() == 1,
        "{message}"
    );
}

#[test]
fn own_keys_win_and_parameters_merge_one_by_one() {
    let own = json!({
        "PROFILE": "vonage",
        "PARAMETER": { "api_key": "a", "api_secret": "b", "from": "Me", "type": "unicode", "client-ref": "<id>" },
        "URL": "http://127.0.0.1/x",
        "TIMEOUT": "1,2",
        "VALIDITY_KEY": null,
        "VALIDITY_UNIT": null,
    });
    let (keys, faults) = applied("vonage", own);
    assert!(faults.is_empty(), "{faults:?}");
    assert_eq!(keys["URL"], "http://127.0.0.1/x");
    assert_eq!(keys["TIMEOUT"], "1,2");
    assert_eq!(keys["SMS_TEXT_KEY"], "text");
    assert!(keys.get("VALIDITY_KEY").is_none() && keys.get("PROFILE").is_none());
    let parameters =
        json!({ "api_key": "a", "api_secret": "b", "from": "Me", "type": "unicode", "client-ref": "<id>" });
    assert_eq!(keys["PARAMETER"], parameters);
}

#[test]
fn a_header_is_the_same_in_any_case_and_null_takes_it_away() {
    let own = json!({ "ACCESS_KEY": "k", "PARAMETER": { "originator": "Me", "reference": null },
        "HEADERS": { "authorization": "AccessKey other", "Accept": null, "X-Own": "1" } });
    let (keys, _) = applied("messagebird", own);
    assert_eq!(keys["HEADERS"], json!({ "authorization": "AccessKey other", "X-Own": "1" }));
    assert_eq!(keys["PARAMETER"], json!({ "datacoding": "auto", "originator": "Me" }));
}

#[test]
fn what_stands_in_a_url_is_encoded_and_elsewhere_it_is_not() {
    let from = json!({ "From": "+1" });
    let (keys, _) =
        applied("twilio", json!({ "USERNAME": "AC/..?#{PASSWORD}", "PASSWORD": "p", "PARAMETER": from }));
    assert_eq!(
        keys["URL"],
        "https://api.twilio.com/2010-04-01/Accounts/AC%2F..%3F%23%7BPASSWORD%7D/Messages.json"
    );
    let own = json!({ "API_KEY": "a b/{FROM}", "FROM": "Ümlaut \"x\"", "HOST": "x.api.infobip.com:8443" });
    let (keys, faults) = applied("infobip", own);
    assert!(faults.is_empty(), "{faults:?}");
    assert_eq!(keys["URL"], "https://x.api.infobip.com:8443/sms/2/text/advanced");
    assert_eq!(keys["HEADERS"]["Authorization"], "App a b/{FROM}");
    assert_eq!(keys["BODY"]["messages"][0]["from"], "Ümlaut \"x\"");
}

#[test]
fn the_place_of_an_optional_name_is_left_out() {
    let (keys, faults) = applied("clickatell-platform", json!({ "API_KEY": "k" }));
    assert!(faults.is_empty(), "{faults:?}");
    assert!(keys["BODY"]["messages"][0].get("from").is_none(), "{keys}");
    let (keys, _) = applied("clickatell-platform", json!({ "API_KEY": "k", "FROM": 4711 }));
    assert_eq!(keys["BODY"]["messages"][0]["from"], "4711");
}

#[test]
fn what_is_missing_is_named_with_what_it_is() {
    let (_, faults) =
        applied("twilio", json!({ "PASSWORD": " ", "PARAMETER": { "MessagingServiceSid": "MG1" } }));
    assert_eq!(
        faults,
        [
            "USERNAME: is required by PROFILE twilio: Account SID, begins with AC",
            "PASSWORD: is empty: Auth Token of the account",
        ]
    );
    let (_, faults) = applied("twilio", json!({ "USERNAME": true, "PASSWORD": "p", "PARAMETER": "x" }));
    assert_eq!(faults[0], "USERNAME: a string is expected: Account SID, begins with AC");
    assert!(
        faults[1]
            .starts_with("PARAMETER.From: is required by PROFILE twilio, or PARAMETER.MessagingServiceSid: ")
    );
}

#[test]
fn a_host_is_a_host_alone() {
    for host in ["https://x.api.infobip.com", "x.api.infobip.com/sms", "u:p@host", "x:port", "a b"] {
        let (_, faults) = applied("infobip", json!({ "API_KEY": "k", "FROM": "f", "HOST": host }));
        assert!(faults[0].starts_with("HOST: a host name alone is expected"), "{host}: {faults:?}");
    }
}

#[test]
fn a_slip_in_a_name_of_the_profile_is_understood() {
    let own = json!({ "API_KEYS": "hush", "From": "Me", "HOST": "h.example", "TIMEOUTS": 3 });
    let (keys, faults) = applied("infobip", own);
    assert!(faults.contains(&"API_KEYS: no such key; did you mean API_KEY?".to_owned()), "{faults:?}");
    assert!(faults.contains(&"From: no such key; did you mean FROM?".to_owned()), "{faults:?}");
    assert!(keys.get("API_KEYS").is_none() && keys.get("TIMEOUTS").is_some(), "the reader names the others");
    assert!(!format!("{faults:?}").contains("hush"));
}

#[test]
fn an_unknown_profile_is_refused_with_the_nearest_known_one() {
    for (name, nearest) in [
        ("Twillio", "twilio"),
        ("nexmo", "vonage"),
        ("Bird", "messagebird"),
        ("sms77", "seven"),
        ("clickatel", "clickatell"),
        ("kanel", "kannel"),
    ] {
        let error = Profile::named(name).unwrap_err();
        assert_eq!(error.nearest, nearest, "{name}");
        assert!(error.to_string().contains("mtan gateway list"), "{error}");
    }
}

#[test]
fn the_documentation_has_a_row_for_each() {
    let page = include_str!("../../../../docs/profiles.md");
    let names: Vec<_> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` | ["))
        .map(|(name, rest)| {
            let (title, rest) = rest.split_once("](").unwrap();
            (name, title, rest.split_once(") |").unwrap().0)
        })
        .collect();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    let profiles = Profile::all();
    let expected: Vec<_> =
        profiles.iter().map(|p| (p.name, p.title.as_str(), p.documentation.as_str())).collect();
    assert_eq!(sorted, expected);
}
