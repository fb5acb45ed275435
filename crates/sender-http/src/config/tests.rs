//! What is taken, and what is refused in which words.

mod body;
mod delivery;
mod docs;
mod reply;
pub(crate) mod seed;

use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn config(json: &str) -> HttpConfig {
    HttpConfig::from_json(json, Path::new("")).unwrap_or_else(|faults| panic!("{faults:?}"))
}

/// `key: message` of each fault.
fn faults(json: &str) -> Vec<String> {
    let faults = HttpConfig::from_json(json, Path::new("")).expect_err("it is refused");
    faults.iter().map(|fault| format!("{}: {}", fault.key, fault.message)).collect()
}

fn login(user: &str, password: &str) -> Option<Login> {
    Some(Login { user: user.to_owned(), password: password.to_owned() })
}

/// What the request names one by one.
fn parameters(config: &HttpConfig) -> &Parameters {
    match &config.body {
        Body::Pairs(parameters) | Body::Json(parameters) => parameters,
        Body::JsonTemplate(_) | Body::TextTemplate { .. } => panic!("a template"),
    }
}

fn basic(config: &HttpConfig) -> Option<Login> {
    match &config.auth {
        None => None,
        Some(Auth::Basic(login)) => Some(login.clone()),
        Some(Auth::Digest(_) | Auth::Bearer(_)) => panic!("another AUTH_TYPE"),
    }
}

