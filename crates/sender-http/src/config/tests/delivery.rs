//! DLR.

use super::*;
use crate::callback::Place;

const DLR: &str = r#""DLR":{"id":"/a/id","state":"status","delivered":["1","ok"],"undelivered":"2"}"#;

fn with(keys: &str) -> String {
    format!(r#"{{"URL":"http://gw/",{keys}}}"#)
}

#[test]
fn the_url_may_stand_in_a_parameter_a_header_or_a_template() {
    for place in [
        r#""PARAMETER":{"cb":"<dlr_url>"}"#,
        r#""PARAMETER":{"cb":"<dlr_url>?state=%d"},"BODY":"json""#,
        r#""HEADERS":{"X-Callback":"<dlr_url>"}"#,
        r#""BODY":{"to":"<phone>","text":"<text>","callback":{"url":"<dlr_url>"}}"#,
        r#""BODY":"<sms to='<phone>' dlr='<dlr_url>'><text></sms>""#,
    ] {
        let rules = config(&with(&format!("{DLR},{place}"))).callbacks.expect(place);
        assert_eq!(rules.id, Some(Place::Pointer("/a/id".to_owned())));
        assert_eq!(rules.state, Place::Name("status".to_owned()));
        assert_eq!(
            (rules.delivered.join(" "), rules.undelivered.join(" ")),
            ("1 ok".to_owned(), "2".to_owned())
        );
    }
    assert!(config(&with(r#""PARAMETER":{"a":"b"}"#)).callbacks.is_none());
    let answered =
        r#""PARAMETER":{"cb":"<dlr_url>"},"DLR":{"state":"s","delivered":1,"answer":"ACK/Jasmin"}"#;
    assert_eq!(config(&with(answered)).callbacks.unwrap().answer, "ACK/Jasmin");
}

#[test]
fn a_report_that_could_never_come_is_a_mistake() {
    for (keys, key) in [
        (DLR.to_owned(), "DLR: <dlr_url> is expected"),
        (r#""PARAMETER":{"cb":"<dlr_url>"}"#.to_owned(), "PARAMETER.cb: <dlr_url> stands for nothing"),
        (r#""PARAMETER":{"cb":"<dlr_url>"},"DLR":[]"#.to_owned(), "DLR: an object"),
        (r#""PARAMETER":{"cb":"<dlr_url>"},"DLR":{"delivered":"1"}"#.to_owned(), "DLR.state: is required"),
        (
            r#""PARAMETER":{"cb":"<dlr_url>"},"DLR":{"state":"","delivered":"1"}"#.to_owned(),
            "DLR.state: the name",
        ),
        (r#""PARAMETER":{"cb":"<dlr_url>"},"DLR":{"state":"s"}"#.to_owned(), "DLR.delivered: is required"),
        (
            r#""PARAMETER":{"cb":"<dlr_url>"},"DLR":{"state":"s","delivered":"OK","undelivered":["ok"]}"#
                .to_owned(),
            "DLR.undelivered: a state is expected in one",
        ),
        (
            r#""PARAMETER":{"cb":"<dlr_url>"},"DLR":{"state":"s","delivered":"1","status":"2"}"#.to_owned(),
            "DLR.status: no such member",
        ),
    ] {
        let said = faults(&with(&keys));
        assert!(said.len() == 1 && said[0].starts_with(key), "{keys}: {said:?}");
    }
}
