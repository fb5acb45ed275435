//! A word from the gateway that may be shown: short, printable, without the text, the code or the number.

use std::fmt;
use std::ops::Range;

use mtan_jobs::{ReportCode, SendJob};
use percent_encoding::percent_decode_str;

/// The longest detail, in characters.
const MAX_CHARS: usize = 100;

/// How much of a reply is looked at, in characters.
const WINDOW: usize = 4096;

/// Consecutive words of the text that give it away.
const TELLING_WORDS: usize = 3;

/// Consecutive digits of the number that give it away.
const TELLING_DIGITS: usize = 5;

/// The shortest code that is looked for inside of other words; a shorter one stands alone or is no secret.
const SHORTEST_CODE: usize = 4;

/// What a report's `detail` may hold. Made from a gateway's words only by taking out what the job keeps secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detail(String);

impl Detail {
    /// Our own words; the caller knows that no text, code or number is among them.
    pub fn own(words: impl AsRef<str>) -> Detail {
        Detail(short(words.as_ref()))
    }

    /// What a gateway said about `job`, without what it echoes of the job; `None` if nothing is left.
    pub fn of_reply(reply: &str, job: &SendJob) -> Option<Detail> {
        let reply = window(reply);
        let secrets = Secrets::of(job);
        let clean = short(&secrets.remove_from(&reply));
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

/// The beginning of a reply with its percent-encoding undone, for an echoed query hides a text in it. A word that the
/// end of the window cuts is left out: half a code would no longer be known as one.
fn window(reply: &str) -> String {
    let decoded = printable(&percent_decode_str(reply).decode_utf8_lossy());
    match decoded.char_indices().nth(WINDOW) {
        None => decoded,
        Some((end, _)) => decoded[..end].trim_end_matches(char::is_alphanumeric).to_owned(),
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

/// What must not be seen of a job.
struct Secrets {
    code: Option<String>,
    text: Vec<String>,
    number: String,
}

impl Secrets {
    fn of(job: &SendJob) -> Secrets {
        let text = job.text.expose();
        Secrets {
            code: job.otp.as_deref().map(alphanumeric).filter(|code| !code.is_empty()),
            text: words(text).into_iter().map(|w| text[w].to_lowercase()).collect(),
            number: job.to.expose().chars().filter(char::is_ascii_digit).collect(),
        }
    }

    fn remove_from(&self, reply: &str) -> String {
        let words = words(reply);
        let lower: Vec<String> = words.iter().map(|w| reply[w.clone()].to_lowercase()).collect();
        let mut secret: Vec<bool> =
            lower.iter().map(|word| self.has_code(word) || self.has_number(word)).collect();
        self.mark_text(&lower, &mut secret);
        self.mark_digit_groups(reply, &words, &mut secret);
        cut(reply, &words, &secret)
    }

    /// The code itself, or a word with digits that stands in the text: a code that the job does not name apart.
    fn has_code(&self, word: &str) -> bool {
        let named = self
            .code
            .as_deref()
            .is_some_and(|code| word == code || (code.len() >= SHORTEST_CODE && word.contains(code)));
        named
            || self.text.iter().any(|secret| {
                secret.chars().any(|c| c.is_ascii_digit())
                    && (word == secret || (secret.len() >= SHORTEST_CODE && word.contains(secret.as_str())))
            })
    }

    /// Digits of the number, as far as they tell it from others; `0170…` is the national way to write `+49170…`.
    fn has_number(&self, word: &str) -> bool {
        let digits: String = word.chars().filter(char::is_ascii_digit).collect();
        let digits = digits.trim_start_matches('0');
        let end = &self.number[self.number.len().saturating_sub(TELLING_DIGITS + 2)..];
        (digits.len() >= TELLING_DIGITS && self.number.contains(digits)) || digits.contains(end)
    }

    fn mark_text(&self, reply: &[String], secret: &mut [bool]) {
        let telling = TELLING_WORDS.min(self.text.len());
        if telling == 0 {
            return;
        }
        for start in 0..(reply.len() + 1).saturating_sub(telling) {
            let here = &reply[start..start + telling];
            if self.text.windows(telling).any(|words| words == here) {
                secret[start..start + telling].fill(true);
            }
        }
    }

    /// Codes and numbers that are written in groups: `123 456`, `+49 (170) 123-4567`.
    fn mark_digit_groups(&self, reply: &str, words: &[Range<usize>], secret: &mut [bool]) {
        let digits = |i: usize| reply[words[i].clone()].bytes().all(|b| b.is_ascii_digit());
        let joined = |i: usize| {
            let gap = &reply[words[i].end..words[i + 1].start];
            digits(i + 1) && gap.chars().all(|c| " \u{a0}-./()+".contains(c))
        };
        let mut start = 0;
        while start < words.len() {
            let mut end = start;
            while digits(start) && end + 1 < words.len() && joined(end) {
                end += 1;
            }
            let group: String = words[start..=end].iter().map(|w| &reply[w.clone()]).collect();
            if end > start && (self.has_code(&group) || self.has_number(&group)) {
                secret[start..=end].fill(true);
            }
            start = end + 1;
        }
    }
}

fn alphanumeric(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase()
}

/// Where the words are: the longest runs of letters and digits.
fn words(text: &str) -> Vec<Range<usize>> {
    let mut words: Vec<Range<usize>> = Vec::new();
    for (at, c) in text.char_indices().filter(|(_, c)| c.is_alphanumeric()) {
        match words.last_mut() {
            Some(word) if word.end == at => word.end = at + c.len_utf8(),
            _ => words.push(at..at + c.len_utf8()),
        }
    }
    words
}

/// `text` without the secret words; neighbours become one `…`.
fn cut(text: &str, words: &[Range<usize>], secret: &[bool]) -> String {
    let (mut kept, mut from, mut i) = (String::new(), 0, 0);
    while i < words.len() {
        if !secret[i] {
            i += 1;
            continue;
        }
        kept.push_str(&text[from..words[i].start]);
        kept.push('…');
        while i + 1 < words.len() && secret[i + 1] {
            i += 1;
        }
        from = words[i].end;
        i += 1;
    }
    kept.push_str(&text[from..]);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn job(text: &str, otp: Option<&str>) -> SendJob {
        let body = serde_json::json!({ "id": "1", "to": "+491701234567", "text": text, "otp": otp });
        SendJob::from_json(body.to_string().as_bytes()).unwrap()
    }

    fn detail(reply: &str) -> Option<String> {
        Detail::of_reply(reply, &job("Your code is 123456", Some("123456"))).map(|d| d.0)
    }

    #[test]
    fn a_reply_without_echo_stays_as_it_is() {
        for reply in [
            "ID: 4711",
            "ERR: 301, No Credit Left",
            "Status=0, id 20261123181500",
            "{\"error\":\"wrong code\"}",
        ] {
            assert_eq!(detail(reply).as_deref(), Some(reply));
        }
    }

    #[test]
    fn what_a_gateway_echoes_of_the_job_is_taken_out() {
        for (reply, expected) in [
            ("OK 123456", "OK …"),
            ("sent <Your code is 123456> to +491701234567", "sent <…> to +…"),
            ("text=Your+code+is+123456&to=%2B491701234567", "text=…&to=+…"),
            ("text=Your%20code%20is%20123456", "text=…"),
            ("YOUR CODE IS 123456", "…"),
            ("to 0170 123 45 67: bad", "to …: bad"),
            ("to +49 (170) 123-4567: bad", "to +…: bad"),
            ("to 00491701234567", "to …"),
            ("to 0170123: too short", "to …: too short"),
            ("code 123 456", "code …"),
            ("code 123\u{200b}456", "code …"),
            ("ref-abc123456def", "ref-…"),
            ("bad text 'Your code is'", "bad text '…'"),
        ] {
            assert_eq!(
                detail(reply).unwrap_or_default(),
                if expected == "…" { "" } else { expected },
                "{reply}"
            );
        }
    }

    #[test]
    fn a_code_that_stands_only_in_the_text_is_taken_out_too() {
        let job = job("Ihr Code: 8812-X7", None);
        assert_eq!(Detail::of_reply("echo 8812 done", &job).unwrap().as_str(), "echo … done");
        assert_eq!(Detail::of_reply("echo x7!", &job).unwrap().as_str(), "echo …!");
    }

    #[test]
    fn control_characters_become_spaces_and_long_replies_are_cut() {
        assert_eq!(detail("a\r\nb\0\u{202e}c\t\u{1b}[31m").as_deref(), Some("a b c [31m"));
        let long = detail(&"word ".repeat(60)).unwrap();
        assert_eq!(long.chars().count(), 100);
        assert!(long.ends_with('…'));
        for nothing in ["", " \r\n", "…", "<>"] {
            assert_eq!(detail(nothing), None, "{nothing:?}");
        }
    }

    proptest! {
        #[test]
        fn neither_code_nor_number_is_left_of_any_reply(
            before in ".{0,40}", between in "[^0-9]{0,40}", after in ".{0,5000}", code in "[0-9]{6,8}",
        ) {
            let job = job(&format!("Code {code}!"), Some(&code));
            let reply = format!("{before}{code}{between}+491701234567{after}");
            let left = Detail::of_reply(&reply, &job).map(|d| d.0).unwrap_or_default();
            prop_assert!(!left.contains(&code), "{left}");
            prop_assert!(!left.contains("1701234567"), "{left}");
            prop_assert!(left.chars().count() <= MAX_CHARS);
            prop_assert!(!left.chars().any(char::is_control));
        }
    }
}
