//! The table of verdicts.

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
fn any_of_kannel_s_two_good_answers_is_one() {
    let kannel = rules(r#""RETURN_SUCCESS":["0: Accepted for delivery","3: Queued for later delivery"],"#);
    for (status, body, expected) in [
        (202, "0: Accepted for delivery", "accepted"),
        (202, "3: Queued for later delivery", "accepted"),
        (403, "Authorization failed for sendsms", "rejected gateway_auth_failed"),
        (503, "Temporal failure, try again later.", "retry gateway_error"),
        (200, "1: ?", "rejected gateway_rejected"),
    ] {
        assert_eq!(means(&kannel, status, body), expected, "{body}");
    }
    let nested = rules(r#""RETURN_SUCCESS":["ID","ID: x-"],"#);
    let Verdict::Accepted { gateway_id, .. } = reply(200, "ID: x-7").verdict(&nested, &job(), now()) else {
        unreachable!()
    };
    assert_eq!(gateway_id.as_deref(), Some("7"), "the longest prefix counts");
}

#[test]
fn regular_expressions_are_searched_and_decide_before_prefixes() {
    let success = rules(r#""RETURN_SUCCESS_REGEX":"sent +to [0-9]+","RETURN_SUCCESS":"never","#);
    let fail = rules(r#""RETURN_FAIL_REGEX":"(?i)error","RETURN_FAIL":"never","#);
    for (rules, status, body, expected) in [
        (&success, 200, "the SMS was sent  to 49\n", "accepted"),
        (&success, 200, "never", "rejected gateway_rejected"),
        (&success, 500, "sent to 49", "unknown no_answer"),
        (&success, 500, "oops", "retry gateway_error"),
        (&success, 302, "oops", "rejected redirect_refused"),
        (&fail, 200, "Some ERROR here", "rejected gateway_rejected"),
        (&fail, 200, "never mind", "accepted"),
        (&fail, 503, "fine", "retry gateway_error"),
        (&fail, 429, "error", "retry gateway_busy"),
    ] {
        assert_eq!(means(rules, status, body), expected, "{status} {body}");
    }
}

#[test]
fn a_json_reply_is_a_success_where_all_pointers_hold() {
    let exists = rules(r#""SUCCESS_JSON":"/messages/0/id","#);
    let equals = rules(r#""SUCCESS_JSON":{"/status":[0,"queued"],"/ok":true},"#);
    for (rules, status, body, expected) in [
        (&exists, 200, r#"{"messages":[{"id":"a"}]}"#, "accepted"),
        (&exists, 200, r#"{"messages":[{"id":0}]}"#, "accepted"),
        (&exists, 200, r#"{"messages":[{"id":null}]}"#, "rejected gateway_rejected"),
        (&exists, 200, r#"{"messages":[]}"#, "rejected gateway_rejected"),
        (&exists, 200, "no JSON", "rejected gateway_rejected"),
        (&exists, 503, "no JSON", "retry gateway_error"),
        (&exists, 503, r#"{"messages":[{"id":"a"}]}"#, "unknown no_answer"),
        (&equals, 200, r#"{"status":"0","ok":true}"#, "accepted"),
        (&equals, 200, r#"{"status":0,"ok":"true"}"#, "accepted"),
        (&equals, 200, r#"{"status":"queued","ok":true}"#, "accepted"),
        (&equals, 200, r#"{"status":"1","ok":true}"#, "rejected gateway_rejected"),
        (&equals, 200, r#"{"status":"0"}"#, "rejected gateway_rejected"),
        (&equals, 200, r#"{"status":["0"],"ok":true}"#, "rejected gateway_rejected"),
    ] {
        assert_eq!(means(rules, status, body), expected, "{status} {body}");
    }
}

#[test]
fn a_status_of_our_own_goes_before_the_usual_one() {
    let own = rules(
        r#""STATUS":{"409":"accepted","4xx":"retry","500":"rejected","501":"accepted"},"RETURN_SUCCESS":"ID","#,
    );
    for (status, body, expected) in [
        (409, "duplicate", "accepted"),
        (404, "?", "retry gateway_busy"),
        (401, "?", "retry gateway_busy"),
        (500, "?", "rejected gateway_rejected"),
        (500, "ID", "unknown no_answer"),
        (501, "ID", "accepted"),
        (502, "?", "retry gateway_error"),
        (200, "?", "rejected gateway_rejected"),
        (200, "ID", "accepted"),
    ] {
        assert_eq!(means(&own, status, body), expected, "{status} {body}");
    }
}

#[test]
fn linotp_s_way_never_looks_at_the_status() {
    let words = rules(r#""STATUS":"ignore","RETURN_SUCCESS":"ID","#);
    let fail = rules(r#""STATUS":"ignore","RETURN_FAIL":"ERR","#);
    for status in [200, 302, 404, 429, 500] {
        assert_eq!(means(&words, status, "ID: 1"), "accepted");
        assert_eq!(means(&words, status, "no"), "rejected gateway_rejected");
        assert_eq!(means(&fail, status, "<html>"), "accepted");
        assert_eq!(means(&fail, status, "ERR"), "rejected gateway_rejected");
    }
}

#[test]
fn a_page_is_no_yes_where_nothing_says_how_a_yes_reads() {
    let page = "\r\n<!DOCTYPE html><html><title>Log in to the guest network</title>";
    for (rules, body, expected) in [
        (rules(""), page, "unknown no_answer"),
        (rules(""), "<HTML>", "unknown no_answer"),
        (fail("ERR"), page, "unknown no_answer"),
        (rules(r#""RETURN_FAIL_REGEX":"err","#), page, "unknown no_answer"),
        (success("ID"), page, "rejected gateway_rejected"),
        (rules(r#""RETURN_SUCCESS_REGEX":"guest","#), page, "accepted"),
        (rules(r#""STATUS":{"200":"accepted"},"#), page, "accepted"),
        (rules(""), "<sms>taken</sms>", "accepted"),
        (rules(""), "OK <html>", "accepted"),
        (rules(""), "", "accepted"),
    ] {
        assert_eq!(means(&rules, 200, body), expected, "{body}");
    }
}

#[test]
fn message_id_finds_the_gateway_s_id() {
    for (keys, body, expected) in [
        (r#""MESSAGE_ID":"/messages/0/id","#, r#"{"messages":[{"id":"a-1"}]}"#, Some("a-1")),
        (r#""MESSAGE_ID":"/id","#, r#"{"id":4711}"#, Some("4711")),
        (r#""MESSAGE_ID":"/id","#, r#"{"id":null}"#, None),
        (r#""MESSAGE_ID":"/id","#, r#"{"id":"a b"}"#, None),
        (r#""MESSAGE_ID":"/id","#, "no JSON", None),
        (r#""MESSAGE_ID":"\"(.+?)\"","#, "Success \"07033084-5cfd\"", Some("07033084-5cfd")),
        (r#""MESSAGE_ID":"id=(\\d+)?","#, "id=", None),
        (r#""MESSAGE_ID":"code=([0-9]+)","#, "code=123456", None),
        (r#""MESSAGE_ID":"no=([0-9]+)","RETURN_SUCCESS":"OK","#, "OK 5 no=6", Some("6")),
    ] {
        let verdict = reply(200, body).verdict(&rules(keys), &job(), now());
        let Verdict::Accepted { gateway_id, .. } = verdict else { panic!("{keys} {body}: {verdict:?}") };
        assert_eq!(gateway_id.as_deref(), expected, "{keys} {body}");
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
