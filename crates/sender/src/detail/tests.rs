//! What a reply may still show.

use super::*;
use proptest::prelude::*;

fn job(text: &str, otp: Option<&str>) -> SendJob {
    let body = serde_json::json!({ "id": "1", "to": "+491701234567", "text": text, "otp": otp });
    SendJob::from_json(body.to_string().as_bytes()).unwrap()
}

fn detail(reply: &str) -> Option<String> {
    Detail::of_reply(reply, &job("Your code is 123456", Some("123456"))).map(|d| d.0)
}

#[test]
fn a_reply_without_echo_stays_as_it_is() {
    for reply in
        ["ID: 4711", "ERR: 301, No Credit Left", "Status=0, id 20261123181500", "{\"error\":\"wrong code\"}"]
    {
        assert_eq!(detail(reply).as_deref(), Some(reply));
    }
}

#[test]
fn what_a_gateway_echoes_of_the_job_is_taken_out() {
    for (reply, expected) in [
        ("OK 123456", "OK …"),
        ("sent <Your code is 123456> to +491701234567", "sent <…> to +…"),
        ("text=Your+code+is+123456&to=%2B491701234567", "text=…&to=+…"),
        ("text=Your%20code%20is%20123456", "text=…"),
        ("YOUR CODE IS 123456", "…"),
        ("to 0170 123 45 67: bad", "to …: bad"),
        ("to +49 (170) 123-4567: bad", "to +…: bad"),
        ("to 00491701234567", "to …"),
        ("to 0170123: too short", "to …: too short"),
        ("code 123 456", "code …"),
        ("code 123\u{200b}456", "code …"),
        ("ref-abc123456def", "ref-…"),
        ("bad text 'Your code is'", "bad text '…'"),
    ] {
        assert_eq!(detail(reply).unwrap_or_default(), if expected == "…" { "" } else { expected }, "{reply}");
    }
}

#[test]
fn a_code_that_stands_only_in_the_text_is_taken_out_too() {
    let job = job("Ihr Code: 8812-X7", None);
    assert_eq!(Detail::of_reply("echo 8812 done", &job).unwrap().as_str(), "echo … done");
    assert_eq!(Detail::of_reply("echo x7!", &job).unwrap().as_str(), "echo …!");
}

#[test]
fn control_characters_become_spaces_and_long_replies_are_cut() {
    assert_eq!(detail("a\r\nb\0\u{202e}c\t\u{1b}[31m").as_deref(), Some("a b c [31m"));
    let long = detail(&"word ".repeat(60)).unwrap();
    assert_eq!(long.chars().count(), 100);
    assert!(long.ends_with('…'));
    for nothing in ["", " \r\n", "…", "<>"] {
        assert_eq!(detail(nothing), None, "{nothing:?}");
    }
}

#[test]
fn an_encoded_echo_is_taken_out_too() {
    for echo in [
        "003100320033003400350036",
        "00 31 00 32 00 33 00 34 00 35 00 36",
        "310032003300340035003600",
        "313233343536",
        "31:32:33:34:35:36",
        "0x31 0x32 0x33 0x34 0x35 0x36",
        "MTIzNDU2",
        "eXMgMTIzNDU2IQ",
        "MzEzMjMzMzQzNTM2",
        r"\u0031\u0032\u0033\u0034\u0035\u0036",
        r"\u005cu0031\u0032\u0033\u0034\u0035\u0036",
        "&#49;&#50;&#51;&#52;&#53;&#54;",
        "&amp;#49;&amp;#50;&#51;&#x34;&#x35;&#x36;",
        "%2531%2532%2533%2534%2535%2536",
        "1:2:3:4:5:6",
        "1_2_3_4_5_6",
        "1 2 3 4 5 6",
        "1 - 2 - 3 - 4 - 5 - 6",
        // the number
        "4%2539%253170%31234567",
        "1.7.0.1.2.3.4.5.6.7",
        "1_7_0_1_2_3_4_5_6_7",
        "34393137303132333435363A",
        "NDkxNzAxMjM0NTY3",
        "0034003900310037003000310032003300340035003600370020",
        // the text
        "596f757220636f6465206973",
        "WW91ciBjb2RlIGlzIDEyMzQ1Ng",
        "0059006F0075007200200063006F00640065002000690073",
    ] {
        let left = detail(&format!("got <{echo}> now")).unwrap();
        assert_eq!(left, "got <…> now", "{echo}");
    }
}

