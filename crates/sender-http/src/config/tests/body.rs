//! The keys that make a request.

use super::*;

fn made(keys: &str) -> HttpConfig {
    config(&format!(r#"{{"URL":"http://gw",{keys}}}"#))
}

fn wrong(keys: &str) -> Vec<String> {
    faults(&format!(r#"{{"URL":"http://gw",{keys}}}"#))
}

#[test]
fn a_body_is_a_form_or_json_or_a_template() {
    assert!(matches!(made(r#""BODY":"form""#).body, Body::Pairs(_)));
    assert!(matches!(made(r#""BODY":"JSON""#).body, Body::Json(_)));
    for json in [
        r#"{"to":"<phone>","text":"<text>"}"#,
        r#""{\"to\":\"<phone>\",\"t\":\"<otp>\"}""#,
        r#"["<phone><otp>"]"#,
    ] {
        assert!(matches!(made(&format!(r#""BODY":{json}"#)).body, Body::JsonTemplate(_)), "{json}");
    }
    for (text, kind, warnings) in [
        ("<sms to='<phone>'><text></sms>", TextKind::Xml, 0),
        ("<phone>\\n<text>", TextKind::Plain, 0),
        (" <otp> for <phone>", TextKind::Plain, 0),
        ("to <phone>: <text>", TextKind::Plain, 0),
        ("to=<phone>&text=<text>", TextKind::Plain, 1),
    ] {
        let config = made(&format!(r#""BODY":"{text}""#));
        assert!(matches!(config.body, Body::TextTemplate { kind: own, .. } if own == kind), "{text}");
        assert_eq!(config.warnings().len(), warnings, "{text}");
    }
    let form = r#""BODY":"to=<phone>&text=<text>","HEADERS":{"content-type":"application/x-www-form-urlencoded; charset=utf-8"}"#;
    let form = made(form);
    assert!(
        matches!(form.body, Body::TextTemplate { kind: TextKind::Form, .. }) && form.warnings().is_empty()
    );
}

#[test]
fn a_body_that_makes_no_sms_is_refused() {
    for (keys, expected) in [
        (r#""BODY":"{'to':1}""#, "BODY: it begins like JSON, and is none at its line 1 column 2"),
        (r#""BODY":"{\"a\":\n<text>}""#, "BODY: it begins like JSON, and is none at its line 2 column 1"),
        (r#""BODY":{"text":"<text>"}"#, "BODY: <phone> is expected in it"),
        (r#""BODY":{"to":"<phone>"}"#, "BODY: <text> or <otp> is expected in it"),
        (r#""BODY":"to <phone>""#, "BODY: <text> or <otp> is expected in it"),
        (r#""BODY":"""#, "BODY: \"form\", \"json\" or a template is expected: an object, or a text"),
        (r#""BODY":7"#, "BODY: \"form\", \"json\" or a template is expected: an object, or a text"),
        (
            r#""BODY":"json","HTTP_Method":"GET""#,
            "BODY: a GET has none: \"HTTP_Method\": \"POST\" is expected beside it",
        ),
        (
            r#""BODY":["<phone><otp>"],"PARAMETER":{}"#,
            "PARAMETER: has no place beside a BODY that is a template",
        ),
        (
            r#""BODY":["<phone><otp>",18446744073709551616]"#,
            "BODY: a number of so many digits is expected in quotes, to stay as it is",
        ),
        (
            r#""BODY":["<phone><otp>","<dlr_url>"]"#,
            "BODY: <dlr_url> stands for nothing without the key DLR, which HttpSMSProvider has",
        ),
        (
            r#""BODY":"<phone> <otp>","VALIDITY_KEY":"ttl""#,
            "VALIDITY_KEY: has no place in a BODY that is a text",
        ),
    ] {
        assert_eq!(wrong(keys), [expected], "{keys}");
    }
    let in_header = r#""BODY":{"text":"<text>"},"HEADERS":{"X-To":"<phone>"}"#;
    assert!(matches!(made(in_header).body, Body::JsonTemplate(_)));
}

#[test]
fn headers_that_would_break_the_request_are_refused() {
    let config = made(r#""HEADERS":{"X-Key":"k 1","X-Ref":"<id>","X-N":7,"Content-Type":"text/plain"}"#);
    assert_eq!(config.headers.len(), 4);
    let visible = "visible ASCII characters and single spaces between them are expected";
    for (name, value, expected) in [
        ("X", r#""a\r\nHost: evil""#, visible),
        ("X", r#""a\u0000""#, visible),
        ("X", r#""ü""#, visible),
        ("X", r#"" a""#, visible),
        ("X", "null", "a string, a number, true or false is expected"),
        ("X Y", r#""a""#, "no field can have such a name"),
        ("", r#""a""#, "no field can have such a name"),
        ("X\\r\\nY", r#""a""#, "no field can have such a name"),
        ("Host", r#""a""#, "this field is set by the sender itself"),
        ("content-length", r#""1""#, "this field is set by the sender itself"),
        ("Transfer-Encoding", r#""chunked""#, "this field is set by the sender itself"),
        ("Connection", r#""close""#, "this field is set by the sender itself"),
        ("Proxy-Authorization", r#""a""#, "this field is set by the sender itself"),
    ] {
        let faults = wrong(&format!(r#""HEADERS":{{"{name}":{value}}}"#));
        assert!(faults.len() == 1 && faults[0].ends_with(expected), "{name} {value}: {faults:?}");
    }
    assert_eq!(
        wrong(r#""HEADERS":{"X-A":"1","x-a":"2"}"#),
        ["HEADERS.x-a: is there twice: names of fields have no case"]
    );
    assert_eq!(
        wrong(r#""HEADERS":{"authorization":"App 1"},"USERNAME":"a","PASSWORD":"b""#),
        ["HEADERS.Authorization: one of two is expected: this field, or USERNAME and PASSWORD"]
    );
}

#[test]
fn auth_has_three_types() {
    assert!(matches!(
        made(r#""AUTH_TYPE":"Digest","USERNAME":"a","PASSWORD":"b""#).auth,
        Some(Auth::Digest(_))
    ));
    assert!(matches!(
        made(r#""AUTH_TYPE":"basic","USERNAME":"a","PASSWORD":"b""#).auth,
        Some(Auth::Basic(_))
    ));
    assert!(
        matches!(made(r#""AUTH_TYPE":"bearer","PASSWORD":"t""#).auth, Some(Auth::Bearer(token)) if token == "t")
    );
    for (keys, expected) in [
        (
            r#""AUTH_TYPE":"ntlm","USERNAME":"a","PASSWORD":"b""#,
            "AUTH_TYPE: basic, digest or bearer is expected",
        ),
        (r#""AUTH_TYPE":"digest""#, "AUTH_TYPE: USERNAME and PASSWORD are required beside it"),
        (r#""AUTH_TYPE":"bearer""#, "PASSWORD: is required: with AUTH_TYPE bearer it is the token"),
        (
            r#""AUTH_TYPE":"bearer","PASSWORD":"a b""#,
            "PASSWORD: a token of visible ASCII characters is expected",
        ),
        (
            r#""AUTH_TYPE":"bearer","PASSWORD":"t","USERNAME":"u""#,
            "USERNAME: no name is expected beside AUTH_TYPE bearer: PASSWORD is the token",
        ),
        (r#""AUTH_TYPE":"digest","USERNAME":"a""#, "PASSWORD: is required beside USERNAME"),
    ] {
        assert_eq!(wrong(keys), [expected]);
    }
}

#[test]
fn a_proxy_may_be_named_for_each_scheme() {
    let proxy = r#""PROXY":{"http":"http://plain:1","https":"http://u:p@tls:2"}"#;
    let host = |url: &str| config(&format!(r#"{{"URL":"{url}",{proxy}}}"#)).proxy.unwrap().url.to_string();
    assert_eq!(
        (host("http://gw"), host("https://gw")),
        ("http://plain:1/".to_owned(), "http://tls:2/".to_owned())
    );
    assert!(made(r#""PROXY":{"https":"http://tls:2"}"#).proxy.is_none());
}

#[test]
fn the_life_of_a_code_has_a_name_and_a_unit() {
    let validity = |keys: &str| parameters(&made(keys)).validity.clone();
    assert_eq!(validity(r#""VALIDITY_KEY":"ttl""#), Some(("ttl".to_owned(), ValidityUnit::Seconds)));
    assert_eq!(
        validity(r#""VALIDITY_KEY":"ttl","VALIDITY_UNIT":"Minutes""#),
        Some(("ttl".to_owned(), ValidityUnit::Minutes))
    );
    let pointer = "VALIDITY_KEY: the name of a new member of BODY's object is expected, or a pointer to one (as in /message/ttl)";
    for (keys, expected) in [
        (r#""VALIDITY_UNIT":"seconds""#, "VALIDITY_UNIT: VALIDITY_KEY is required beside it"),
        (
            r#""VALIDITY_KEY":"t","VALIDITY_UNIT":"hours""#,
            "VALIDITY_UNIT: seconds, minutes, milliseconds, timestamp or iso8601 is expected",
        ),
        (r#""VALIDITY_KEY":"""#, "VALIDITY_KEY: the name of a parameter is expected"),
        (r#""VALIDITY_KEY":"sms""#, "VALIDITY_KEY: a name is expected that no other parameter has"),
        (
            r#""VALIDITY_KEY":"x","PARAMETER":{"x":1}"#,
            "VALIDITY_KEY: a name is expected that no other parameter has",
        ),
        (r#""VALIDITY_KEY":"a","BODY":{"a":"<phone><otp>"}"#, pointer),
        (r#""VALIDITY_KEY":"/b/c","BODY":{"a":"<phone><otp>"}"#, pointer),
        (r#""VALIDITY_KEY":"a","BODY":["<phone><otp>"]"#, pointer),
    ] {
        assert_eq!(wrong(keys), [expected], "{keys}");
    }
}

#[test]
fn certificates_without_tls_and_tags_in_a_url_are_noticed() {
    let warnings = made(r#""SERVER_CERTIFICATE":true"#).warnings().to_vec();
    assert_eq!(
        warnings,
        ["SERVER_CERTIFICATE means nothing here: neither URL nor PROXY begins with https://"]
    );
    assert!(config(r#"{"URL":"https://gw","SERVER_CERTIFICATE":true}"#).warnings().is_empty());
    assert!(
        config(r#"{"URL":"https://gw","SERVER_CERTIFICATE":false}"#).warnings()[0].contains("NOT CHECKED")
    );
    assert_eq!(
        faults(r#"{"URL":"http://gw/<phone>"}"#),
        ["URL: no tags are expected here: PARAMETER, HEADERS and BODY take them"]
    );
}
