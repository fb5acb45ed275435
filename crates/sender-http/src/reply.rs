//! A reply becomes a verdict: pure.

mod because;
mod json;

use std::borrow::Cow;
use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use mtan_jobs::{ReportCode, SendJob};
use mtan_sender::{About, Detail, Secrets, Verdict};

use crate::config::{MessageId, ReplyRules, StatusMeans, StatusRules, Success};

/// The longest id of a gateway that is taken over.
const LONGEST_ID: usize = 64;

/// What came back.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<String>,
    /// The first 64 KiB.
    pub(crate) body: Vec<u8>,
}

/// What a reply may repeat and a verdict may not.
#[derive(Clone, Copy)]
struct Echo<'a> {
    job: &'a SendJob,
    secrets: &'a Secrets,
}

/// What the deciding key says about a reply.
enum Found {
    /// The words of success, and RETURN_SUCCESS itself if that is what they are.
    Success(Option<String>),
    /// Not the words of success, or the words of failure.
    Failure,
    /// Not the words of failure, or no words are expected.
    Nothing,
}

impl Reply {
    /// What the reply means for `job`.
    pub(crate) fn verdict(&self, rules: &ReplyRules, job: &SendJob, now: Timestamp) -> Verdict {
        let echo = Echo { job, secrets: &rules.secrets };
        let verdict = self.at_first_sight(rules, echo, now);
        match self.refusal(rules, &verdict) {
            None => verdict,
            Some(code @ (ReportCode::GatewayBusy | ReportCode::GatewayError)) => self.retry(code, echo, now),
            Some(code @ ReportCode::NumberRejected) => {
                Verdict::Rejected { about: About::Number, code, detail: self.detail(echo) }
            }
            Some(code) => self.rejected(code, echo),
        }
    }

    /// What REFUSALS says about a reply that is no success; an outcome that nobody knows stays so.
    fn refusal(&self, rules: &ReplyRules, verdict: &Verdict) -> Option<ReportCode> {
        if !matches!(verdict, Verdict::Rejected { .. } | Verdict::Retry { .. }) {
            return None;
        }
        let text = self.text();
        rules.refusals.iter().find(|(_, regex)| regex.is_match(&text)).map(|(code, _)| *code)
    }

    /// Without REFUSALS.
    fn at_first_sight(&self, rules: &ReplyRules, echo: Echo<'_>, now: Timestamp) -> Verdict {
        let text = self.text();
        let found = found(&rules.success, &text);
        let accepted = |prefix: Option<&str>| Verdict::Accepted {
            gateway_id: self.gateway_id(rules, &text, prefix, echo),
            detail: echo.removed_from(&text),
        };
        if rules.status == StatusRules::Ignore {
            return match found {
                Found::Success(prefix) => accepted(prefix.as_deref()),
                Found::Nothing => accepted(None),
                Found::Failure => self.rejected(ReportCode::GatewayRejected, echo),
            };
        }
        let own = rules.status.own(self.status);
        match found {
            // a gateway that says yes and fails in the same breath has said nothing
            Found::Success(_) if self.status >= 500 && own != Some(StatusMeans::Accepted) => {
                Verdict::Unknown { code: ReportCode::NoAnswer, detail: self.detail(echo) }
            }
            Found::Success(prefix) => accepted(prefix.as_deref()),
            found => match own {
                Some(StatusMeans::Accepted) => accepted(None),
                Some(StatusMeans::Retry) if self.status >= 500 => {
                    self.retry(ReportCode::GatewayError, echo, now)
                }
                Some(StatusMeans::Retry) => self.retry(ReportCode::GatewayBusy, echo, now),
                Some(StatusMeans::Rejected) => self.rejected(ReportCode::GatewayRejected, echo),
                None => match (self.by_status(echo, now), found) {
                    (Some(verdict), _) => verdict,
                    // a 2xx without the words of success is a refusal
                    (None, Found::Failure) => self.rejected(ReportCode::GatewayRejected, echo),
                    (None, _) if is_page(&text) => self.page(),
                    (None, _) => accepted(None),
                },
            },
        }
    }

    /// Not about the number: a status does not say whom it means, and another pool may do better.
    fn rejected(&self, code: ReportCode, echo: Echo<'_>) -> Verdict {
        Verdict::Rejected { about: About::Gateway, code, detail: self.detail(echo) }
    }

