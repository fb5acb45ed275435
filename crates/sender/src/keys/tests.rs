//! What each type takes, and what is refused in which words.

use proptest::prelude::*;

use super::*;

const KNOWN: Known = Known {
    read: &[
        "URL",
        "RETURN_SUCCESS",
        "TIMEOUT",
        "MSISDN",
        "SUPPRESS_PREFIX",
        "NUMBER_FORMAT",
        "SERVER_CERTIFICATE",
        "CLIENT_CERTIFICATE",
        "certfile",
        "keyfile",
    ],
    not_yet: &["DLR"],
};

/// The keys in `json`, with paths from `folder`.
pub(crate) fn keys_in(folder: &Path, json: &str) -> Keys {
    Keys::parse(json, folder, KNOWN).unwrap_or_else(|faults| panic!("{faults:?}"))
}

/// The keys in `json`.
pub(crate) fn keys(json: &str) -> Keys {
    keys_in(Path::new("/nowhere"), json)
}

/// `key: message` of each fault, then the warnings.
pub(crate) fn said(keys: Keys) -> Vec<String> {
    let said = keys.faults.iter().map(|fault| format!("{}: {}", fault.key, fault.message));
    said.chain(keys.warnings.iter().cloned()).collect()
}

#[test]
fn a_key_that_nobody_knows_is_refused_with_the_nearest_that_somebody_does() {
    let keys = keys(r#"{"Url":1,"RETURN_SUCCES":"x","DLR":{},"URL":"x"}"#);
    assert_eq!(
        said(keys),
        [
            "DLR: is not supported yet",
            "RETURN_SUCCES: no such key; did you mean RETURN_SUCCESS?",
            "Url: no such key; did you mean URL?",
        ]
    );
}

#[test]
fn a_value_of_another_type_is_refused_and_not_shown() {
    type Read = fn(&mut Keys) -> bool;
    let string: Read = |keys| keys.string("URL").is_some();
    let text: Read = |keys| keys.text("URL").is_some();
    let truth: Read = |keys| keys.truth("URL").is_some();
    let strings: Read = |keys| !keys.strings("URL").is_empty();
    let object: Read = |keys| keys.object("URL").is_some();
    for (read, good, bad, expected) in [
        (string, &[r#""x""#, r#""""#][..], &["1", "null", "[]"][..], "URL: a string is expected"),
        (
            text,
            &[r#""x""#, "1", "1.5", "true", "9007199254740993", "18446744073709551615"],
            &["null", "[1]", "{}"],
            "URL: a string, a number, true or false is expected",
        ),
        (
            text,
            &[],
            &["18446744073709551616", "1234567890123456789012345"],
            "URL: a number of so many digits is expected in quotes, to stay as it is",
        ),
        (
            truth,
            &["true", "false", r#""True""#, r#""FALSE""#],
            &[r#""yes""#, "1", "null"],
            "URL: true or false is expected",
        ),
        (
            strings,
            &[r#""x""#, r#"["x"]"#, r#"["x",""]"#],
            &["[]", r#"["x",1]"#, "7", "{}"],
            "URL: a string or a list of strings is expected",
        ),
        (object, &["{}", r#"{"a":1}"#], &["[]", r#""x""#], "URL: an object {…} is expected"),
    ] {
        for value in good {
            let mut keys = keys(&format!(r#"{{"URL":{value}}}"#));
            assert!(read(&mut keys), "{value}");
            assert!(said(keys).is_empty(), "{value}");
        }
        for value in bad {
            let mut keys = keys(&format!(r#"{{"URL":{value}}}"#));
            assert!(!read(&mut keys), "{value}");
            assert_eq!(said(keys), [expected], "{value}");
        }
        let mut absent = keys("{}");
        assert!(!read(&mut absent) && said(absent).is_empty(), "an absent key is no mistake");
    }
}

#[test]
fn a_number_stays_the_number_that_was_written() {
    for (written, read) in
        [("12980436", "12980436"), ("-7", "-7"), ("18446744073709551615", "18446744073709551615")]
    {
        assert_eq!(keys(&format!(r#"{{"URL":{written}}}"#)).text("URL").as_deref(), Some(read));
    }
}

#[test]
fn a_choice_names_its_words() {
    let words = [("resend", 1), ("never", 2), ("idempotent", 3)];
    assert_eq!(keys(r#"{"URL":"Never"}"#).choice("URL", &words), Some(2));
    let mut wrong = keys(r#"{"URL":"always"}"#);
    assert_eq!(wrong.choice("URL", &words), None);
    assert_eq!(said(wrong), ["URL: resend, never or idempotent is expected"]);
}

#[test]
fn a_file_is_found_in_the_configuration_s_folder() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ca.pem"), "pem").unwrap();
    let mut keys = keys_in(folder.path(), "{}");
    assert_eq!(keys.file("URL", "ca.pem").as_deref(), Some(&b"pem"[..]));
    let absolute = folder.path().join("ca.pem");
    assert_eq!(keys.file("URL", absolute.to_str().unwrap()).as_deref(), Some(&b"pem"[..]));
    assert_eq!(keys.file("URL", "hunter2.pem"), None);
    assert_eq!(keys.file("URL", "."), None);
    assert_eq!(
        said(keys),
        [
            "URL: the file cannot be read (entity not found); a relative path starts in the configuration's folder",
            "URL: the path of a file is expected",
        ]
    );
}

#[test]
fn a_text_that_is_no_json_says_why() {
    for (text, expected) in [
        (
            "{'URL':'http://gw'}",
            "no JSON at line 1 column 2: single quotes (') stand where JSON takes the double quote (\") only",
        ),
        (
            "{ “URL” : “http://gw”, }",
            "no JSON at line 1 column 3: typographic quotes (“ ”) stand where JSON takes the double quote (\") only",
        ),
        ("[]", "a JSON object {…} is expected"),
        ("{\"URL\":\n hunter2}", "no JSON at line 2 column 2"),
    ] {
        let faults = Keys::parse(text, Path::new(""), KNOWN).err().unwrap();
        assert_eq!(faults, [Fault { key: String::new(), message: expected.to_owned() }]);
    }
}

#[test]
fn typographic_quotes_are_repaired_where_nothing_else_is_wrong() {
    let mut keys = keys("{ “URL” : “http://gw” }");
    assert_eq!(keys.string("URL").as_deref(), Some("http://gw"));
    assert!(said(keys)[0].starts_with("4 typographic quotes were read as the double quote"));
}

proptest! {
    #[test]
    fn no_text_can_panic(text in ".{0,80}") {
        drop(Keys::parse(&text, Path::new(""), KNOWN));
    }
}
