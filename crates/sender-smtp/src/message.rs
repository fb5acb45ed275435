//! A job becomes a mail: pure.

mod charset;
mod encoding;
mod subject;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use jiff::tz::TimeZone;
use mtan_jobs::SendJob;
use mtan_sender::tags::Values;

use crate::config::SmtpConfig;

pub(crate) use charset::Charset;
pub(crate) use encoding::Encoding;

/// A mail for one recipient. Holds text and number: no `Debug`.
pub(crate) struct Mail {
    pub(crate) recipient: String,
    /// Header and body; every line ends with CR LF, none is longer than 998 bytes before it.
    pub(crate) data: Vec<u8>,
    /// There are bytes above 127 in it: the server must have said that it takes them.
    pub(crate) eight_bit: bool,
}

/// The text has characters that the configured charset or encoding does not have. Nothing is ever replaced by `?`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unfit;

/// Fills the templates in and writes the mail down.
pub(crate) fn build(config: &SmtpConfig, job: &SendJob, now: Timestamp) -> Result<Mail, Unfit> {
    let number = config.number.apply(&job.to);
    let values = Values::of(job, &number);
    let recipient = config.recipient.fill(&values);
    let subject = subject::header(&config.subject.fill(&values), config.charset, config.encoding)?;
    let body = encoding::encode(&config.body.fill(&values), config.charset, config.encoding)?;
    let header = [
        format!("From: {}", config.sender),
        format!("To: {recipient}"),
        subject,
        format!("Date: {}", date(now)),
        format!("Message-ID: <{}@{}>", message_id(job.id.as_str()), domain(&config.sender)),
        "MIME-Version: 1.0".to_owned(),
        format!("Content-Type: text/plain; charset={}", body.charset),
        format!("Content-Transfer-Encoding: {}", body.encoding),
        // RFC 3834 §5: no vacation notice comes back
        "Auto-Submitted: auto-generated".to_owned(),
    ];
    let mut data = (header.join("\r\n") + "\r\n\r\n").into_bytes();
    data.extend_from_slice(&body.bytes);
    Ok(Mail { recipient, data, eight_bit: body.bytes.iter().any(|byte| !byte.is_ascii()) })
}

/// Whether `text` can be a subject.
pub(crate) fn fits_subject(text: &str, charset: Charset, encoding: Encoding) -> bool {
    subject::header(text, charset, encoding).is_ok()
}

/// Whether `text` can be a body.
pub(crate) fn fits_body(text: &str, charset: Charset, encoding: Encoding) -> bool {
    encoding::encode(text, charset, encoding).is_ok()
}

/// RFC 5322 §3.3, in UTC.
fn date(now: Timestamp) -> String {
    let date = rfc2822::to_string(&now.to_zoned_datetime(TimeZone::UTC));
    date.expect("RFC 2822 has a date for every year after 0")
}

/// The job's id as a dot-atom, RFC 5322 §3.6.4: a colon cannot stand in one, nor a dot without a neighbour.
fn message_id(job_id: &str) -> String {
    let id = job_id.replace(':', "=");
    if id.split('.').any(str::is_empty) { id.replace('.', "=") } else { id }
}

fn domain(address: &str) -> &str {
    address.rsplit_once('@').map_or(address, |(_, domain)| domain)
}

#[cfg(test)]
mod tests;