    /// What the status means by itself; `None` for the 2xx.
    fn by_status(&self, echo: Echo<'_>, now: Timestamp) -> Option<Verdict> {
        Some(match self.status {
            200..=299 => return None,
            300..=399 => self.rejected(ReportCode::RedirectRefused, echo),
            401 | 403 | 407 => self.rejected(ReportCode::GatewayAuthFailed, echo),
            408 | 425 | 429 => self.retry(ReportCode::GatewayBusy, echo, now),
            400..=499 => self.rejected(ReportCode::GatewayRejected, echo),
            _ => self.retry(ReportCode::GatewayError, echo, now),
        })
    }

    /// A page for people, where nothing says how a success reads: a captive portal answers 200 to everything, and some
    /// old gateway may have sent the SMS. Nobody knows.
    fn page(&self) -> Verdict {
        let words = format!("HTTP {}: an HTML page; RETURN_SUCCESS could tell what it means", self.status);
        Verdict::Unknown { code: ReportCode::NoAnswer, detail: Some(Detail::own(words)) }
    }

    fn retry(&self, code: ReportCode, echo: Echo<'_>, now: Timestamp) -> Verdict {
        let after = self.retry_after.as_deref().and_then(|text| wait(text, now));
        Verdict::Retry { code, after, detail: self.detail(echo) }
    }

    /// The body, without a byte order mark.
    fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&self.body))
    }

    /// The status and the beginning of the body, without what it echoes.
    fn detail(&self, echo: Echo<'_>) -> Option<Detail> {
        let words = echo.removed_from(&self.text());
        let words = words.map_or_else(String::new, |words| format!(": {words}"));
        Some(Detail::own(format!("HTTP {}{words}", self.status)))
    }

    /// What MESSAGE_ID points at, else the word behind RETURN_SUCCESS; one short word, and no secret.
    fn gateway_id(
        &self,
        rules: &ReplyRules,
        text: &str,
        prefix: Option<&str>,
        echo: Echo<'_>,
    ) -> Option<String> {
        let id = match &rules.message_id {
            Some(MessageId::Pointer(pointer)) => {
                json::parse(text).as_ref().and_then(|json| json::at(json, pointer))
            }
            Some(MessageId::Group(regex)) => {
                regex.captures(text).and_then(|found| Some(found.get(1)?.as_str().to_owned()))
            }
            None => prefix.and_then(|prefix| behind(prefix, text)),
        }?;
        let of_a_word = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
        let is_word = (1..=LONGEST_ID).contains(&id.len()) && id.chars().all(of_a_word);
        let stays = echo.removed_from(&id).is_some_and(|shown| shown.as_str() == id);
        (is_word && stays).then_some(id)
    }
}

impl Echo<'_> {
    fn removed_from(self, words: &str) -> Option<Detail> {
        Detail::of_reply_without(words, self.job, self.secrets)
    }
}

fn found(success: &Success, text: &str) -> Found {
    let success_if = |yes| if yes { Found::Success(None) } else { Found::Failure };
    let failure_if = |yes| if yes { Found::Failure } else { Found::Nothing };
    match success {
        Success::Matches(regex) => success_if(regex.is_match(text)),
        Success::MatchesNot(regex) => failure_if(regex.is_match(text)),
        Success::BeginsWith(words) => {
            // the longest: what stands behind it is the id
            let word =
                words.iter().filter(|word| text.starts_with(word.as_str())).max_by_key(|word| word.len());
            word.map_or(Found::Failure, |word| Found::Success(Some(word.clone())))
        }
        Success::BeginsNotWith(words) => failure_if(words.iter().any(|word| text.starts_with(word.as_str()))),
        Success::Json(rules) => success_if(
            json::parse(text).is_some_and(|json| rules.iter().all(|rule| json::holds(&json, rule))),
        ),
        Success::Status => Found::Nothing,
    }
}

/// `4711` of `ID: 4711`: all that follows `prefix` on the first line.
fn behind(prefix: &str, text: &str) -> Option<String> {
    let line = text.strip_prefix(prefix)?.lines().next()?;
    Some(line.trim_start_matches([':', '=', ' ', '\t']).trim_end().to_owned())
}

/// A whole HTML document, whatever its media type: PHP calls every `OK` text/html.
fn is_page(text: &str) -> bool {
    let begins = |word: &str| {
        text.trim_start().get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
    };
    begins("<!doctype html") || begins("<html")
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
