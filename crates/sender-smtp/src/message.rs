//! A job becomes a mail, written by lettre: pure.

mod body;
mod charset;
mod subject;

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue, MIME_VERSION_1_0};
use lettre::{Address, Message};
use mtan_jobs::SendJob;
use mtan_sender::tags::Values;

use crate::config::{SmtpConfig, mail_address};

pub(crate) use body::Encoding;
pub(crate) use charset::Charset;

/// The longest line that RFC 5322 §2.1.1 allows, without its CR LF.
const LONGEST_LINE: usize = 998;

/// A mail for one recipient. Holds text and number: no `Debug`.
pub(crate) struct Mail {
    pub(crate) recipient: Address,
    /// Header and body; every line ends with CR LF, none is longer than 998 bytes before it.
    pub(crate) data: Vec<u8>,
    /// There are bytes above 127 in it: the server must have said that it takes them.
    pub(crate) eight_bit: bool,
}

/// Why a job makes no mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// The text has characters that the configured charset or encoding does not have. Nothing is ever replaced by `?`.
    Text,
    /// What `mailto` and the number make is no address.
    Recipient,
}

/// Fills the templates in and writes the mail down.
pub(crate) fn build(config: &SmtpConfig, job: &SendJob, now: Timestamp) -> Result<Mail, Unfit> {
    let number = config.number.apply(&job.to);
    let values = Values::of(job, &number);
    let recipient = mail_address(&config.recipient.fill(&values)).ok_or(Unfit::Recipient)?;
    let subject = subject::header(&config.subject.fill(&values), config.charset, config.encoding)?;
    let (charset, body) = body::encode(&config.body.fill(&values), config.charset, config.encoding)?;
    let eight_bit = !body.as_ref().is_ascii();
    let message = Message::builder()
        .from(config.sender.clone().into())
        .to(recipient.clone().into())
        .raw_header(subject)
        .date(date(now))
        .message_id(Some(format!("<{}@{}>", message_id(job.id.as_str()), config.sender.domain())))
        .header(MIME_VERSION_1_0)
        .header(content_type(charset))
        .header(body.encoding())
        .header(AutoSubmitted)
        .body(body)
        // an address is all that lettre can still miss
        .map_err(|_| Unfit::Recipient)?;
    Ok(Mail { recipient, data: message.formatted(), eight_bit })
}

/// Whether `text` can be a subject.
pub(crate) fn fits_subject(text: &str, charset: Charset, encoding: Encoding) -> bool {
    subject::header(text, charset, encoding).is_ok()
}

/// Whether `text` can be a body.
pub(crate) fn fits_body(text: &str, charset: Charset, encoding: Encoding) -> bool {
    body::encode(text, charset, encoding).is_ok()
}

/// RFC 3834 §5: no vacation notice comes back.
#[derive(Clone)]
struct AutoSubmitted;

impl AutoSubmitted {
    const VALUE: &str = "auto-generated";
}

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(text: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        if text == Self::VALUE { Ok(AutoSubmitted) } else { Err("auto-generated is expected".into()) }
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), Self::VALUE.to_owned())
    }
}

/// lettre's header panics at a time before 1970, which a machine may have that never learned the time.
fn date(now: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::try_from(now.duration_since(Timestamp::UNIX_EPOCH)).unwrap_or_default()
}

fn content_type(charset: Charset) -> ContentType {
    let text = format!("text/plain; charset={}", charset.name());
    ContentType::parse(&text).expect("the name of a charset is a token")
}

/// The job's id as a dot-atom, RFC 5322 §3.6.4: a colon cannot stand in one, nor a dot without a neighbour.
fn message_id(job_id: &str) -> String {
    let id = job_id.replace(':', "=");
    if id.split('.').any(str::is_empty) { id.replace('.', "=") } else { id }
}

#[cfg(test)]
mod tests;
