//! A provider for a test, and short words for its verdicts.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use mailparse::{MailHeaderMap, ParsedMail};
use mtan_jobs::{Clock, SendJob, SystemClock};
use mtan_sender::{About, Provider, Verdict};
use mtan_sender_smtp::{SmtpConfig, SmtpProvider};
use mtan_testkit::smtp::{Mail, SmtpSink};
use serde_json::{Value, json};

pub(crate) const NUMBER: &str = "+491701234567";
pub(crate) const TEXT: &str = "Your code is 123456";

/// A provider for `sink` with `keys` over what every test needs.
pub(crate) fn provider(sink: &SmtpSink, keys: Value) -> SmtpProvider {
    provider_at(&sink.address().to_string(), keys)
}

pub(crate) fn provider_at(server: &str, keys: Value) -> SmtpProvider {
    SmtpProvider::new(config(server, keys), Arc::new(SystemClock))
}

pub(crate) fn config(server: &str, keys: Value) -> SmtpConfig {
    let mut config = json!({
        "mailserver": server,
        "mailsender": "mtan@sender.test",
        "mailto": "sms@gateway.test",
        "subject": "<phone>",
        "body": "<text>",
    });
    for (key, value) in keys.as_object().unwrap() {
        config[key] = value.clone();
    }
    SmtpConfig::from_json(&config.to_string(), Path::new("/nowhere"))
        .unwrap_or_else(|faults| panic!("{faults:?}"))
}

pub(crate) fn job(text: &str) -> SendJob {
    let body = json!({ "id": "job-1", "to": NUMBER, "text": text, "otp": "123456" });
    SendJob::from_json(body.to_string().as_bytes()).unwrap()
}

pub(crate) async fn send(provider: &SmtpProvider) -> Verdict {
    send_text(provider, TEXT).await
}

pub(crate) async fn send_text(provider: &SmtpProvider, text: &str) -> Verdict {
    provider.send(&job(text), in_time(Duration::from_secs(300))).await
}

pub(crate) fn in_time(left: Duration) -> Timestamp {
    SystemClock.now() + left
}

/// `accepted 4711`, `retry gateway_busy`, `rejected gateway_rejected`, `unknown no_answer`.
pub(crate) fn word(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Accepted { gateway_id, .. } => format!("accepted {}", gateway_id.as_deref().unwrap_or("-")),
        Verdict::Retry { code, .. } => format!("retry {code}"),
        Verdict::Rejected { about: About::Gateway, code, .. } => format!("rejected {code}"),
        Verdict::Rejected { about: About::Number, code, .. } => format!("rejected number {code}"),
        Verdict::Rejected { about: About::Job, code, .. } => format!("rejected unfit {code}"),
        Verdict::Unknown { code, .. } => format!("unknown {code}"),
    }
}

pub(crate) fn parsed(mail: &Mail) -> ParsedMail<'_> {
    mailparse::parse_mail(&mail.data).unwrap()
}

/// The Subject as a reader sees it.
pub(crate) fn subject(mail: &Mail) -> String {
    parsed(mail).headers.get_first_value("Subject").unwrap()
}

/// The body as a reader sees it, with its line ends as they are in a text, and without the last, which every mail has.
pub(crate) fn body(mail: &Mail) -> String {
    let body = parsed(mail).get_body().unwrap().replace("\r\n", "\n");
    body.strip_suffix('\n').unwrap().to_owned()
}

/// A clock that stands still until it is set.
pub(crate) struct SetClock(AtomicI64);

impl SetClock {
    pub(crate) fn new(second: i64) -> Arc<SetClock> {
        Arc::new(SetClock(AtomicI64::new(second)))
    }

    pub(crate) fn set(&self, second: i64) {
        self.0.store(second, Ordering::SeqCst);
    }
}

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0.load(Ordering::SeqCst)).unwrap()
    }
}
