//! What each key makes of a reply.

use super::*;

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
