//! What the server said, or did not say, becomes a verdict: pure.

use std::fmt;

use mtan_jobs::{ReportCode, SendJob};
use mtan_sender::{About, Detail, Secrets, Verdict};

/// The longest word that is taken for the server's id of the mail.
const LONGEST_ID: usize = 64;

/// How far the dialogue has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Connect,
    Tls,
    Greeting,
    Hello,
    StartTls,
    Auth,
    Reset,
    Mail,
    Recipient,
    Data,
    /// The mail itself, up to its final dot.
    Content,
    /// The final dot is with the system: what comes now, nobody can call off.
    Dot,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Step::Connect => "connection",
            Step::Tls => "TLS",
            Step::Greeting => "greeting",
            Step::Hello => "EHLO",
            Step::StartTls => "STARTTLS",
            Step::Auth => "AUTH",
            Step::Reset => "RSET",
            Step::Mail => "MAIL",
            Step::Recipient => "RCPT",
            Step::Data => "DATA",
            Step::Content => "content",
            Step::Dot => "final dot",
        })
    }
}

/// An answer, RFC 5321 §4.2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    /// 200 to 599.
    pub(crate) code: u16,
    /// The words of each line, without its code.
    pub(crate) lines: Vec<String>,
}

impl Reply {
    pub(crate) fn is_positive(&self) -> bool {
        (200..300).contains(&self.code)
    }

    /// The subject of the enhanced status code, RFC 3463: 1 is the address, 7 is policy.
    fn subject(&self) -> Option<&str> {
        let status = self.lines.first()?.split(' ').next()?;
        let mut parts = status.split('.');
        let (class, subject, detail) = (parts.next()?, parts.next()?, parts.next()?);
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        (matches!(class, "2" | "4" | "5") && digits(subject) && digits(detail) && parts.next().is_none())
            .then_some(subject)
    }
}

/// Why there is no positive answer to a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// An answer that ends the transaction.
    Refused(Step, Reply),
    /// The connection broke, or never came; why, in the words of the system.
    Lost(Step, String),
    /// Too late.
    TimedOut(Step),
    /// What came is no SMTP.
    Garbage(Step),
    /// The code died before its mail was begun.
    Expired,
    /// STARTTLS is wanted and not offered.
    NoStartTls,
    /// A login is configured and the server takes none, or none that is known here.
    NoAuth,
    /// The mail has bytes above 127 and the server does not take them.
    NoEightBit,
}

impl Failure {
    /// Whether a connection from the pool had ended before the server could have begun to take the mail: the next one
    /// may do better, at once.
    pub(crate) fn is_stale(&self) -> bool {
        match self {
            Failure::Lost(step, _) => matches!(step, Step::Reset | Step::Mail | Step::Recipient | Step::Data),
            // what cannot be wiped is of no use
            Failure::Refused(Step::Reset, _) | Failure::Garbage(Step::Reset) => true,
            // RFC 5321 §3.8: a server that has waited too long says so at the next command
            Failure::Refused(Step::Mail, reply) => reply.code == 421,
            _ => false,
        }
    }

    /// Whether the connection can carry another transaction after a RSET.
    pub(crate) fn leaves_connection(&self) -> bool {
        match self {
            Failure::Refused(step, reply) => {
                reply.code != 421 && matches!(step, Step::Mail | Step::Recipient | Step::Data | Step::Dot)
            }
            Failure::NoEightBit => true,
            _ => false,
        }
    }
}

/// Whose address the number stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recipient {
    /// `<phone>` is in `mailto`: a refused recipient is a refused number.
    Number,
    /// `mailto` is the gateway's own address.
    Gateway,
}

/// What the outcome of a hand-over means for `job`.
pub(crate) fn verdict(
    outcome: Result<Reply, Failure>,
    recipient: Recipient,
    job: &SendJob,
    secrets: &Secrets,
) -> Verdict {
    let shown = |words: &str| Detail::of_reply_without(words, job, secrets);
    match outcome {
        Ok(reply) => {
            Verdict::Accepted { gateway_id: gateway_id(&reply, shown), detail: shown(&reply.lines.join(" ")) }
        }
        Err(Failure::Refused(step, reply)) => refused(step, &reply, recipient, shown),
        Err(failure) => unanswered(failure),
    }
}

/// What the verdict was made of, in words for a person.
pub(crate) fn because(outcome: &Result<Reply, Failure>) -> String {
    match outcome {
        Ok(reply) => format!("the server answered {} to the final dot", reply.code),
        Err(Failure::Refused(step, reply)) => format!("the server answered {} to {step}", reply.code),
        Err(Failure::Lost(step, _)) => format!("{step} failed"),
        Err(Failure::TimedOut(step)) => format!("no answer in time: {step}"),
        Err(Failure::Garbage(step)) => format!("what came is no SMTP: {step}"),
        Err(Failure::Expired) => "the code died before its mail was begun".to_owned(),
        Err(Failure::NoStartTls) => "start_tls is set and the server offers no STARTTLS".to_owned(),
        Err(Failure::NoAuth) => "mailuser is set and the server offers no AUTH that is known here".to_owned(),
        Err(Failure::NoEightBit) => "encoding is 8bit and the server offers no 8BITMIME".to_owned(),
    }
}

