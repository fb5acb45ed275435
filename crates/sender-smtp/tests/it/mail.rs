//! What arrives at the gateway.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mailparse::MailHeaderMap;
use mtan_jobs::SendJob;
use mtan_sender::Provider;
use mtan_sender_smtp::{SmtpConfig, SmtpProvider};
use mtan_testkit::smtp::{Mail, Offer, SmtpSink};
use serde_json::json;

use crate::support::{
    NUMBER, SetClock, TEXT, body, config, in_time, job, parsed, provider, send, send_text, subject, word,
};

/// What a text may be made of, to hurt somebody.
const TEXTS: &[&str] = &[
    TEXT,
    "x\r\nBcc: evil@evil.test\r\n\r\nSubject: evil",
    "x\r\n.\r\nMAIL FROM:<evil@evil.test>",
    ".",
    "..\n.\n.a\na.",
    "\n\nleading and trailing\n\n",
    "bare\rreturn",
    "<phone><otp><id><text>",
    "=?utf-8?Q?evil?= =41 = =\n=",
    "From here\nFrom there",
    "blanks at the end   \nand  in the middle",
    "100% + 1 = \"quoted\" 'single' \\back ; , : @ <a@b>",
    "€[]{}~|^\\",
    "ÄÖÜ ß äöü é",
    "код подтверждения",
    "😀👩‍👩‍👧 emoji",
    "確認コード",
    "twohundredcharacters twohundredcharacters twohundredcharacters twohundredcharacters twohundredcharacters \
     twohundredcharacters twohundredcharacters twohundredcharacters twohundredcharacters twoh",
    "äääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääää\
     äääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääää",
];

fn header_names(mail: &Mail) -> Vec<String> {
    parsed(mail).headers.iter().map(|header| header.get_key()).collect()
}

#[tokio::test]
async fn the_seed_s_sample_sends_as_it_is_written() {
    let seed = include_str!("../seed.txt");
    let (_, sample) = seed.split_once("The configuration for the SmtpSMSProvider looks like this:").unwrap();
    let sample = &sample[sample.find('{').unwrap()..=sample.find('}').unwrap()];
    let offer = Offer::plain().with_login("account-to-login-to-smtp-server", "somesecret");
    let sink = SmtpSink::start(offer).await;
    let here = sample.replace("smtp.yourdomain.com", &sink.address().to_string());
    assert!(here.contains('“'), "the quotes are the seed's own");
    let config = SmtpConfig::from_json(&here, Path::new("/nowhere")).unwrap();
    let warnings = config.warnings();
    assert!(
        warnings.len() == 1 && warnings[0].starts_with("28 typographic quotes were read as"),
        "{warnings:?}"
    );
    let provider = SmtpProvider::new(config, SetClock::new(1_795_514_400));
    let verdict = provider.send(&job(TEXT), "2026-11-24T10:05:00Z".parse().unwrap()).await;
    assert_eq!(word(&verdict), "accepted SINK1");
    let mail = &sink.mails()[0];
    assert_eq!((mail.sender.as_str(), mail.parameters.as_str()), ("linotp@yourdomain.com", ""));
    assert_eq!(mail.recipients, ["mailadress@smstp-gateway"]);
    assert_eq!(mail.user.as_deref(), Some("account-to-login-to-smtp-server"));
    let expected = "From: linotp@yourdomain.com\r\n\
        To: mailadress@smstp-gateway\r\n\
        Subject: +491701234567\r\n\
        Date: Tue, 24 Nov 2026 10:00:00 +0000\r\n\
        Message-ID: <job-1@yourdomain.com>\r\n\
        MIME-Version: 1.0\r\n\
        Content-Type: text/plain; charset=utf-8\r\n\
        Content-Transfer-Encoding: 7bit\r\n\
        Auto-Submitted: auto-generated\r\n\
        \r\n\
        This is your OTP-value: 123456\r\n";
    assert_eq!(String::from_utf8_lossy(&mail.data), expected);
}

