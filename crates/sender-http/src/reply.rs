//! A reply becomes a verdict: pure.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use mtan_jobs::{ReportCode, SendJob};
use mtan_sender::{About, Detail, Verdict};

use crate::config::Success;

/// The longest thing behind RETURN_SUCCESS that is taken for the gateway's id of the SMS.
const LONGEST_ID: usize = 64;

/// What came back.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<String>,
    /// The first 64 KiB.
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// What the reply means for `job`.
    pub(crate) fn verdict(&self, success: &Success, job: &SendJob, now: Timestamp) -> Verdict {
        let begins_with = |text: &String| self.body().starts_with(text.as_bytes());
        match success {
            Success::BeginsWith(text) if begins_with(text) => self.matched(text, job),
            // a 2xx without the words of success is a refusal, any other status says itself what it is
            Success::BeginsWith(_) => self.by_status(job, now).unwrap_or_else(|| self.refused(job)),
            Success::BeginsNotWith(text) if begins_with(text) => {
                self.by_status(job, now).unwrap_or_else(|| self.refused(job))
            }
            Success::BeginsNotWith(_) | Success::Status => {
                self.by_status(job, now).unwrap_or_else(|| self.accepted(None, job))
            }
        }
    }

    /// RETURN_SUCCESS matches. A gateway that says yes and fails in the same breath has said nothing.
    fn matched(&self, success: &str, job: &SendJob) -> Verdict {
        if self.status >= 500 {
            return Verdict::Unknown { code: ReportCode::NoAnswer, detail: self.detail(job) };
        }
        self.accepted(self.id_behind(success, job), job)
    }

    fn accepted(&self, gateway_id: Option<String>, job: &SendJob) -> Verdict {
        Verdict::Accepted { gateway_id, detail: Detail::of_reply(&self.text(), job) }
    }

    fn refused(&self, job: &SendJob) -> Verdict {
        self.rejected(ReportCode::GatewayRejected, job)
    }

    /// The number is never blamed: a status does not say whom it means, and another pool may do better.
    fn rejected(&self, code: ReportCode, job: &SendJob) -> Verdict {
        Verdict::Rejected { about: About::Gateway, code, detail: self.detail(job) }
    }

    /// What the status means by itself; `None` for the 2xx.
    fn by_status(&self, job: &SendJob, now: Timestamp) -> Option<Verdict> {
        Some(match self.status {
            200..=299 => return None,
            300..=399 => self.rejected(ReportCode::RedirectRefused, job),
            401 | 403 | 407 => self.rejected(ReportCode::GatewayAuthFailed, job),
            408 | 425 | 429 => self.retry(ReportCode::GatewayBusy, job, now),
            400..=499 => self.refused(job),
            _ => self.retry(ReportCode::GatewayError, job, now),
        })
    }

    fn retry(&self, code: ReportCode, job: &SendJob, now: Timestamp) -> Verdict {
        let after = self.retry_after.as_deref().and_then(|text| wait(text, now));
        Verdict::Retry { code, after, detail: self.detail(job) }
    }

    /// The body without a byte order mark.
    fn body(&self) -> &[u8] {
        self.body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&self.body)
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(self.body()).into_owned()
    }

    /// The status and the beginning of the body, without what it echoes of the job.
    fn detail(&self, job: &SendJob) -> Option<Detail> {
        let words = Detail::of_reply(&self.text(), job);
        let words = words.map_or_else(String::new, |words| format!(": {words}"));
        Some(Detail::own(format!("HTTP {}{words}", self.status)))
    }

    /// `4711` of `ID: 4711`: all that follows RETURN_SUCCESS on the first line, if it is one short word, and none of
    /// the job's own.
    fn id_behind(&self, success: &str, job: &SendJob) -> Option<String> {
        let text = self.text();
        let line = text.strip_prefix(success)?.lines().next()?;
        let id = line.trim_start_matches([':', '=', ' ', '\t']).trim_end();
        let is_word = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let short = (1..=LONGEST_ID).contains(&id.len()) && id.chars().all(is_word);
        let stays = Detail::of_reply(id, job).is_some_and(|shown| shown.as_str() == id);
        (short && stays).then(|| id.to_owned())
    }
}

/// Retry-After, RFC 9110 §10.2.3: seconds, or a date.
fn wait(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests;
