//! What is taken, and what is refused in which words.

use serde_json::{Value, json};

use super::*;

/// The least that is needed, with `keys` over it; `null` takes a key away.
fn text(keys: Value) -> String {
    let mut config = json!({ "mailserver": "mail.example", "mailsender": "a@b", "mailto": "<phone>@gw" });
    let object = config.as_object_mut().unwrap();
    for (key, value) in keys.as_object().unwrap() {
        object.insert(key.clone(), value.clone());
        object.retain(|_, value| !value.is_null());
    }
    config.to_string()
}

fn config(keys: Value) -> SmtpConfig {
    let read = SmtpConfig::from_json(&text(keys), Path::new("/nowhere"));
    read.unwrap_or_else(|faults| panic!("{faults:?}"))
}

/// `key: message` of each fault.
fn faults(keys: Value) -> Vec<String> {
    let faults = SmtpConfig::from_json(&text(keys), Path::new("/nowhere")).expect_err("it is refused");
    faults.iter().map(|fault| format!("{}: {}", fault.key, fault.message)).collect()
}

#[test]
fn server_sender_and_recipient_are_enough() {
    let config = config(json!({}));
    assert_eq!((config.host.as_str(), config.port), ("mail.example", 25));
    assert!(matches!(config.security, Security::None) && config.login.is_none());
    assert_eq!((config.charset, config.encoding), (Charset::UTF_8, Encoding::Auto));
    assert_eq!((config.connect_time_out.as_secs(), config.total_time_out.as_secs()), (5, 20));
    assert_eq!(config.ambiguous, UnknownRule::Resend);
    assert_eq!(config.warnings(), ["codes travel unencrypted to mailserver: set start_tls or use_ssl"]);
}

#[test]
fn the_port_follows_the_tls_unless_it_is_named() {
    for (keys, port) in [
        (json!({}), 25),
        (json!({ "start_tls": true }), 587),
        (json!({ "start_tls": "True" }), 587),
        (json!({ "use_ssl": "true" }), 465),
        (json!({ "use_ssl": true, "start_tls": "False" }), 465),
        (json!({ "mailserver": "mail.example:2525" }), 2525),
        (json!({ "mailserver": "[::1]:2525", "use_ssl": true }), 2525),
        (json!({ "mailserver_port": 26 }), 26),
        (json!({ "mailserver_port": "26" }), 26),
    ] {
        assert_eq!(config(keys.clone()).port, port, "{keys}");
    }
}

#[test]
fn every_mistake_is_told_at_once() {
    let wrong = json!({
        "mailserver": "smtp://mail", "mailsender": "Me <a@b>", "mailto": "gw", "mailuser": "u", "start_tls": true,
        "use_ssl": true, "subject": 7, "body": "no tag", "charset": "utf-16", "encoding": "9bit", "TIMEOUT": "20,5",
        "MSISDN": "yes", "AMBIGUOUS": "perhaps", "Subject": "x", "mailserver_port": 0,
    });
    let keys: Vec<String> =
        faults(wrong).iter().map(|fault| fault.split(':').next().unwrap().to_owned()).collect();
    let mut sorted = keys.clone();
    sorted.sort();
    assert_eq!(
        sorted,
        [
            "AMBIGUOUS",
            "MSISDN",
            "Subject",
            "TIMEOUT",
            "body",
            "charset",
            "encoding",
            "mailpassword",
            "mailsender",
            "mailserver",
            "mailserver_port",
            "mailto",
            "subject",
            "use_ssl",
        ]
    );
}