#[tokio::test]
async fn every_text_arrives_as_text_in_every_encoding() {
    let sink = SmtpSink::start(Offer::plain()).await;
    for encoding in ["auto", "8bit", "quoted-printable", "base64"] {
        let keys = json!({ "mailto": "<phone>@gateway.test", "subject": "[<text>]", "encoding": encoding });
        let provider = provider(&sink, keys);
        for text in TEXTS {
            let verdict = send_text(&provider, text).await;
            assert!(word(&verdict).starts_with("accepted"), "{encoding} {text:?}: {verdict:?}");
            let mail = sink.mails().pop().unwrap();
            let lines = text.replace("\r\n", "\n").replace('\r', "\n");
            assert_eq!(body(&mail), lines, "{encoding}");
            assert_eq!(subject(&mail), format!("[{}]", lines.replace('\n', " ")), "{encoding}");
            assert_eq!(mail.recipients, [format!("{NUMBER}@gateway.test")]);
            assert_eq!(
                header_names(&mail),
                [
                    "From",
                    "To",
                    "Subject",
                    "Date",
                    "Message-ID",
                    "MIME-Version",
                    "Content-Type",
                    "Content-Transfer-Encoding",
                    "Auto-Submitted"
                ],
                "{encoding} {text:?}"
            );
            let bare = mail.data.windows(2).filter(|pair| (pair[1] == b'\n') != (pair[0] == b'\r')).count();
            assert_eq!(bare, 0, "{encoding} {text:?}: a bare line end");
            let longest = mail.data.split(|byte| *byte == b'\n').map(<[u8]>::len).max();
            assert!(longest <= Some(999), "{encoding} {text:?}: {longest:?}");
            let eight_bit = encoding == "8bit" && !text.is_ascii();
            assert_eq!(mail.parameters, if eight_bit { "BODY=8BITMIME" } else { "" });
        }
    }
    assert_eq!((sink.mails().len(), sink.connections()), (4 * TEXTS.len(), 4));
}

#[tokio::test]
async fn seven_bits_take_plain_text_and_reject_what_is_none() {
    let sink = SmtpSink::start(Offer::plain()).await;
    let provider = provider(&sink, json!({ "encoding": "7bit", "subject": "<phone> <text>" }));
    assert_eq!(word(&send_text(&provider, "plain =?text?=").await), "accepted SINK1");
    let mail = &sink.mails()[0];
    let parsed = parsed(mail);
    assert_eq!(parsed.ctype.charset, "us-ascii");
    assert_eq!(parsed.headers.get_first_value("Content-Transfer-Encoding").unwrap(), "7bit");
    assert!(String::from_utf8_lossy(&mail.data).contains("Subject: +491701234567 plain =?text?=\r\n"));
    for text in ["für", "€", "😀"] {
        let verdict = send_text(&provider, text).await;
        assert_eq!(word(&verdict), "rejected unfit gateway_rejected", "{text}");
        let words = format!("{verdict:?}");
        assert!(words.contains("charset and encoding do not take") && !words.contains(text), "{words}");
    }
    assert_eq!(
        (sink.mails().len(), sink.count("MAIL")),
        (1, 1),
        "nothing else went out, not even a question mark"
    );
}

#[tokio::test]
async fn a_gateway_that_reads_latin_1_gets_it() {
    let sink = SmtpSink::start(Offer::plain()).await;
    let keys = json!({ "charset": "ISO-8859-1", "encoding": "8bit", "subject": "<phone> <text>" });
    let provider = provider(&sink, keys);
    assert_eq!(word(&send_text(&provider, "für Übermut").await), "accepted SINK1");
    let mail = &sink.mails()[0];
    assert!(mail.data.ends_with(b"\r\n\r\nf\xfcr \xdcbermut\r\n"));
    assert_eq!((subject(mail), body(mail)), (format!("{NUMBER} für Übermut"), "für Übermut".to_owned()));
    assert!(
        String::from_utf8_lossy(&mail.data).contains("Subject: =?utf-8?b?"),
        "a header is not in the charset"
    );
    assert_eq!(word(&send_text(&provider, "€").await), "rejected unfit gateway_rejected");
}

