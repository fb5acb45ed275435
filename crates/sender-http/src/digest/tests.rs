//! The RFC's examples, and challenges as servers write them.

use super::*;
use proptest::prelude::*;

fn mufasa() -> Login {
    Login { user: "Mufasa".to_owned(), password: "Circle of Life".to_owned() }
}

const QUESTION: Question<'_> = Question {
    method: "GET",
    uri: "/dir/index.html",
    count: 1,
    cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
};

fn rfc_7616(algorithm: &str) -> String {
    format!(
        "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm={algorithm}, \
         nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
    )
}

/// RFC 7616 §3.9.1.
#[test]
fn the_answers_are_those_of_the_rfc() {
    for (algorithm, response) in [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ] {
        let challenge = Challenge::strongest([rfc_7616(algorithm).as_str()]).unwrap();
        let answer = challenge.answer(&mufasa(), QUESTION);
        for part in [
            "Digest username=\"Mufasa\"".to_owned(),
            "realm=\"http-auth@example.org\"".to_owned(),
            "uri=\"/dir/index.html\"".to_owned(),
            format!("algorithm={algorithm}"),
            "nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\"".to_owned(),
            "nc=00000001".to_owned(),
            "cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\"".to_owned(),
            "qop=auth".to_owned(),
            format!("response=\"{response}\""),
            "opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"".to_owned(),
        ] {
            assert!(answer.contains(&part), "{part} in {answer}");
        }
    }
}

/// RFC 2069 §2.4, with the response of its erratum 749.
#[test]
fn a_server_without_qop_gets_the_old_answer() {
    let field = "Digest realm=\"testrealm@host.com\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\"";
    let challenge = Challenge::strongest([field]).unwrap();
    let answer = challenge.answer(&mufasa(), QUESTION);
    let secret = Algorithm::Md5.hash("Mufasa:testrealm@host.com:Circle of Life");
    let about = Algorithm::Md5.hash("GET:/dir/index.html");
    let response = Algorithm::Md5.hash(&format!("{secret}:dcd98b7102dd2f0e8b11d0f600bfb0c093:{about}"));
    assert!(answer.contains(&format!("response=\"{response}\"")) && !answer.contains("nc="), "{answer}");
}

#[test]
fn the_strongest_challenge_of_all_fields_is_answered() {
    let both = format!("Basic realm=\"a, b=c\", {}, {}", rfc_7616("MD5"), rfc_7616("SHA-256"));
    let two = [rfc_7616("SHA-256"), rfc_7616("MD5")];
    let bearer = "Bearer abc==, Digest realm=\"r\", nonce=\"n\\\"1\"".to_owned();
    assert_eq!(Challenge::strongest([both.as_str()]).unwrap().algorithm, Algorithm::Sha256);
    assert_eq!(Challenge::strongest(two.iter().map(String::as_str)).unwrap().algorithm, Algorithm::Sha256);
    assert_eq!(Challenge::strongest([bearer.as_str()]).unwrap().nonce, "n\"1");
}

#[test]
fn what_we_cannot_answer_is_no_challenge() {
    for field in [
        "",
        "Basic realm=\"x\"",
        "Digest realm=\"x\"",
        "Digest nonce=\"x\"",
        "Digest realm=\"x\", nonce=\"y\", qop=\"auth-int\"",
        "Digest realm=\"x\", nonce=\"y\", algorithm=SHA-512-256",
    ] {
        assert_eq!(Challenge::strongest([field]), None, "{field}");
    }
}

#[test]
fn a_second_refusal_is_one_and_a_stale_nonce_is_not() {
    let challenge = |text: &str| Challenge::strongest([format!("Digest realm=r, {text}").as_str()]).unwrap();
    let first = challenge("nonce=a");
    assert!(challenge("nonce=a").refuses(&first));
    assert!(!challenge("nonce=b").refuses(&first));
    assert!(!challenge("nonce=a, stale=TRUE").refuses(&first));
}

#[test]
fn a_name_may_be_hashed_or_no_ascii() {
    let hashed = Challenge::strongest(["Digest realm=r, nonce=n, userhash=true"]).unwrap();
    let expected = Algorithm::Md5.hash("Mufasa:r");
    assert!(hashed.answer(&mufasa(), QUESTION).contains(&format!("username=\"{expected}\", userhash=true")));
    let plain = Challenge::strongest(["Digest realm=r, nonce=n"]).unwrap();
    let login = Login { user: "Jäsøn".to_owned(), password: String::new() };
    assert!(plain.answer(&login, QUESTION).contains("username*=UTF-8''J%C3%A4s%C3%B8n"));
}

proptest! {
    #[test]
    fn no_field_can_panic_and_no_answer_breaks_its_line(field in "(Digest )?[\\PC\"=,\\\\ ]{0,80}") {
        if let Some(challenge) = Challenge::strongest([field.as_str()]) {
            let answer = challenge.answer(&mufasa(), QUESTION);
            prop_assert!(!answer.contains(['\r', '\n']));
        }
    }
}
