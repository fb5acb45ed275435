//! What a request looks like.

use super::*;
use crate::config::seed_samples;
use proptest::prelude::*;

fn job(text: &str, otp: Option<&str>) -> SendJob {
    let body = serde_json::json!({ "id": "job-1", "to": "+491701234567", "text": text, "otp": otp });
    SendJob::from_json(body.to_string().as_bytes()).unwrap()
}

fn config(json: &str) -> HttpConfig {
    HttpConfig::from_json(json, std::path::Path::new("")).unwrap_or_else(|faults| panic!("{faults:?}"))
}

/// Five minutes and half a second are left.
fn life() -> Life {
    let now: jiff::Timestamp = "2026-11-23T18:15:00.250Z".parse().unwrap();
    Life { now, deadline: now + std::time::Duration::from_millis(300_500) }
}

fn built(json: &str, job: &SendJob) -> Request {
    build(&config(json), job, life(), None).unwrap()
}

/// The body of a POST with these keys.
fn body(keys: &str, job: &SendJob) -> String {
    built(&format!(r#"{{"URL":"http://gw/",{keys}}}"#), job).body.unwrap()
}

#[test]
fn without_a_method_it_is_a_post_with_the_default_names() {
    let request = built(r#"{"URL":"http://gw/?a=1"}"#, &job("hello", None));
    assert_eq!(request.url.as_str(), "http://gw/?a=1");
    assert_eq!(request.body.as_deref(), Some("phone=%2B491701234567&sms=hello"));
}

#[test]
fn a_query_of_the_url_is_kept_as_it_is() {
    for (url, expected) in [
        ("http://gw/send?a=%C3%A4+1", "a=%C3%A4+1&phone=%2B491701234567&sms=x"),
        ("http://gw/send?", "phone=%2B491701234567&sms=x"),
        ("http://gw/send?a=1&", "a=1&phone=%2B491701234567&sms=x"),
        ("http://gw/send#top", "phone=%2B491701234567&sms=x"),
    ] {
        let config = format!(r#"{{"URL":"{url}","HTTP_Method":"get"}}"#);
        assert_eq!(built(&config, &job("x", None)).url.query(), Some(expected), "{url}");
    }
}

#[test]
fn every_character_of_a_text_is_text() {
    let request = built(r#"{"URL":"http://gw/"}"#, &job("1+1 & ä=\"€\"\r\n<phone>%20#;'/", None));
    assert_eq!(
        request.body.unwrap().split_once("sms=").unwrap().1,
        "1%2B1%20%26%20%C3%A4%3D%22%E2%82%AC%22%0D%0A%3Cphone%3E%2520%23%3B%27%2F"
    );
}

#[test]
fn parameter_wins_over_an_equal_name() {
    let request =
        built(r#"{"URL":"http://gw/","PARAMETER":{"sms":"fixed","n":7,"t":true}}"#, &job("x", None));
    assert_eq!(request.body.as_deref(), Some("n=7&sms=fixed&t=true&phone=%2B491701234567"));
}

#[test]
fn tags_in_fixed_parameters_are_filled_in_once() {
    let config = r#"{"URL":"http://gw/","PARAMETER":{"ref":"<id>","code":"<otp>","x":"a<b <text>!<phone>"}}"#;
    let form = |job| built(config, &job).body.unwrap();
    let text = "say <otp> & <id>";
    assert!(form(job(text, Some("042"))).starts_with(
        "code=042&ref=job-1&x=a%3Cb%20say%20%3Cotp%3E%20%26%20%3Cid%3E%21%2B491701234567&phone="
    ));
    assert!(form(job("bare", None)).starts_with("code=bare&"));
}

#[test]
fn the_seed_s_samples_are_these_gets() {
    let urls: Vec<_> = seed_samples()
        .into_iter()
        .map(|sample| {
            let request = built(sample, &job("123456", None));
            assert!(request.body.is_none() && request.headers.is_empty());
            request.url.to_string()
        })
        .collect();
    assert_eq!(
        urls,
        [
            "http://smsgateway.com/sms_send_api.cgi?account=company_ltd&from=0170111111&password=yoursecret&\
             sender=name&destination=%2B491701234567&text=123456",
            "http://api.clickatell.com/http/sendmsg?api_id=12980436&password=askme&user=username&\
             to=%2B491701234567&text=123456",
        ]
    );
}

/// Quotes, ends of lines, tags and entities, each of which ends a value somewhere.
const NASTY: &str = "\"'</text>&amp;\\<phone>\r\n+1 %41{}[]€😀,\"x\":1";

#[test]
fn json_is_one_flat_object_and_a_code_stays_a_string() {
    let keys = r#""BODY":"json","PARAMETER":{"n":7,"t":true,"big":18446744073709551615,"code":"<otp>","from":"00123"}"#;
    assert_eq!(
        body(keys, &job("Code 042", Some("042"))),
        r#"{"big":18446744073709551615,"code":"042","from":"00123","n":7,"phone":"+491701234567","sms":"Code 042","t":true}"#
    );
    let sent: Value = serde_json::from_str(&body(r#""BODY":"json""#, &job(NASTY, None))).unwrap();
    assert_eq!(sent["sms"], NASTY);
}

#[test]
fn a_json_template_keeps_its_shape_whatever_the_text_is() {
    let keys = r#""BODY":{"to":["<phone>"],"m":{"body":"[<text>]","code":"<otp>","ref":"<id>","flash":false,"n":1},"<phone>":null}"#;
    for text in [NASTY, "007", "plain"] {
        let sent: Value = serde_json::from_str(&body(keys, &job(text, Some("007")))).unwrap();
        let expected = serde_json::json!({
            "to": ["+491701234567"],
            "m": { "body": format!("[{text}]"), "code": "007", "ref": "job-1", "flash": false, "n": 1 },
            "+491701234567": null,
        });
        assert_eq!(sent, expected, "{text}");
    }
    let as_text = r#""BODY":"{\"to\":\"<phone>\",\"text\":\"<text>\"}""#;
    let sent: Value = serde_json::from_str(&body(as_text, &job(NASTY, None))).unwrap();
    assert_eq!(sent["text"], NASTY);
}

#[test]
fn a_text_template_is_escaped_for_what_it_is() {
    let job = job(NASTY, None);
    assert_eq!(
        body(r#""BODY":"<sms to=\"<phone>\"><text ><text></text></sms>""#, &job),
        "<sms to=\"+491701234567\"><text >&quot;&apos;&lt;/text&gt;&amp;amp;\\&lt;phone&gt;&#13;&#10;+1 %41{}[]€😀,\
         &quot;x&quot;:1</text></sms>"
    );
    assert_eq!(body(r#""BODY":"to <phone>: <text>""#, &job), format!("to +491701234567: {NASTY}"));
    let form =
        r#""HEADERS":{"Content-Type":"application/x-www-form-urlencoded"},"BODY":"to=<phone>&m=<text>""#;
    let form = body(form, &job);
    let pairs: Vec<_> = url::form_urlencoded::parse(form.as_bytes()).into_owned().collect();
    let own = |n: &str, v: &str| (n.to_owned(), v.to_owned());
    assert_eq!(pairs, [own("to", "+491701234567"), own("m", NASTY)]);
}

#[test]
fn the_content_type_is_the_body_s_unless_a_header_says_otherwise() {
    let content_type = |keys: &str| {
        let request = built(&format!(r#"{{"URL":"http://gw/",{keys}}}"#), &job("x", None));
        let of = |(name, value): &(HeaderName, HeaderValue)| {
            (name == CONTENT_TYPE).then(|| value.to_str().unwrap().to_owned())
        };
        let all: Vec<_> = request.headers.iter().filter_map(of).collect();
        all.join(" and ")
    };
    for (keys, expected) in [
        (r#""BODY":"form""#, "application/x-www-form-urlencoded"),
        (r#""BODY":"json""#, "application/json"),
        (r#""BODY":{"a":"<phone><otp>"}"#, "application/json"),
        (r#""BODY":"<a><phone><otp></a>""#, "application/xml; charset=utf-8"),
        (r#""BODY":"<phone> <otp>""#, "text/plain; charset=utf-8"),
        (r#""BODY":"json","HEADERS":{"content-type":"application/vnd.x+json"}"#, "application/vnd.x+json"),
        (r#""HTTP_Method":"GET""#, ""),
    ] {
        assert_eq!(content_type(keys), expected, "{keys}");
    }
}

#[test]
fn no_text_can_begin_a_header_of_its_own() {
    let keys = r#"{"URL":"http://gw/","HEADERS":{"X-Text":"<text>","X-Key":"k: <otp>!"}}"#;
    for (text, expected) in [
        ("Your code is 123456", "Your code is 123456"),
        ("x\r\nHost: evil", "x%0D%0AHost: evil"),
        ("100% ü€😀", "100%25 %C3%BC%E2%82%AC%F0%9F%98%80"),
        ("  both ends  ", "%20%20both ends%20%20"),
        (" ", "%20"),
        ("a<phone>+\"", "a<phone>+\""),
    ] {
        let request = built(keys, &job(text, Some("0\n7")));
        let value = |name: &str| {
            let (_, value) = request.headers.iter().find(|(known, _)| known == name).unwrap();
            assert!(value.is_sensitive());
            value.to_str().unwrap().to_owned()
        };
        assert_eq!(value("x-text"), expected);
        assert_eq!(value("x-key"), "k: 0%0A7!");
        let decoded = percent_encoding::percent_decode_str(expected).decode_utf8().unwrap();
        assert_eq!(decoded, text, "nothing is lost");
    }
}

#[test]
fn the_number_is_in_the_gateway_s_form_everywhere() {
    let keys = r#""NUMBER_FORMAT":"00","PARAMETER":{"copy":"<phone>"}"#;
    assert_eq!(body(keys, &job("x", None)), "copy=00491701234567&phone=00491701234567&sms=x");
    let keys = r#""MSISDN":true,"BODY":{"to":"<phone>","t":"<text>"}"#;
    assert_eq!(body(keys, &job("x", None)), r#"{"t":"x","to":"491701234567"}"#);
}

#[test]
fn the_gateway_is_told_how_long_the_code_lives_rounded_down() {
    for (unit, form, json) in [
        ("seconds", "300", "300"),
        ("minutes", "5", "5"),
        ("milliseconds", "300500", "300500"),
        ("timestamp", "1795457997", "1795457997"),
        ("iso8601", "2026-11-23T18%3A20%3A00Z", "\"2026-11-23T18:20:00Z\""),
    ] {
        let keys = format!(r#""VALIDITY_KEY":"ttl","VALIDITY_UNIT":"{unit}""#);
        let form = form.replace("1795457997", &life().deadline.as_second().to_string());
        let json = json.replace("1795457997", &life().deadline.as_second().to_string());
        assert_eq!(body(&keys, &job("x", None)), format!("phone=%2B491701234567&sms=x&ttl={form}"));
        let flat = body(&format!(r#"{keys},"BODY":"json""#), &job("x", None));
        assert_eq!(flat, format!(r#"{{"phone":"+491701234567","sms":"x","ttl":{json}}}"#));
        let nested = body(
            &format!(
                r#""VALIDITY_KEY":"/m/0/ttl","VALIDITY_UNIT":"{unit}","BODY":{{"m":[{{"t":"<phone><otp>"}}]}}"#
            ),
            &job("x", None),
        );
        assert_eq!(nested, format!(r#"{{"m":[{{"t":"+491701234567x","ttl":{json}}}]}}"#));
    }
}

#[test]
fn a_code_with_less_than_a_unit_left_is_not_sent() {
    for (unit, milliseconds, sent) in [
        ("seconds", 1000, true),
        ("seconds", 999, false),
        ("minutes", 60_000, true),
        ("minutes", 59_999, false),
        ("milliseconds", 0, false),
        ("timestamp", 999, false),
        ("iso8601", 1000, true),
    ] {
        for body in ["\"form\"", "\"json\"", "{\"a\":\"<phone><otp>\"}"] {
            let keys = format!(
                r#"{{"URL":"http://gw","VALIDITY_KEY":"ttl","VALIDITY_UNIT":"{unit}","BODY":{body}}}"#
            );
            let now = life().now;
            let life = Life { now, deadline: now + std::time::Duration::from_millis(milliseconds) };
            assert_eq!(
                build(&config(&keys), &job("x", None), life, None).is_ok(),
                sent,
                "{unit} {milliseconds}"
            );
        }
    }
}

proptest! {
    #[test]
    fn a_text_comes_out_of_the_encoding_as_it_went_in(text in "[^\\p{Cc}]{1,60}", name in "[^\\p{Cc}]{1,20}") {
        prop_assume!(name != "phone" && name != "sms");
        let config = serde_json::json!({ "URL": "http://gw/", "PARAMETER": { &name: "<text>" } }).to_string();
        let request = built(&config, &job(&text, None));
        let form = request.body.unwrap();
        let pairs: Vec<_> = url::form_urlencoded::parse(form.as_bytes()).into_owned().collect();
        let own = |n: &str, v: &str| (n.to_owned(), v.to_owned());
        prop_assert_eq!(pairs, [own(&name, &text), own("phone", "+491701234567"), own("sms", &text)]);
    }

    #[test]
    fn a_text_comes_out_of_json_and_xml_as_it_went_in(text in "[^\\p{Cc}]{1,60}") {
        let json = body(r#""BODY":{"a":"x<text>","b":"<phone>"}"#, &job(&text, None));
        let json: Value = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(&json["a"], &Value::from(format!("x{text}")));
        let xml = body(r#""BODY":"<a b=\"<phone>\"><text></a>""#, &job(&text, None));
        let inner = xml.strip_prefix("<a b=\"+491701234567\">").unwrap().strip_suffix("</a>").unwrap();
        prop_assert!(!inner.contains(['<', '>', '"', '\'']));
        let plain = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")]
            .iter()
            .fold(inner.to_owned(), |text, (entity, c)| text.replace(entity, c));
        prop_assert_eq!(plain, text);
    }
}

#[test]
fn without_a_url_for_reports_the_gateway_is_told_none() {
    let keys = r#"{"URL":"http://gw/","PARAMETER":{"cb":"<dlr_url>?s=%d","from":"a"},"HEADERS":{"X-Cb":"<dlr_url>"},
        "DLR":{"state":"s","delivered":"1"}}"#;
    let told = build(&config(keys), &job("x", None), life(), Some("http://me/dlr/p/j/t")).unwrap();
    let body = told.body.unwrap();
    assert!(body.starts_with("cb=http%3A%2F%2Fme%2Fdlr%2Fp%2Fj%2Ft%3Fs%3D%25d&from=a&"), "{body}");
    assert_eq!(told.headers.iter().filter(|(name, _)| name == "x-cb").count(), 1);
    let untold = build(&config(keys), &job("x", None), life(), None).unwrap();
    assert!(
        untold.body.unwrap().starts_with("from=a&") && !untold.headers.iter().any(|(name, _)| name == "x-cb")
    );
}

#[test]
fn without_a_callback_s_url_what_holds_it_is_left_out_of_json_too() {
    let keys = r#"{"URL":"http://gw/","DLR":{"state":"s","delivered":"1"},"BODY":{"to":["<phone>","<dlr_url>"],"t":"<text>",
        "cb":"<dlr_url>?s=%d","deep":[{"u":"<dlr_url>","n":1}],"<dlr_url>":2}}"#;
    let body = |url| {
        let body = build(&config(keys), &job("x", None), life(), url).unwrap().body.unwrap();
        serde_json::from_str::<Value>(&body).unwrap()
    };
    let to = "+491701234567";
    assert_eq!(body(None), serde_json::json!({ "to": [to], "t": "x", "deep": [{ "n": 1 }] }));
    assert_eq!(
        body(Some("u")),
        serde_json::json!({ "to": [to, "u"], "t": "x", "cb": "u?s=%d", "deep": [{ "u": "u", "n": 1 }], "u": 2 })
    );
}

#[test]
fn without_a_callback_s_url_unicode_leaves_it_out_too() {
    let keys = r#"{"URL":"http://gw/","DLR":{"state":"s","delivered":"1"},"PARAMETER":{"cb":"<dlr_url>"},
        "UNICODE":{"cb":"<dlr_url>?u=1","c":"8"}}"#;
    let body = |url| build(&config(keys), &job("🔒", None), life(), url).unwrap().body.unwrap();
    assert!(!body(None).contains("cb=") && body(None).ends_with("&c=8"), "{}", body(None));
    assert!(body(Some("u")).contains("cb=u%3Fu%3D1"), "{}", body(Some("u")));
}
