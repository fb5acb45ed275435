//! The table of verdicts.

mod keys;

use proptest::prelude::*;

use super::*;
use crate::config::HttpConfig;

fn job() -> SendJob {
    SendJob::from_json(br#"{"id":"1","to":"+491701234567","text":"Your code is 123456","otp":"123456"}"#)
        .unwrap()
}

fn now() -> Timestamp {
    "2026-11-23T18:15:00Z".parse().unwrap()
}

fn reply(status: u16, body: &str) -> Reply {
    Reply { status, retry_after: None, body: body.as_bytes().to_vec() }
}

/// The rules of a configuration with these keys.
fn rules(keys: &str) -> ReplyRules {
    let json = format!(r#"{{"URL":"http://gw",{keys}"HTTP_Method":"POST"}}"#);
    HttpConfig::from_json(&json, std::path::Path::new("")).unwrap_or_else(|faults| panic!("{faults:?}")).reply
}

fn success(text: &str) -> ReplyRules {
    rules(&format!(r#""RETURN_SUCCESS":"{text}","#))
}

fn fail(text: &str) -> ReplyRules {
    rules(&format!(r#""RETURN_FAIL":"{text}","#))
}

/// `accepted`, or the kind of verdict and its code.
fn means(rules: &ReplyRules, status: u16, body: &str) -> String {
    match reply(status, body).verdict(rules, &job(), now()) {
        Verdict::Accepted { .. } => "accepted".to_owned(),
        Verdict::Retry { code, .. } => format!("retry {code}"),
        Verdict::Rejected { about: About::Gateway, code, .. } => format!("rejected {code}"),
        Verdict::Rejected { about: About::Number, code, .. } => format!("rejected number {code}"),
        Verdict::Rejected { about: About::Job, code, .. } => format!("rejected unfit {code}"),
        Verdict::Unknown { code, .. } => format!("unknown {code}"),
    }
}

#[test]
fn return_success_is_what_the_reply_begins_with() {
    let rule = success("ID");
    for (status, body, expected) in [
        (200, "ID: 4711", "accepted"),
        (200, "ID", "accepted"),
        (202, "ID: 4711", "accepted"),
        (200, "\u{feff}ID: 4711", "accepted"),
        (400, "ID: 4711", "accepted"),
        (200, "ERR: 301", "rejected gateway_rejected"),
        (200, "", "rejected gateway_rejected"),
        (200, " ID", "rejected gateway_rejected"),
        (200, "id: 4711", "rejected gateway_rejected"),
        (200, "no ID", "rejected gateway_rejected"),
        (200, "I", "rejected gateway_rejected"),
        (404, "ERR", "rejected gateway_rejected"),
        (500, "ERR", "retry gateway_error"),
        (429, "ERR", "retry gateway_busy"),
        (302, "moved", "rejected redirect_refused"),
        (500, "ID: 4711", "unknown no_answer"),
    ] {
        assert_eq!(means(&rule, status, body), expected, "{status} {body}");
    }
}

#[test]
fn return_fail_is_what_a_failure_begins_with() {
    let rule = fail("ERR");
    for (status, body, expected) in [
        (200, "ERR: 301", "rejected gateway_rejected"),
        (200, "queued", "accepted"),
        (200, "", "accepted"),
        (200, "an ERR", "accepted"),
        (400, "queued", "rejected gateway_rejected"),
        (503, "ERR", "retry gateway_error"),
        (401, "ERR", "rejected gateway_auth_failed"),
    ] {
        assert_eq!(means(&rule, status, body), expected, "{status} {body}");
    }
}

#[test]
fn without_return_words_the_status_decides() {
    for (statuses, expected) in [
        (&[200, 201, 202, 204][..], "accepted"),
        (&[301, 302, 303, 307, 308, 304], "rejected redirect_refused"),
        (&[401, 403, 407], "rejected gateway_auth_failed"),
        (&[408, 425, 429], "retry gateway_busy"),
        (&[400, 402, 404, 405, 410, 413, 422, 451], "rejected gateway_rejected"),
        (&[500, 502, 503, 504, 599, 999, 101], "retry gateway_error"),
    ] {
        for status in statuses {
            assert_eq!(means(&rules(""), *status, "whatever"), expected, "{status}");
        }
    }
}

#[test]
fn retry_after_takes_seconds_and_dates() {
    for (text, seconds) in [
        ("0", Some(0)),
        ("120", Some(120)),
        (" 7 ", Some(7)),
        ("Mon, 23 Nov 2026 18:16:30 GMT", Some(90)),
        ("Mon, 23 Nov 2026 18:14:30 GMT", Some(0)),
        ("soon", None),
        ("-1", None),
        ("", None),
        ("99999999999999999999999", None),
    ] {
        let reply = Reply { retry_after: Some(text.to_owned()), ..reply(503, "") };
        let Verdict::Retry { after, .. } = reply.verdict(&rules(""), &job(), now()) else { unreachable!() };
        assert_eq!(after, seconds.map(Duration::from_secs), "{text}");
    }
}

#[test]
fn the_gateway_s_id_is_the_one_word_behind_return_success() {
    for (success_text, body, expected) in [
        ("ID", "ID: 4711", Some("4711")),
        ("ID", "ID:4711\r\n", Some("4711")),
        ("ID", "ID=a-b_c.9", Some("a-b_c.9")),
        ("ID: ", "ID: 4711\nTo: 0170", Some("4711")),
        ("ID", "ID", None),
        ("ID", "ID: ", None),
        ("ID", "ID: 4711 To: 491701234567", None),
        ("OK", "OK <b>4711</b>", None),
        ("ID", "ID: 491701234567", None),
        ("ID", "ID: 123456", None),
    ] {
        let Verdict::Accepted { gateway_id, .. } =
            reply(200, body).verdict(&success(success_text), &job(), now())
        else {
            unreachable!()
        };
        assert_eq!(gateway_id.as_deref(), expected, "{body}");
    }
    let endless = format!("ID: {}", "7".repeat(65));
    let verdict = reply(200, &endless).verdict(&success("ID"), &job(), now());
    assert!(matches!(verdict, Verdict::Accepted { gateway_id: None, .. }));
}

#[test]
fn a_detail_shows_the_reply_without_what_it_echoes_of_the_job() {
    let detail = |status, body, rule: &ReplyRules| match reply(status, body).verdict(rule, &job(), now()) {
        Verdict::Accepted { detail, .. }
        | Verdict::Retry { detail, .. }
        | Verdict::Rejected { detail, .. }
        | Verdict::Unknown { detail, .. } => detail.map(|d| d.to_string()).unwrap_or_default(),
    };
    assert_eq!(detail(200, "ID: 4711", &success("ID")), "ID: 4711");
    assert_eq!(detail(503, "", &rules("")), "HTTP 503");
    assert_eq!(
        detail(400, "cannot send 'Your code is 123456' to +491701234567", &rules("")),
        "HTTP 400: cannot send '…' to +…"
    );
    assert_eq!(detail(200, "123456", &rules("")), "");
    assert!(detail(200, &"long ".repeat(50), &fail("long")).chars().count() <= 100);
}

#[test]
fn a_detail_shows_nothing_that_the_configuration_keeps_secret() {
    let keys = r#""URL":"http://url-user:url%20pass@gw/send/TOKEN123?k=query-secret&bare-token","USERNAME":"user-name",
        "PASSWORD":"pw1","PROXY":"http://proxy-user:proxy%3Apass@proxy/","HEADERS":{"X-Api":"header-secret"},
        "UNICODE":{"coding":"coding-secret"},"PARAMETER":{"account":"me","password":"hunter2secret","n":815815,
        "type":"text","say":"greeting <text>"}"#;
    let secrets = [
        "url-user",
        "url%20pass",
        "url pass",
        "TOKEN123",
        "query-secret",
        "bare-token",
        "user-name",
        "pw1",
        "proxy-user",
        "proxy%3Apass",
        "proxy:pass",
        "header-secret",
        "coding-secret",
        "hunter2secret",
        "%68unter2secret",
        "815815",
        "greeting",
        "dXNlci1uYW1lOnB3MQ",
        "cHJveHktdXNlcjpwcm94eTpwYXNz",
    ];
    none_is_shown(keys, &secrets, "type=text me", "type=text me");
}

#[test]
fn a_detail_shows_nothing_of_a_body_s_fixed_strings() {
    let json = r#""URL":"http://gw","BODY":{"auth":{"k":"hunter2"},"to":["<phone>","list-secret"],"text":"<text>","pin":7}"#;
    none_is_shown(json, &["hunter2", "list-secret", "pin: 7"], "to text auth", "to text auth");
    let xml = r#""URL":"http://gw","BODY":"<sms key='k1' account=\"acc-12\"><pass>p w2</pass><message><text></message><to><phone></to><id>id-secret</id></sms>""#;
    none_is_shown(
        xml,
        &["k1", "acc-12", "w2", "id-secret"],
        "message to account sms",
        "message to account sms",
    );
    let form = r#""URL":"http://gw","HEADERS":{"Content-Type":"application/x-www-form-urlencoded"},
        "BODY":"password=h%21u&account=acc-12&to=<phone>&text=<text>""#;
    none_is_shown(form, &["h!u", "h%21u", "acc-12"], "password account", "password account");
}

/// Of `before` and each secret only `left` is in the detail, and no secret is taken for an id.
fn none_is_shown(keys: &str, secrets: &[&str], before: &str, left: &str) {
    let json = format!("{{{keys},\"RETURN_SUCCESS\":\"ID\"}}");
    let config = HttpConfig::from_json(&json, std::path::Path::new("")).unwrap_or_else(|f| panic!("{f:?}"));
    for secret in secrets {
        let refused = reply(403, &format!("{before} <{secret}>")).verdict(&config.reply, &job(), now());
        let Verdict::Rejected { detail: Some(detail), .. } = refused else { panic!("{refused:?}") };
        let shown = detail.as_str().trim_end_matches(['>', '…', '<', ' ', '=', '!']);
        let shown = shown.strip_suffix(" <pin:").unwrap_or(shown);
        assert_eq!(shown, format!("HTTP 403: {left}"), "{secret}");
        let accepted = reply(200, &format!("ID: {secret}")).verdict(&config.reply, &job(), now());
        assert!(matches!(accepted, Verdict::Accepted { gateway_id: None, .. }), "{secret}: {accepted:?}");
    }
}

proptest! {
    #[test]
    fn no_reply_can_panic_or_give_the_code_away(
        status in 100_u16..1000, body in proptest::collection::vec(any::<u8>(), 0..300),
        echo in any::<bool>(), retry_after in proptest::option::of(".{0,40}"), rule in "[A-Z]{1,2}",
    ) {
        let mut bytes = rule.clone().into_bytes();
        if echo {
            bytes.extend_from_slice(b" 123456 ");
        }
        bytes.extend(body);
        let reply = Reply { status, retry_after, body: bytes };
        let others = [
            rules(""),
            rules(r#""RETURN_SUCCESS_REGEX":"[0-9]+","MESSAGE_ID":"([0-9]+)","#),
            rules(r#""RETURN_FAIL_REGEX":"E","MESSAGE_ID":"/id","STATUS":{"4xx":"accepted"},"#),
            rules(r#""SUCCESS_JSON":{"/id":"123456"},"#),
            rules(r#""RETURN_FAIL":"E","STATUS":"ignore","#),
        ];
        for success in [success(&rule), fail(&rule)].iter().chain(&others) {
            let shown = format!("{:?}", reply.verdict(success, &job(), now()));
            prop_assert!(!shown.contains("123456"), "{shown}");
        }
    }
}
