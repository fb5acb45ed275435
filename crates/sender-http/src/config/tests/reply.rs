//! The keys that judge a reply.

use super::*;

fn rules(keys: &str) -> (ReplyRules, Vec<String>) {
    let config = config(&format!(r#"{{"URL":"http://gw",{keys}}}"#));
    let warnings = config.warnings().to_vec();
    (config.reply, warnings)
}

fn wrong(keys: &str) -> Vec<String> {
    faults(&format!(r#"{{"URL":"http://gw",{keys}}}"#))
}

#[test]
fn the_first_key_of_linotp_s_order_decides_and_the_others_are_named() {
    let all = [
        (r#""RETURN_SUCCESS_REGEX":"ok""#, "RETURN_SUCCESS_REGEX"),
        (r#""RETURN_FAIL_REGEX":"err""#, "RETURN_FAIL_REGEX"),
        (r#""RETURN_SUCCESS":"ID""#, "RETURN_SUCCESS"),
        (r#""RETURN_FAIL":"ERR""#, "RETURN_FAIL"),
        (r#""SUCCESS_JSON":"/id""#, "SUCCESS_JSON"),
    ];
    for first in 0..all.len() {
        let keys: Vec<_> = all[first..].iter().map(|(json, _)| *json).collect();
        let (rules, warnings) = rules(&keys.join(","));
        let expected: Vec<_> = all[first + 1..]
            .iter()
            .map(|(_, name)| format!("{name} is not evaluated beside {}", all[first].1))
            .collect();
        assert_eq!(warnings, expected);
        assert!(match (first, rules.success) {
            (0, Success::Matches(regex)) => regex.as_str() == "ok",
            (1, Success::MatchesNot(regex)) => regex.as_str() == "err",
            (2, Success::BeginsWith(words)) => words == ["ID"],
            (3, Success::BeginsNotWith(words)) => words == ["ERR"],
            (4, Success::Json(rules)) =>
                rules == [JsonRule { pointer: "/id".to_owned(), any_of: Vec::new() }],
            _ => false,
        });
    }
}

#[test]
fn words_are_one_or_a_list() {
    let (kannel, _) =
        rules(r#""RETURN_SUCCESS":["0: Accepted for delivery","3: Queued for later delivery"]"#);
    assert!(matches!(kannel.success, Success::BeginsWith(words) if words.len() == 2));
    assert!(
        matches!(rules(r#""RETURN_FAIL":["E","F"]"#).0.success, Success::BeginsNotWith(words) if words.len() == 2)
    );
    assert_eq!(rules(r#""RETURN_SUCCESS":"""#).1, ["RETURN_SUCCESS is empty: every reply begins with it"]);
    for (keys, expected) in [
        (r#""RETURN_SUCCESS":[]"#, "RETURN_SUCCESS: a string or a list of strings is expected"),
        (r#""RETURN_SUCCESS":["a",1]"#, "RETURN_SUCCESS: a string or a list of strings is expected"),
        (r#""RETURN_FAIL":"""#, "RETURN_FAIL: a text is expected: every reply begins with the empty one"),
        (
            r#""RETURN_FAIL":["a",""]"#,
            "RETURN_FAIL: a text is expected: every reply begins with the empty one",
        ),
    ] {
        assert_eq!(wrong(keys), [expected]);
    }
}

#[test]
fn a_bad_regular_expression_is_a_fault_that_says_why() {
    for (regex, expected) in [
        ("(", "a regular expression is expected (without back references)"),
        (r"(a)\\1", "a regular expression is expected (without back references)"),
        ("a(?=b)", "a regular expression without look-ahead and look-behind is expected"),
        ("(a{1000}){1000}", "a smaller regular expression is expected"),
        ("", "a text is expected: the empty one is found in every reply"),
    ] {
        for key in ["RETURN_SUCCESS_REGEX", "RETURN_FAIL_REGEX"] {
            assert_eq!(wrong(&format!(r#""{key}":"{regex}""#)), [format!("{key}: {expected}")]);
        }
    }
}

#[test]
fn json_rules_are_pointers_with_or_without_values() {
    let (rules, _) = rules(r#""SUCCESS_JSON":{"/messages/0/status":[0,"queued"],"/ok":true}"#);
    let Success::Json(rules) = rules.success else { panic!("JSON decides") };
    assert_eq!(
        rules,
        [
            JsonRule {
                pointer: "/messages/0/status".to_owned(),
                any_of: vec!["0".to_owned(), "queued".to_owned()]
            },
            JsonRule { pointer: "/ok".to_owned(), any_of: vec!["true".to_owned()] },
        ]
    );
    let shape =
        "SUCCESS_JSON: a JSON pointer (as in \"/messages/0/id\"), or {\"/pointer\": value, …}, is expected";
    for value in [r#""id""#, "{}", "true", r#"["/id"]"#, r#""/a~2""#, r#""""#] {
        assert_eq!(wrong(&format!(r#""SUCCESS_JSON":{value}"#)), [shape], "{value}");
    }
    assert_eq!(
        wrong(r#""SUCCESS_JSON":{"id":1}"#),
        ["SUCCESS_JSON.id: a JSON pointer is expected, beginning with /"]
    );
    for value in ["null", "{}", "[]", "[[]]"] {
        let faults = wrong(&format!(r#""SUCCESS_JSON":{{"/id":{value}}}"#));
        assert_eq!(faults, ["SUCCESS_JSON./id: a string, a number, true or false is expected"], "{value}");
    }
}

#[test]
fn a_message_id_is_a_pointer_or_the_one_group_of_a_regular_expression() {
    assert!(matches!(rules(r#""MESSAGE_ID":"/id""#).0.message_id, Some(MessageId::Pointer(p)) if p == "/id"));
    assert!(matches!(rules(r#""MESSAGE_ID":"id=(\\w+)""#).0.message_id, Some(MessageId::Group(_))));
    let one = "MESSAGE_ID: a JSON pointer, or a regular expression with one group (…), is expected";
    assert_eq!(wrong(r#""MESSAGE_ID":"id""#), [one]);
    assert_eq!(wrong(r#""MESSAGE_ID":"(i)(d)""#), [one]);
    assert_eq!(wrong(r#""MESSAGE_ID":"/~3""#), ["MESSAGE_ID: a JSON pointer has ~0 for ~ and ~1 for /"]);
}

#[test]
fn a_status_means_what_the_configuration_says_the_single_one_before_its_class() {
    let (rules, _) = rules(r#""STATUS":{"409":"accepted","4xx":"retry","503":"rejected"}"#);
    for (status, means) in [
        (409, Some(StatusMeans::Accepted)),
        (404, Some(StatusMeans::Retry)),
        (503, Some(StatusMeans::Rejected)),
        (500, None),
        (200, None),
    ] {
        assert_eq!(rules.status.own(status), means, "{status}");
    }
    for (value, expected) in [
        (
            r#""Ignored""#,
            "STATUS: \"ignore\" or an object is expected, as in {\"409\": \"accepted\", \"4xx\": \"retry\"}",
        ),
        (r#"{"40x":"retry"}"#, "STATUS.40x: a status such as 409, or a class such as 4xx, is expected"),
        (r#"{"6xx":"retry"}"#, "STATUS.6xx: a status such as 409, or a class such as 4xx, is expected"),
        (r#"{"99":"retry"}"#, "STATUS.99: a status such as 409, or a class such as 4xx, is expected"),
        (r#"{"404":"yes"}"#, "STATUS.404: accepted, retry or rejected is expected"),
        (r#"{"404":1}"#, "STATUS.404: accepted, retry or rejected is expected"),
    ] {
        assert_eq!(wrong(&format!(r#""STATUS":{value}"#)), [expected]);
    }
}

#[test]
fn no_rule_can_make_a_success_of_everything() {
    assert!(wrong(r#""STATUS":"ignore""#)[0].contains("every reply would be a success"));
    assert_eq!(rules(r#""STATUS":"ignore","RETURN_FAIL":"ERR""#).0.status, StatusRules::Ignore);
    for status in ["200", "2xx"] {
        let with = |words: &str| format!(r#""STATUS":{{"{status}":"accepted"}}{words}"#);
        assert_eq!(wrong(&with(r#","RETURN_SUCCESS":"ID""#)).len(), 1);
        assert_eq!(rules(&with("")).0.status.own(200), Some(StatusMeans::Accepted));
    }
}
