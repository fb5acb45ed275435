use std::path::Path;

use super::*;

fn mail(keys: &str, id: &str, otp: Option<&str>) -> String {
    let config =
        format!(r#"{{"mailserver":"m","mailsender":"mtan@sender.test","mailto":"<phone>@gw"{keys}}}"#);
    let config = SmtpConfig::from_json(&config, Path::new("/nowhere")).unwrap();
    let job =
        serde_json::json!({ "id": id, "to": "+491701234567", "text": "Code <phone> 123456", "otp": otp });
    let job = SendJob::from_json(job.to_string().as_bytes()).unwrap();
    let mail = build(&config, &job, Timestamp::from_second(1_795_514_400).unwrap()).unwrap();
    assert_eq!(mail.recipient, "+491701234567@gw");
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
