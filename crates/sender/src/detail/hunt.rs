//! Finds in a line what must not be shown.

use std::ops::Range;

use mtan_jobs::SendJob;

use super::Secrets;
use super::encoded;
use super::line::{self, Line, Pattern, SHORTEST_INSIDE, words};

/// Consecutive words of the text that give it away.
const TELLING_WORDS: usize = 3;

/// Consecutive digits of the number that give it away, where they are a word of their own.
const TELLING_DIGITS: usize = 5;

/// Consecutive digits of the number that give it away wherever they stand.
const TELLING_INSIDE: usize = TELLING_DIGITS + 2;

/// How deep an encoding is looked for in another, base64 in hexadecimal digits.
const DEEPEST: usize = 2;

/// How much longer a secret may be that is encoded or spelled.
const LONGER: usize = 4;

/// The letters of the ticket in a callback's URL: 128 bits in base32.
const TICKET: usize = 26;

/// What must not be seen of a job and of its provider.
pub(super) struct Hunt<'a> {
    text: Vec<String>,
    number: String,
    /// The code, words of the text with digits, parts of the number.
    spelled: Vec<Pattern>,
    own: &'a Secrets,
}

impl<'a> Hunt<'a> {
    pub(super) fn new(job: &SendJob, own: &'a Secrets) -> Hunt<'a> {
        let text = job.text.expose();
        let text: Vec<String> = words(text).into_iter().map(|word| text[word].to_lowercase()).collect();
        let number: String = job.to.expose().chars().filter(char::is_ascii_digit).collect();
        let parts = (0..(number.len() + 1).saturating_sub(TELLING_INSIDE))
            .map(|from| &number[from..from + TELLING_INSIDE]);
        // a code that the job does not name apart stands in the text
        let codes = text.iter().filter(|word| word.bytes().any(|b| b.is_ascii_digit())).map(String::as_str);
        let spelled =
            job.otp.as_deref().into_iter().chain(codes).chain(parts).map(Pattern::spelled).collect();
        Hunt { text, number, spelled, own }
    }

    /// How far what is looked for may reach, in characters.
    pub(super) fn reach(&self) -> usize {
        let text: usize = self.text.iter().map(|word| word.len() + 1).sum();
        LONGER * self.own.longest().max(text).max(self.number.len()).max(2 * TICKET)
    }

    /// What is left of a line up to a place in it.
    pub(super) fn remove_from(&self, (line, end): (&str, usize)) -> String {
        line::cut(line, end, self.marks(line, 0))
    }

    fn marks(&self, text: &str, depth: usize) -> Vec<Range<usize>> {
        let words = words(text);
        let mut marks = self.plain(text, &words, depth);
        if depth < DEEPEST {
            for (place, readings) in encoded::readings(text, &words) {
                if readings.iter().any(|reading| !self.marks(reading, depth + 1).is_empty()) {
                    marks.push(place);
                }
            }
        }
        marks
    }

    /// What stands there as it is. In what may be encoded and mostly is not, one or two letters are there by chance.
    fn plain(&self, text: &str, words: &[Range<usize>], depth: usize) -> Vec<Range<usize>> {
        let line = Line::of(text);
        let is_sure = |length: usize| depth == 0 || length >= SHORTEST_INSIDE;
        let patterns = self.spelled.iter().filter(|pattern| is_sure(pattern.len()));
        let mut marks: Vec<_> = patterns.flat_map(|pattern| line.find(pattern)).collect();
        for secret in self.own.iter().filter(|secret| is_sure(secret.chars.len())) {
            let letters = secret.pattern.len();
            let is_word = letters == secret.chars.len();
            if is_word || letters >= SHORTEST_INSIDE {
                marks.extend(line.find(&secret.pattern));
            }
            if !is_word {
                marks.extend(line.find_raw(&secret.chars));
            }
        }
        if depth == 0 || self.text.iter().map(String::len).sum::<usize>() >= 2 * SHORTEST_INSIDE {
            marks.extend(self.text_in(text, words));
        }
        marks.extend(self.number_in(text, words));
        marks.extend(tickets(text, words));
        marks
    }

    fn text_in(&self, text: &str, words: &[Range<usize>]) -> Vec<Range<usize>> {
        let telling = TELLING_WORDS.min(self.text.len());
        if telling == 0 {
            return Vec::new();
        }
        let lower: Vec<String> = words.iter().map(|word| text[word.clone()].to_lowercase()).collect();
        let places = lower.windows(telling).enumerate();
        let found = places.filter(|(_, here)| self.text.windows(telling).any(|words| words == *here));
        found.map(|(at, _)| words[at].start..words[at + telling - 1].end).collect()
    }

    /// Words, and groups of words, whose digits are the number's; `0170…` is the national way to write `+49170…`.
    fn number_in(&self, text: &str, words: &[Range<usize>]) -> Vec<Range<usize>> {
        let alone = words.chunks(1);
        let groups = line::groups(text, words, |word| word.bytes().all(|b| b.is_ascii_digit()));
        let tells = |group: &&[Range<usize>]| {
            let digits: String = group
                .iter()
                .flat_map(|word| text[word.clone()].chars().filter(char::is_ascii_digit))
                .collect();
            let digits = digits.trim_start_matches('0');
            let end = &self.number[self.number.len().saturating_sub(TELLING_INSIDE)..];
            (digits.len() >= TELLING_DIGITS && self.number.contains(digits)) || digits.contains(end)
        };
        let found = alone.chain(groups).filter(tells);
        found.filter_map(|group| Some(group.first()?.start..group.last()?.end)).collect()
    }
}

/// Tickets of callbacks, and what stands behind `/dlr/`, where a page may have cut one short.
fn tickets(text: &str, words: &[Range<usize>]) -> Vec<Range<usize>> {
    let of_base32 = |b: u8| matches!(b, b'a'..=b'z' | b'A'..=b'Z' | b'2'..=b'7');
    let ticket = |word: &&Range<usize>| word.len() == TICKET && text[(*word).clone()].bytes().all(of_base32);
    let mut marks: Vec<_> = words.iter().filter(ticket).cloned().collect();
    for (at, found) in text.match_indices("/dlr/") {
        let start = at + found.len();
        let length = text[start..].find(|c: char| !(c.is_ascii_alphanumeric() || "-_./~:".contains(c)));
        let end = start + length.unwrap_or(text.len() - start);
        marks.extend((end > start).then_some(start..end));
    }
    marks
}
