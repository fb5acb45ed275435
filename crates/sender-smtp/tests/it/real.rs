//! Exim takes our mail and delivers it.

use mailparse::MailHeaderMap;
use mtan_testkit::exim::EximServer;
use serde_json::json;

use crate::support::{NUMBER, provider_at, send, send_text, word};

#[tokio::test]
async fn a_real_mail_server_takes_our_mail_and_shows_it() {
    let exim = EximServer::start().await;
    let keys = json!({ "mailto": format!("<phone>@{}", EximServer::DOMAIN), "subject": "SMS: <text>" });
    let provider = provider_at(&exim.address().to_string(), keys.clone());
    let texts = ["Your code is 123456", "Ihr Code für Zürich: 42 €\n.\n..\n😀", "From here\r\nBcc: x@y.test"];
    for (i, text) in texts.iter().enumerate() {
        let verdict = send_text(&provider, text).await;
        let id = word(&verdict).replace("accepted ", "");
        assert!(exim.log().contains(&id) && id.len() > 10, "{verdict:?}");
        let delivered = exim.wait_for_mails(i + 1).await;
        let mail = delivered.iter().map(|mail| mailparse::parse_mail(mail).unwrap());
        let lines = text.replace("\r\n", "\n");
        let mut mine = mail.filter(|mail| mail.get_body().unwrap().replace("\r\n", "\n").trim_end() == lines);
        let mine = mine.next_back().unwrap_or_else(|| panic!("{text:?} was not delivered"));
        let header = |name: &str| mine.headers.get_first_value(name).unwrap_or_default();
        assert_eq!(header("Subject"), format!("SMS: {}", lines.replace('\n', " ")));
        assert_eq!(header("Envelope-to"), "", "Exim adds it only where it is told to");
        assert_eq!(header("To"), format!("{NUMBER}@{}", EximServer::DOMAIN));
        assert_eq!(header("Message-ID"), "<job-1@sender.test>");
        assert_eq!(header("Auto-Submitted"), "auto-generated");
        assert_eq!(mine.headers.get_all_values("Bcc").len(), 0);
    }
    let elsewhere = provider_at(&exim.address().to_string(), json!({ "mailto": "<phone>@elsewhere.test" }));
    let verdict = send(&elsewhere).await;
    assert!(format!("{verdict:?}").contains("RCPT 550: relaying denied"), "{verdict:?}");
}