#[test]
fn a_url_alone_is_enough() {
    let config = config(r#"{"URL":"https://gw.example/send"}"#);
    assert_eq!(config.method, Method::Post);
    let names = parameters(&config);
    assert_eq!((names.text_key.as_str(), names.phone_key.as_str()), ("sms", "phone"));
    assert!(
        matches!(config.reply.success, Success::Status) && config.auth.is_none() && config.proxy.is_none()
    );
    assert_eq!(config.time_outs.connect, Duration::from_secs(5));
    assert_eq!(config.time_outs.total, Duration::from_secs(20));
    assert_eq!(config.ambiguous, UnknownRule::Resend);
    assert!(config.warnings().is_empty());
}

#[test]
fn the_method_is_get_or_post_in_any_case() {
    for (text, method) in
        [("GET", Method::Get), ("get", Method::Get), ("Post", Method::Post), ("POST", Method::Post)]
    {
        assert_eq!(config(&format!(r#"{{"URL":"http://gw","HTTP_Method":"{text}"}}"#)).method, method);
    }
    assert_eq!(
        faults(r#"{"URL":"http://gw","HTTP_Method":"PUT"}"#),
        ["HTTP_Method: GET or POST is expected"]
    );
}

#[test]
fn the_proxy_s_user_and_password_are_percent_decoded() {
    for (text, host, expected) in [
        ("http://user:p%40ss@proxy.example:8080", "proxy.example", login("user", "p@ss")),
        ("http://user:p@ss@proxy.example:8080/", "proxy.example", login("user", "p@ss")),
        ("https://do%3Amain:p%3Aw@proxy.example", "proxy.example", login("do:main", "p:w")),
        ("http://proxy.example:3128", "proxy.example", None),
    ] {
        let proxy = config(&format!(r#"{{"URL":"http://gw","PROXY":"{text}"}}"#)).proxy.unwrap();
        assert_eq!(proxy.url.host_str(), Some(host));
        assert!(proxy.login == expected, "{text}");
        assert!(!proxy.url.as_str().contains('@'));
    }
    let address = "PROXY: an address that begins with http:// or https:// is expected";
    for (text, expected) in [
        (r#""socks5://proxy:1080""#, address),
        (r#""proxy:8080""#, address),
        (r#""""#, address),
        (r#""http://proxy/path""#, "PROXY: nothing is expected behind host and port"),
        (
            r#"{"http":"http://proxy","ftp":"x"}"#,
            "PROXY.ftp: \"http\" and \"https\" are expected, each with an address",
        ),
        (r#"{"https":"proxy"}"#, "PROXY.https: an address that begins with http:// or https:// is expected"),
        ("7", "PROXY: an address, or {\"http\": address, \"https\": address}, is expected"),
    ] {
        assert_eq!(faults(&format!(r#"{{"URL":"http://gw","PROXY":{text}}}"#)), [expected], "{text}");
    }
}

#[test]
fn credentials_come_from_their_keys_or_else_from_the_url() {
    assert!(basic(&config(r#"{"URL":"http://a:b%20c@gw/"}"#)) == login("a", "b c"));
    assert!(basic(&config(r#"{"URL":"http://gw/","USERNAME":"a","PASSWORD":""}"#)) == login("a", ""));
    let both = config(r#"{"URL":"http://x:y@gw/","USERNAME":"a","PASSWORD":"b:c"}"#);
    assert!(basic(&both) == login("a", "b:c"));
    assert_eq!(both.url.as_str(), "http://gw/");
    assert_eq!(both.warnings(), ["USERNAME and PASSWORD win over those in URL"]);
    assert_eq!(faults(r#"{"URL":"http://gw","USERNAME":"a"}"#), ["PASSWORD: is required beside USERNAME"]);
    assert_eq!(faults(r#"{"URL":"http://gw","PASSWORD":"a"}"#), ["USERNAME: is required beside PASSWORD"]);
    assert_eq!(faults(r#"{"URL":"http://gw","USERNAME":"a:b","PASSWORD":"c"}"#).len(), 1);
}

#[test]
fn no_login_holds_a_control_character() {
    for auth_type in ["basic", "digest"] {
        for (key, user, password) in
            [("USERNAME", r"a\nb", "c"), ("PASSWORD", "a", r"b\u0000"), ("USERNAME", r"\u007f", "c")]
        {
            let json = format!(
                r#"{{"URL":"http://gw","AUTH_TYPE":"{auth_type}","USERNAME":"{user}","PASSWORD":"{password}"}}"#
            );
            let expected = "control characters are expected neither in a name nor in a password";
            assert_eq!(faults(&json), [format!("{key}: {expected}")]);
        }
    }
    for (json, key) in [
        (r#"{"URL":"http://a%0Ab:c@gw"}"#, "URL"),
        (r#"{"URL":"http://gw","PROXY":"http://a:b%0D@gw"}"#, "PROXY"),
        (r#"{"URL":"http://gw","PROXY":{"http":"http://a%00:b@gw"}}"#, "PROXY.http"),
    ] {
        let said = faults(json);
        assert!(said.len() == 1 && said[0].starts_with(&format!("{key}: control")), "{said:?}");
    }
}

#[test]
fn parameters_are_strings_numbers_and_truths() {
    let config =
        config(r#"{"URL":"http://gw","PARAMETER":{"s":"x","n":12980436,"f":1.5,"t":true,"sms":"y"}}"#);
    let value = |parameter: &Parameter| match parameter {
        Parameter::Text(template) => template.fixed().unwrap().to_owned(),
        Parameter::Ucs2 => "<text_ucs2>".to_owned(),
        Parameter::Other(value) => value.to_string(),
    };
    let pairs =
        parameters(&config).fixed.iter().map(|(name, parameter)| format!("{name}={}", value(parameter)));
    assert_eq!(pairs.collect::<Vec<_>>(), ["f=1.5", "n=12980436", "s=x", "sms=y", "t=true"]);
    assert_eq!(config.warnings(), ["PARAMETER wins over SMS_TEXT_KEY: both name the parameter sms"]);
    let expected = "a string, a number, true or false is expected";
    assert_eq!(
        faults(r#"{"URL":"http://gw","PARAMETER":{"a":null,"b":[1],"c":{}}}"#),
        [
            format!("PARAMETER.a: {expected}"),
            format!("PARAMETER.b: {expected}"),
            format!("PARAMETER.c: {expected}")
        ]
    );
    assert_eq!(faults(r#"{"URL":"http://gw","PARAMETER":[]}"#), ["PARAMETER: an object {…} is expected"]);
}

#[test]
fn time_outs_are_connect_and_total_seconds() {
    for (text, connect, total) in [
        (r#""5,20""#, 5_000, 20_000),
        (r#"" 0.5 , 2.5 ""#, 500, 2_500),
        ("30", 5_000, 30_000),
        ("4", 2_000, 4_000),
    ] {
        let config = config(&format!(r#"{{"URL":"http://gw","TIMEOUT":{text}}}"#));
        assert_eq!(config.time_outs.connect, Duration::from_millis(connect), "{text}");
        assert_eq!(config.time_outs.total, Duration::from_millis(total), "{text}");
    }
    for text in [
        r#""20,5""#,
        r#""5,5""#,
        r#""0,5""#,
        r#""-1,5""#,
        r#""5""#,
        r#""a,b""#,
        "0",
        "true",
        r#""1,301""#,
        r#""1,NaN""#,
        r#""NaN,1""#,
        r#""1,inf""#,
    ] {
        let faults = faults(&format!(r#"{{"URL":"http://gw","TIMEOUT":{text}}}"#));
        assert!(faults.len() == 1 && faults[0].starts_with("TIMEOUT: "), "{text}: {faults:?}");
    }
}

#[test]
fn the_rule_for_no_answer_has_three_values() {
    for (text, rule) in [
        ("resend", UnknownRule::Resend),
        ("idempotent", UnknownRule::Idempotent),
        ("never", UnknownRule::Never),
    ] {
        assert_eq!(config(&format!(r#"{{"URL":"http://gw","AMBIGUOUS":"{text}"}}"#)).ambiguous, rule);
    }
    assert_eq!(
        faults(r#"{"URL":"http://gw","AMBIGUOUS":"Always"}"#),
        ["AMBIGUOUS: resend, idempotent or never is expected"]
    );
}

#[test]
fn every_mistake_is_named_at_once_and_no_value_is_shown() {
    let json = r#"{"Url":"http://hunter2","HTTP_Method":"hunter2","RETURN_SUCCES":"hunter2","COLOUR":{"x":"hunter2"},
        "SMS_TEXT_KEY":"","PROXY":"ftp://hunter2","USERNAME":"hunter2","TIMEOUT":"hunter2","PARAMETER":{"a":["hunter2"]}}"#;
    let faults = faults(json);
    let keys: Vec<_> = faults.iter().map(|fault| fault.split(':').next().unwrap()).collect();
    assert_eq!(
        keys,
        [
            "COLOUR",
            "RETURN_SUCCES",
            "Url",
            "URL",
            "HTTP_Method",
            "SMS_TEXT_KEY",
            "PARAMETER.a",
            "PASSWORD",
            "PROXY",
            "TIMEOUT"
        ]
    );
    assert!(faults.contains(&"Url: no such key; did you mean URL?".to_owned()));
    assert!(faults.contains(&"RETURN_SUCCES: no such key; did you mean RETURN_SUCCESS?".to_owned()));
    assert!(faults.contains(&"URL: is required".to_owned()));
    assert!(!faults.join("\n").contains("hunter2"));
}

#[test]
fn a_text_that_is_no_json_says_why() {
    assert_eq!(
        faults("{'URL':'http://gw'}"),
        [": no JSON at line 1 column 2: single quotes (') stand where JSON takes the double quote (\") only"]
    );
    assert_eq!(
        faults("{ “URL” : “http://gw”, }"),
        [
            ": no JSON at line 1 column 3: typographic quotes (“ ”) stand where JSON takes the double quote (\") only"
        ]
    );
    assert_eq!(faults("[]"), [": a JSON object {…} is expected"]);
    assert_eq!(faults("{\"URL\":\n hunter2}"), [": no JSON at line 2 column 2"]);
}

#[test]
fn text_and_number_need_names_of_their_own() {
    let same = r#"{"URL":"http://gw","SMS_TEXT_KEY":"x","SMS_PHONENUMBER_KEY":"x"}"#;
    assert_eq!(faults(same), ["SMS_PHONENUMBER_KEY: another name than SMS_TEXT_KEY's is expected"]);
    for url in [r#""""#, r#""gw/send""#, r#""ftp://gw""#, r#""http://""#, r#""mailto:a@b""#, "1"] {
        assert_eq!(faults(&format!(r#"{{"URL":{url}}}"#)).len(), 1, "{url}");
    }
}

#[test]
fn a_configuration_prints_its_host_only() {
    let config =
        config(r#"{"URL":"http://u:hunter2@gw.example/x?key=hunter2","PARAMETER":{"password":"hunter2"}}"#);
    assert_eq!(format!("{config:?}"), r#"HttpConfig { host: Some("gw.example"), .. }"#);
}

/// Words that mean something somewhere, so that more than the first check is reached.
const WORDS: &[&str] = &[
    "json",
    "form",
    "ignore",
    "bearer",
    "digest",
    "GET",
    "iso8601",
    "national:49",
    "/a/b",
    "(x)",
    "<phone><text>",
    "{\"a\":\"<otp><phone>\"}",
    "accepted",
    "retry",
    "4xx",
    "application/x-www-form-urlencoded",
];

fn json_value() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value;
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        "[<>/a-z{}\\[\\]\":~01]{0,12}".prop_map(Value::from),
        proptest::sample::select(WORDS).prop_map(Value::from),
        "https?://[a-z%:@0-9/?#\\[\\].]{0,20}".prop_map(Value::from),
        "[0-9.,a-z]{0,10}".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            proptest::collection::hash_map(".{0,6}|/a|[1-5]xx|content-type|http|certificate", inner, 0..4)
                .prop_map(|map| map.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn no_text_can_panic(text in ".{0,80}") {
        drop(HttpConfig::from_json(&text, Path::new("")));
    }

    #[test]
    fn no_object_can_panic(
        values in proptest::collection::vec((proptest::sample::select(keys::KNOWN.read), json_value()), 0..8),
    ) {
        let object: serde_json::Map<_, _> = values.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        drop(HttpConfig::from_json(&serde_json::Value::from(object).to_string(), Path::new("")));
    }
}