#[test]
fn what_is_wrapped_without_end_is_not_shown() {
    assert_eq!(detail(&format!("x %{}31", "25".repeat(30))), None);
}

/// What a provider with every kind of secret keeps.
fn secrets() -> Secrets {
    let mut secrets = Secrets::default();
    for (name, value) in [
        ("password", "hunter2secret"),
        ("apiKey", "k7"),
        ("account", "company_ltd"),
        ("sender", "mtan"),
        ("confirm", "1"),
        ("type", "text"),
        ("X-Api", "Token abc0123def"),
        ("pin", "!?"),
        ("secret", "p@ss w+rd"),
        ("token", "%C3%A4%20b"),
    ] {
        secrets.add(name, value);
    }
    secrets.add_login("me", "pw1");
    secrets
}

#[test]
fn what_a_gateway_echoes_of_the_configuration_is_taken_out() {
    let job = job("Your code is 123456", Some("123456"));
    for (reply, expected) in [
        ("/send?account=me&password=hunter2secret&phone=1", "/send?account=me&password=…&phone=1"),
        ("pw=HUNTER2SECRET!", "pw=…!"),
        ("pw=%68unter2%73ecret", "pw=…"),
        ("pw=%2568unter2secret", "pw=…"),
        ("pw=xhunter2secretx", "pw=…"),
        ("key k7, not k77", "key …, not k77"),
        ("unknown account company_ltd", "unknown account …"),
        ("no company_limited", "no company_limited"),
        ("mtan sent 1 text", "mtan sent 1 text"),
        ("saw abc0123def", "saw …"),
        ("saw Token abc0123def", "saw …"),
        ("pin=!? bad", "pin=… bad"),
        ("got p@ss+w%2Brd here", "got … here"),
        ("got ä b here", "got … here"),
        ("got %C3%A4%20b here", "got … here"),
        ("Authorization: Basic bWU6cHcx", "Authorization: Basic …"),
        ("plain AG1lAHB3MQ==", "plain …"),
        ("b64 aHVudGVyMnNlY3JldA", "b64 …"),
        ("hex 68756e7465723273656372657420", "hex …"),
    ] {
        let left = Detail::of_reply_without(reply, &job, &secrets()).map(|d| d.0);
        assert_eq!(left.as_deref(), Some(expected), "{reply}");
    }
}

#[test]
fn the_ticket_of_a_callback_is_taken_out() {
    for (reply, expected) in [
        ("cannot call http://me/dlr/gw/job-1/abcdefghijklmnopqrstuvwx27", "cannot call http://me/dlr/…"),
        ("url=http%3A%2F%2Fme%2Fdlr%2Fgw%2Fjob-1%2Fabcdef?state=%25d", "url=http://me/dlr/…?state=%d"),
        ("ticket abcdefghijklmnopqrstuvwx27.", "ticket …."),
        ("id abcdefghijklmnopqrstuvwx18", "id abcdefghijklmnopqrstuvwx18"),
    ] {
        assert_eq!(detail(reply).as_deref(), Some(expected), "{reply}");
    }
}

#[test]
fn a_secret_that_the_window_cuts_is_known_as_one() {
    let token = format!("{}.{}", "abcdefgh12".repeat(10), "ijklmnop34".repeat(10));
    let mut secrets = Secrets::default();
    secrets.add("Authorization", &format!("Bearer {token}"));
    let job = job("Your code is 123456", Some("123456"));
    for before in (WINDOW - 210)..(WINDOW + 5) {
        let reply = format!("{}{token}{token}", " ".repeat(before));
        assert_eq!(Detail::of_reply_without(&reply, &job, &secrets), None, "{before}");
    }
}

proptest! {
    #[test]
    fn neither_code_nor_number_is_left_of_any_reply(
        before in ".{0,40}", between in "[^0-9]{0,40}", after in ".{0,5000}", code in "[0-9]{6,8}",
    ) {
        let job = job(&format!("Code {code}!"), Some(&code));
        let reply = format!("{before}{code}{between}+491701234567{after}");
        let left = Detail::of_reply(&reply, &job).map(|d| d.0).unwrap_or_default();
        prop_assert!(!left.contains(&code), "{left}");
        prop_assert!(!left.contains("1701234567"), "{left}");
        prop_assert!(left.chars().count() <= MAX_CHARS);
        prop_assert!(!left.chars().any(char::is_control));
    }
}
