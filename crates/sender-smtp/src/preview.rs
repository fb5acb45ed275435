//! A mail as a person may see it: no password, no text, no whole number.

use mtan_jobs::SendJob;
use mtan_sender::tags::Values;
use mtan_sms::SmsText;

use crate::config::{Security, SmtpConfig};

/// The server, the envelope, and the mail with `<text>` where the text will stand.
pub(crate) fn preview(config: &SmtpConfig, job: &SendJob) -> String {
    let text = SmsText::new("<text>").expect("a text of six letters");
    let shown = SendJob { text, otp: None, ..job.clone() };
    let number = job.to.to_string(); // masked
    let values = Values::of(&shown, &number);
    let security = match config.security {
        Security::None => "without TLS",
        Security::StartTls(_) => "STARTTLS, or no mail",
        Security::Implicit(_) => "TLS from the first byte",
    };
    let mut lines = vec![format!("{}:{}, {security}", config.host, config.port)];
    lines.extend(config.login.as_ref().map(|_| "AUTH PLAIN or LOGIN ..".to_owned()));
    lines.push(format!("MAIL FROM:<{}>", config.sender));
    lines.push(format!("RCPT TO:<{}>", config.recipient.fill(&values)));
    lines.push(format!("Subject: {}", config.subject.fill(&values)));
    lines.push(String::new());
    lines.push(config.body.fill(&values));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_person_sees_where_it_goes_and_no_secret() {
        let config = SmtpConfig::from_json(
            r#"{"mailserver":"mx.example.com","start_tls":true,"mailsender":"a@example.com","mailuser":"u","mailpassword":"hush",
                "mailto":"<phone>@gw.example","subject":"to <phone>","body":"Code <otp>"}"#,
            Path::new(""),
        );
        let job = br#"{"id":"job-1","to":"+491701234567","text":"Your code is 123456","otp":"123456"}"#;
        let shown = preview(&config.unwrap(), &SendJob::from_json(job).unwrap());
        assert_eq!(
            shown,
            "mx.example.com:587, STARTTLS, or no mail\nAUTH PLAIN or LOGIN ..\nMAIL FROM:<a@example.com>\n\
             RCPT TO:<+49…67@gw.example>\nSubject: to +49…67\n\nCode <text>"
        );
    }
}