#[tokio::test]
async fn eight_bits_go_only_to_a_server_that_takes_them() {
    let sink = SmtpSink::start(Offer::plain().without_extensions()).await;
    let provider = provider(&sink, json!({ "encoding": "8bit" }));
    assert_eq!(word(&send_text(&provider, "plain").await), "accepted SINK1");
    assert_eq!(word(&send_text(&provider, "für").await), "rejected gateway_rejected");
    assert_eq!(word(&send_text(&provider, "plain").await), "accepted SINK2");
}

#[tokio::test]
async fn the_number_goes_where_and_how_the_gateway_wants_it() {
    let sink = SmtpSink::start(Offer::plain()).await;
    for (keys, recipient, subject_line, text) in [
        (json!({}), "sms@gateway.test", NUMBER, TEXT),
        (json!({ "mailto": "<phone>@gw.test", "subject": "x" }), "+491701234567@gw.test", "x", TEXT),
        (
            json!({ "MSISDN": "True", "mailto": "to-<phone>@gw.test" }),
            "to-491701234567@gw.test",
            "491701234567",
            TEXT,
        ),
        (json!({ "SUPPRESS_PREFIX": "+49" }), "sms@gateway.test", "1701234567", TEXT),
        (
            json!({ "NUMBER_FORMAT": "00", "subject": "s", "body": "<phone>: <otp> <id>" }),
            "sms@gateway.test",
            "s",
            "00491701234567: 123456 job-1",
        ),
    ] {
        assert!(word(&send(&provider(&sink, keys.clone())).await).starts_with("accepted"), "{keys}");
        let mail = sink.mails().pop().unwrap();
        assert_eq!(mail.recipients, [recipient], "{keys}");
        assert_eq!((subject(&mail).as_str(), body(&mail).as_str()), (subject_line, text), "{keys}");
    }
}

#[tokio::test]
async fn a_number_that_makes_no_address_is_rejected_before_anything_is_said() {
    let sink = SmtpSink::start(Offer::plain()).await;
    let mailto = format!("{}<phone>@gw.test", "x".repeat(48));
    let provider = provider(&sink, json!({ "mailto": mailto, "NUMBER_FORMAT": "00" }));
    let job = json!({ "id": "job-1", "to": "+123456789012345", "text": TEXT });
    let job = SendJob::from_json(job.to_string().as_bytes()).unwrap();
    let verdict = provider.send(&job, in_time(Duration::from_secs(60))).await;
    assert_eq!(word(&verdict), "rejected unfit gateway_rejected");
    let words = format!("{verdict:?}");
    assert!(words.contains("mailto is no mail address") && !words.contains("12345678"), "{words}");
    assert_eq!(sink.connections(), 0);
    assert!(word(&send(&provider).await).starts_with("accepted"), "another number fits");
}

#[tokio::test]
async fn the_defaults_are_linotp_s() {
    let sink = SmtpSink::start(Offer::plain()).await;
    let text = json!({
        "mailserver": sink.address().to_string(), "mailsender": "a@b.test", "mailto": "<phone>@gw.test",
    });
    let config = SmtpConfig::from_json(&text.to_string(), Path::new("/nowhere")).unwrap();
    let provider = SmtpProvider::new(config, Arc::new(mtan_jobs::SystemClock));
    send(&provider).await;
    let mail = &sink.mails()[0];
    assert_eq!((subject(mail).as_str(), body(mail).as_str()), ("[mtan]", "123456"));
}

#[test]
fn a_configuration_prints_no_secret() {
    let config =
        config("mail.example", json!({ "mailuser": "hunter1", "mailpassword": "hunter2", "use_ssl": true }));
    let provider = SmtpProvider::new(config.clone(), Arc::new(mtan_jobs::SystemClock));
    let shown = format!("{config:?} {provider:?}");
    assert!(shown.contains("mail.example") && !shown.contains("hunter"), "{shown}");
}
