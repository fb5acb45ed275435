//! A word from the gateway that may be shown: short, printable, without what the job or the configuration keeps secret.

mod encoded;
mod escapes;
mod hunt;
mod line;
mod secrets;

use std::fmt;

use mtan_jobs::{ReportCode, SendJob};

use hunt::Hunt;
pub use secrets::Secrets;

/// The longest detail, in characters.
const MAX_CHARS: usize = 100;

/// How much of a reply is looked at, in characters.
const WINDOW: usize = 4096;

/// What a report's `detail` may hold. Made from a gateway's words only by taking out what must stay secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detail(String);

impl Detail {
    /// Our own words; the caller knows that no secret is among them.
    pub fn own(words: impl AsRef<str>) -> Detail {
        Detail(short(words.as_ref()))
    }

    /// What a gateway said about `job`, without what it echoes of the job; `None` if nothing is left.
    pub fn of_reply(reply: &str, job: &SendJob) -> Option<Detail> {
        Detail::of_reply_without(reply, job, &Secrets::default())
    }

    /// As [`Detail::of_reply`], and without what it echoes of the provider's own `secrets`. Both are found as they stand,
    /// percent-encoded, in escapes of JSON and HTML, in hexadecimal digits (UCS-2 too) and in base64; in doubt a word goes.
    pub fn of_reply_without(reply: &str, job: &SendJob, secrets: &Secrets) -> Option<Detail> {
        let plain = printable(&escapes::undone(reply)?);
        let hunt = Hunt::new(job, secrets);
        let clean = short(&hunt.remove_from(window(&plain, hunt.reach())));
        clean.chars().any(char::is_alphanumeric).then_some(Detail(clean))
    }

    /// What the last of several failures was.
    pub(crate) fn last_failure(code: ReportCode, detail: Option<Detail>) -> Detail {
        match detail {
            Some(Detail(words)) => Detail(short(&format!("last: {code}, {words}"))),
            None => Detail(format!("last: {code}")),
        }
    }

    /// The words.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The beginning of a reply, and how much of it may be shown: the rest, as long as the longest secret, is there to be
/// looked at, for a secret that the end of the window cuts would no longer be known as one.
fn window(reply: &str, reach: usize) -> (&str, usize) {
    let place = |nth| reply.char_indices().nth(nth).map(|(at, _)| at);
    match place(WINDOW + reach) {
        None => (reply, reply.len()),
        Some(end) => (&reply[..end], place(WINDOW).unwrap_or(end)),
    }
}

/// Printable, single spaces, at most [`MAX_CHARS`].
fn short(words: &str) -> String {
    let joined = printable(words);
    let joined = joined.split_whitespace().collect::<Vec<_>>().join(" ");
    match joined.char_indices().nth(MAX_CHARS) {
        None => joined,
        Some(_) => joined.chars().take(MAX_CHARS - 1).chain(['…']).collect(),
    }
}

fn printable(words: &str) -> String {
    words.replace(|c: char| c.is_control() || is_invisible(c), " ")
}

/// Characters that change how a line reads without being seen: zero width, direction marks, byte order mark.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fffd}')
}

#[cfg(test)]
mod tests;