fn refused(
    step: Step,
    reply: &Reply,
    recipient: Recipient,
    shown: impl Fn(&str) -> Option<Detail>,
) -> Verdict {
    let detail = Some(detail(step, reply, shown));
    match (step, reply.code) {
        (_, 421 | 450 | 452) => Verdict::Retry { code: ReportCode::GatewayBusy, after: None, detail },
        (_, 400..=499) => Verdict::Retry { code: ReportCode::GatewayError, after: None, detail },
        (Step::Auth, 500..=599) | (_, 530 | 534 | 535 | 538) => {
            Verdict::Rejected { about: About::Gateway, code: ReportCode::GatewayAuthFailed, detail }
        }
        (Step::Recipient, 550 | 551 | 553) if recipient == Recipient::Number && !is_policy(reply) => {
            Verdict::Rejected { about: About::Number, code: ReportCode::NumberRejected, detail }
        }
        (_, 500..=599) => {
            Verdict::Rejected { about: About::Gateway, code: ReportCode::GatewayRejected, detail }
        }
        // an answer that does not belong there: neither yes nor no
        (Step::Dot, _) => Verdict::Unknown { code: ReportCode::NoAnswer, detail },
        _ => Verdict::Retry { code: ReportCode::GatewayError, after: None, detail },
    }
}

/// "Relaying denied" and the like come as 550 too and say nothing about the number.
fn is_policy(reply: &Reply) -> bool {
    reply.subject() == Some("7")
}

/// While the final dot was not sent nothing was handed over; from then on nobody knows.
fn unanswered(failure: Failure) -> Verdict {
    let unreachable = |words: String| retry(ReportCode::GatewayUnreachable, words);
    match failure {
        Failure::Lost(Step::Dot, _) => no_answer("the connection broke after the final dot"),
        Failure::TimedOut(Step::Dot) => no_answer("no answer to the final dot in time"),
        Failure::Garbage(Step::Dot) => no_answer("what came after the final dot is no SMTP"),
        Failure::Lost(step, why) => unreachable(format!("{step} failed: {why}")),
        Failure::TimedOut(step) => unreachable(format!("no answer in time: {step}")),
        Failure::NoStartTls => unreachable("the server offers no STARTTLS".to_owned()),
        Failure::Garbage(step) => retry(ReportCode::GatewayError, format!("what came is no SMTP: {step}")),
        Failure::Expired => Verdict::Retry { code: ReportCode::Expired, after: None, detail: None },
        Failure::NoAuth => {
            rejected(ReportCode::GatewayAuthFailed, "the server offers neither AUTH PLAIN nor AUTH LOGIN")
        }
        Failure::NoEightBit => {
            rejected(ReportCode::GatewayRejected, "the server takes no 8bit: encoding needs another value")
        }
        Failure::Refused(..) => unreachable!("an answer was looked at before"),
    }
}

fn retry(code: ReportCode, words: String) -> Verdict {
    Verdict::Retry { code, after: None, detail: Some(Detail::own(words)) }
}

fn rejected(code: ReportCode, words: &str) -> Verdict {
    Verdict::Rejected { about: About::Gateway, code, detail: Some(Detail::own(words)) }
}

fn no_answer(words: &str) -> Verdict {
    Verdict::Unknown { code: ReportCode::NoAnswer, detail: Some(Detail::own(words)) }
}

/// `RCPT 550: no such user`, without what it echoes. Of an answer to AUTH the code alone: nobody knows what it
/// echoes of the password.
fn detail(step: Step, reply: &Reply, shown: impl Fn(&str) -> Option<Detail>) -> Detail {
    let words = shown(&reply.lines.join(" ")).filter(|_| step != Step::Auth);
    let words = words.map_or_else(String::new, |words| format!(": {words}"));
    Detail::own(format!("{step} {}{words}", reply.code))
}

/// The id under which the server has put the mail into its queue, as Postfix, Exim, Sendmail and OpenSMTPD say it.
fn gateway_id(reply: &Reply, shown: impl Fn(&str) -> Option<Detail>) -> Option<String> {
    let text = reply.lines.last()?;
    let behind = |sign: &str| text.split_once(sign).map(|(_, rest)| rest);
    let before = |sign: &str| text.split_once(sign).map(|(rest, _)| rest.rsplit(' ').next().unwrap_or(rest));
    let found = behind("queued as ").or_else(|| behind(" id=")).and_then(|rest| rest.split(' ').next());
    let id = found.or_else(|| before(" Message accepted for delivery"))?.trim_end_matches(['.', ',', ';']);
    let is_word = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let short = (1..=LONGEST_ID).contains(&id.len()) && id.chars().all(is_word);
    let stays = shown(id).is_some_and(|shown| shown.as_str() == id);
    (short && stays).then(|| id.to_owned())
}

#[cfg(test)]
mod tests;