#[test]
fn each_mistake_has_its_words() {
    for (keys, expected) in [
        (json!({ "mailserver": null }), "mailserver: is required"),
        (json!({ "mailsender": null }), "mailsender: is required"),
        (json!({ "mailto": null }), "mailto: is required"),
        (json!({ "mailserver": 7 }), "mailserver: a string is expected"),
        (
            json!({ "mailserver": "m:99999" }),
            "mailserver: host or host:port is expected, as in mail.example.com:587",
        ),
        (
            json!({ "mailserver": "m:25", "mailserver_port": 26 }),
            "mailserver_port: mailserver has a port already",
        ),
        (
            json!({ "mailsender": "<a@b>" }),
            "mailsender: a bare mail address is expected, as in mtan@example.com",
        ),
        (
            json!({ "mailto": "x@<phone>.gw" }),
            "mailto: a bare mail address is expected, as in sms@gateway.example or <phone>@gateway.example",
        ),
        (json!({ "mailto": "<otp>@gw" }), "mailto: only <phone> is filled in here"),
        (
            json!({ "mailto": "sms@gw" }),
            "mailto: <phone> is expected in mailto, subject or body: the gateway needs the number",
        ),
        (
            json!({ "body": "hello" }),
            "body: <otp> or <text> is expected in subject or body: the SMS would say nothing",
        ),
        (json!({ "mailuser": "u" }), "mailpassword: is required beside mailuser"),
        (json!({ "mailpassword": "p" }), "mailuser: is required beside mailpassword"),
        (
            json!({ "mailuser": "u", "mailpassword": "p\n" }),
            "mailpassword: no control characters are expected",
        ),
        (
            json!({ "start_tls": true, "use_ssl": true }),
            "use_ssl: one of start_tls and use_ssl is expected: TLS comes later, or first",
        ),
        (json!({ "keyfile": "k", "use_ssl": true }), "certfile: is required beside keyfile"),
        (
            json!({ "charset": "utf-16" }),
            "charset: utf-8, us-ascii, iso-8859-1, windows-1252 or another with ASCII in it is expected",
        ),
        (
            json!({ "encoding": "7bit", "body": "für <otp>" }),
            "body: has characters, or lines, that charset and encoding do not take",
        ),
        (
            json!({ "charset": "iso-8859-1", "subject": "€ <phone>" }),
            "subject: has characters, or lines, that charset and encoding do not take",
        ),
        (json!({ "body": "\u{0}<otp>" }), "body: no control characters but line ends are expected"),
        (json!({ "mailServer": "m" }), "mailServer: no such key; did you mean mailserver?"),
        (json!({ "starttls": true }), "starttls: no such key; did you mean start_tls?"),
    ] {
        assert_eq!(faults(keys.clone()), [expected], "{keys}");
    }
}

#[test]
fn a_file_that_is_none_is_named_by_its_key() {
    for key in ["SERVER_CERTIFICATE", "certfile"] {
        let faults = faults(json!({ "use_ssl": true, key: "hunter2.pem" }));
        assert!(
            !faults.is_empty()
                && faults.iter().all(|fault| fault.starts_with(&format!("{key}: the file cannot")))
        );
        assert!(!faults.concat().contains("hunter2"), "{faults:?}");
    }
}

#[test]
fn number_and_code_may_stand_wherever_the_gateway_wants_them() {
    for keys in [
        json!({ "mailto": "sms@gw", "subject": "<phone>" }),
        json!({ "mailto": "sms@gw", "body": "<phone> <otp>" }),
        json!({ "subject": "<otp>", "body": "see above" }),
        json!({ "subject": "<phone>", "body": "<text>" }),
        json!({ "mailto": "sms+<phone>@gw" }),
    ] {
        config(keys);
    }
}

#[test]
fn what_is_empty_is_no_login() {
    assert!(config(json!({ "mailuser": "", "mailpassword": "" })).login.is_none());
    let login = config(json!({ "mailuser": "u", "mailpassword": 1234 })).login.unwrap();
    assert_eq!((login.user.as_str(), login.password.as_str()), ("u", "1234"));
}

#[test]
fn what_looks_like_a_mistake_is_warned_about() {
    let here = json!({ "mailserver": "127.0.0.1" });
    let with = |keys: Value| {
        let mut all = here.clone();
        all.as_object_mut().unwrap().extend(keys.as_object().unwrap().clone());
        config(all).warnings().to_vec()
    };
    assert!(with(json!({})).is_empty(), "on this machine nobody listens");
    assert!(with(json!({ "mailuser": "u", "mailpassword": "p" })).is_empty());
    assert_eq!(
        with(json!({ "mailserver": "mail.example", "mailuser": "u", "mailpassword": "p" })),
        ["codes, mailuser and mailpassword travel unencrypted to mailserver: set start_tls or use_ssl"]
    );
    assert!(with(json!({ "mailserver": "127.0.0.1:465" }))[0].starts_with("servers on port 465 speak TLS"));
    assert_eq!(with(json!({ "certfile": "x" })), ["certfile changes nothing without start_tls or use_ssl"]);
    assert!(with(json!({ "use_ssl": true, "SERVER_CERTIFICATE": false }))[0].contains("NOT CHECKED"));
    assert_eq!(
        with(json!({ "raise_exception": true })),
        ["raise_exception is LinOTP's and changes nothing here"]
    );
    assert_eq!(
        with(json!({ "encoding": "7bit", "charset": "latin1" })),
        ["charset changes nothing beside 7bit, which takes ASCII alone"]
    );
}

#[test]
fn the_example_of_the_documentation_loads() {
    let docs = include_str!("../../../../docs/gateways.md");
    let (_, section) = docs.split_once("## Gateways that take mail").unwrap();
    let (_, example) = section.split_once("SMSProviderConfig = '''").unwrap();
    let (example, _) = example.split_once("'''").unwrap();
    let config = SmtpConfig::from_json(example, Path::new("/nowhere")).unwrap();
    assert_eq!((config.host.as_str(), config.port, config.warnings()), ("smtp.example.com", 587, &[][..]));
    for key in super::read::KNOWN.read {
        assert!(section.contains(&format!("`{key}`")) || section.contains(&format!("\"{key}\"")), "{key}");
    }
}
