use std::path::Path;

use proptest::prelude::*;

use super::*;

fn config(mailto: &str, keys: &str) -> SmtpConfig {
    let text = format!(r#"{{"mailserver":"m","mailsender":"mtan@sender.test","mailto":"{mailto}"{keys}}}"#);
    SmtpConfig::from_json(&text, Path::new("/nowhere")).unwrap()
}

fn job(to: &str) -> SendJob {
    let job = serde_json::json!({ "id": "1", "to": to, "text": "Code 123456" });
    SendJob::from_json(job.to_string().as_bytes()).unwrap()
}

fn mail(keys: &str, id: &str, otp: Option<&str>) -> String {
    let config = config("<phone>@gw", keys);
    let job =
        serde_json::json!({ "id": id, "to": "+491701234567", "text": "Code <phone> 123456", "otp": otp });
    let job = SendJob::from_json(job.to_string().as_bytes()).unwrap();
    let mail = build(&config, &job, Timestamp::from_second(1_795_514_400).unwrap()).unwrap();
    assert_eq!(mail.recipient.to_string(), "+491701234567@gw");
    String::from_utf8(mail.data).unwrap()
}

#[test]
fn a_mail_has_all_its_headers() {
    assert_eq!(
        mail("", "0192-ab", Some("123456")),
        "From: mtan@sender.test\r\n\
         To: +491701234567@gw\r\n\
         Subject: [mtan]\r\n\
         Date: Tue, 24 Nov 2026 10:00:00 +0000\r\n\
         Message-ID: <0192-ab@sender.test>\r\n\
         MIME-Version: 1.0\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\
         Content-Transfer-Encoding: 7bit\r\n\
         Auto-Submitted: auto-generated\r\n\
         \r\n\
         123456\r\n"
    );
}

#[test]
fn a_tag_in_a_text_stays_text() {
    assert!(mail(r#","body":"[<text>]""#, "1", None).ends_with("\r\n\r\n[Code <phone> 123456]\r\n"));
    assert!(
        mail("", "1", None).ends_with("\r\n\r\nCode <phone> 123456\r\n"),
        "without a code <otp> is the text"
    );
}

#[test]
fn every_job_id_makes_a_message_id() {
    for (id, expected) in [
        ("01939f0c-6d7e-7000-8000-000000000000", "01939f0c-6d7e-7000-8000-000000000000"),
        ("a.b_c~d", "a.b_c~d"),
        ("a:b", "a=b"),
        (".a", "=a"),
        ("a..b.", "a==b="),
    ] {
        assert!(mail("", id, None).contains(&format!("Message-ID: <{expected}@sender.test>\r\n")), "{id}");
    }
}

#[test]
fn a_number_that_makes_no_address_makes_no_mail() {
    let mailto = format!("{}<phone>@gw", "x".repeat(48));
    let config = config(&mailto, r#","NUMBER_FORMAT":"00""#);
    let built = |to| build(&config, &job(to), Timestamp::UNIX_EPOCH).map(|mail| mail.recipient.user().len());
    assert_eq!(built("+12345678901234"), Ok(64));
    assert_eq!(built("+123456789012345"), Err(Unfit::Recipient), "65 characters before the @ are too many");
}

#[test]
fn a_clock_that_never_learned_the_time_still_dates_a_mail() {
    let mail = build(&config("<phone>@gw", ""), &job("+491701234567"), Timestamp::MIN).unwrap();
    assert!(String::from_utf8(mail.data).unwrap().contains("Date: Thu, 01 Jan 1970 00:00:00 +0000\r\n"));
    assert!(build(&config("<phone>@gw", ""), &job("+491701234567"), Timestamp::MAX).is_ok());
}

#[test]
fn every_charset_has_its_content_type() {
    for name in
        ["us-ascii", "latin1", "utf8", "iso-8859-15", "windows-1252", "koi8-u", "macintosh", "x-mac-cyrillic"]
            .into_iter()
            .chain([
                "gbk",
                "gb18030",
                "big5",
                "euc-jp",
                "shift_jis",
                "euc-kr",
                "x-user-defined",
                "windows-874",
            ])
    {
        let text = mail(&format!(r#","charset":"{name}""#), "1", None);
        let charset = Charset::by_name(name).unwrap().name();
        assert!(text.contains(&format!("Content-Type: text/plain; charset={charset}\r\n")), "{name}: {text}");
    }
}

#[test]
fn auto_submitted_is_read_as_it_is_written() {
    let value = AutoSubmitted.display();
    let mut headers = lettre::message::header::Headers::new();
    headers.insert_raw(value);
    assert_eq!(headers.to_string(), "Auto-Submitted: auto-generated\r\n");
    assert!(headers.get::<AutoSubmitted>().is_some() && AutoSubmitted::parse("no").is_err());
}

proptest! {
    #[test]
    fn every_address_that_loads_makes_a_mail(
        local in "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,20}([.][a-z0-9!#$%&'*+/=?^_`{|}~-]{1,20}){0,2}",
        domain in "[A-Za-z0-9]{1,30}([.][a-z0-9][a-z0-9_-]{0,28}[a-z0-9]){0,4}",
    ) {
        let address = format!("{local}@{domain}");
        let mut config = config("<phone>@gw", "");
        config.sender = mail_address(&address).unwrap();
        config.recipient = mtan_sender::tags::Template::new(&address);
        let mail = build(&config, &job("+491701234567"), Timestamp::UNIX_EPOCH).unwrap();
        let text = String::from_utf8(mail.data).unwrap();
        prop_assert_eq!(mail.recipient.to_string(), address.clone());
        let head = format!("From: {address}\r\nTo: {address}\r\nSubject: ");
        prop_assert!(text.starts_with(&head), "{}", text);
    }
}
