//! A line in which something is looked for, with other signs between its letters or without.

use std::ops::Range;

/// How many characters may stand between two letters of what is looked for, as in `+49 (170) 12`.
pub(super) const WIDEST_GAP: usize = 3;

/// The shortest that is looked for inside of other words; what is shorter stands alone or is no secret.
pub(super) const SHORTEST_INSIDE: usize = 4;

/// The characters of a text in lower case, and where they stand.
pub(super) struct Line<'a> {
    pub(super) text: &'a str,
    all: Vec<(usize, char)>,
    /// Which of them are letters and digits.
    letters: Vec<usize>,
}

/// Letters and digits that are looked for.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    letters: Vec<char>,
    gaps: Gaps,
}

#[derive(Clone, PartialEq, Eq)]
enum Gaps {
    Anywhere,
    /// Behind these letters.
    Behind(Vec<bool>),
}

impl Pattern {
    /// `text` with anything between its letters: `1:2:3` is `123`.
    pub(super) fn spelled(text: &str) -> Pattern {
        let letters = text.chars().filter(|c| c.is_alphanumeric()).map(small).collect();
        Pattern { letters, gaps: Gaps::Anywhere }
    }

    /// `text` with something between its letters only where there is something: `a+b` is `a b`, and `ab` is not.
    pub(super) fn written(text: &str) -> Pattern {
        let chars: Vec<char> = text.chars().collect();
        let at: Vec<usize> = (0..chars.len()).filter(|at| chars[*at].is_alphanumeric()).collect();
        let gaps = at.windows(2).map(|pair| pair[1] > pair[0] + 1).collect();
        Pattern { letters: at.into_iter().map(|at| small(chars[at])).collect(), gaps: Gaps::Behind(gaps) }
    }

    pub(super) fn len(&self) -> usize {
        self.letters.len()
    }

    fn may_gap(&self, behind: usize) -> bool {
        match &self.gaps {
            Gaps::Anywhere => true,
            Gaps::Behind(gaps) => gaps[behind],
        }
    }
}

impl<'a> Line<'a> {
    pub(super) fn of(text: &'a str) -> Line<'a> {
        let all: Vec<(usize, char)> = text.char_indices().map(|(at, c)| (at, small(c))).collect();
        let letters = (0..all.len()).filter(|i| all[*i].1.is_alphanumeric()).collect();
        Line { text, all, letters }
    }

    /// Where `pattern` stands, in bytes.
    pub(super) fn find(&self, pattern: &Pattern) -> Vec<Range<usize>> {
        let n = pattern.len();
        if n == 0 {
            return Vec::new();
        }
        let places = self.letters.windows(n).filter(|here| self.is_at(pattern, here));
        places.map(|here| self.range(here[0], here[n - 1])).collect()
    }

    /// Where exactly `chars` stand, whatever they are.
    pub(super) fn find_raw(&self, chars: &[char]) -> Vec<Range<usize>> {
        let n = chars.len();
        if n == 0 {
            return Vec::new();
        }
        let is_here = |i: &usize| {
            let here = self.all[*i..*i + n].iter().map(|(_, c)| *c);
            here.eq(chars.iter().map(|c| small(*c)))
        };
        (0..(self.all.len() + 1).saturating_sub(n))
            .filter(is_here)
            .map(|i| self.range(i, i + n - 1))
            .collect()
    }

    fn is_at(&self, pattern: &Pattern, here: &[usize]) -> bool {
        let gap_fits = |(behind, pair): (usize, &[usize])| match pair[1] - pair[0] - 1 {
            0 => true,
            gap => gap <= WIDEST_GAP && pattern.may_gap(behind),
        };
        pattern.letters.iter().zip(here).all(|(c, at)| self.all[*at].1 == *c)
            && here.windows(2).enumerate().all(gap_fits)
            && (here.len() >= SHORTEST_INSIDE || self.is_alone(here[0], here[here.len() - 1]))
    }

    fn is_alone(&self, first: usize, last: usize) -> bool {
        let is_letter =
            |at: Option<usize>| at.and_then(|at| self.all.get(at)).is_some_and(|(_, c)| c.is_alphanumeric());
        !is_letter(first.checked_sub(1)) && !is_letter(Some(last + 1))
    }

    fn range(&self, first: usize, last: usize) -> Range<usize> {
        let end = self.all.get(last + 1).map_or(self.text.len(), |(at, _)| *at);
        self.all[first].0..end
    }
}

fn small(c: char) -> char {
    c.to_lowercase().next().unwrap_or(c)
}

/// Where the words are: the longest runs of letters and digits.
pub(super) fn words(text: &str) -> Vec<Range<usize>> {
    runs(text, char::is_alphanumeric)
}

/// The longest runs of characters that are `of_run`.
pub(super) fn runs(text: &str, of_run: impl Fn(char) -> bool) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (at, c) in text.char_indices().filter(|(_, c)| of_run(*c)) {
        match runs.last_mut() {
            Some(run) if run.end == at => run.end = at + c.len_utf8(),
            _ => runs.push(at..at + c.len_utf8()),
        }
    }
    runs
}

/// Neighbours that are `of_group`, with at most [`WIDEST_GAP`] characters between two of them.
pub(super) fn groups<'w>(
    text: &str,
    words: &'w [Range<usize>],
    of_group: impl Fn(&str) -> bool,
) -> Vec<&'w [Range<usize>]> {
    let (mut groups, mut start) = (Vec::new(), 0);
    while start < words.len() {
        let mut end = start + 1;
        if of_group(&text[words[start].clone()]) {
            while end < words.len()
                && of_group(&text[words[end].clone()])
                && text[words[end - 1].end..words[end].start].chars().count() <= WIDEST_GAP
            {
                end += 1;
            }
            groups.push(&words[start..end]);
        }
        start = end;
    }
    groups
}

/// `text` up to `end` without what is marked: whole words go, and neighbours become one `…`.
pub(super) fn cut(text: &str, end: usize, mut marks: Vec<Range<usize>>) -> String {
    marks.sort_by_key(|mark| mark.start);
    let (mut kept, mut from) = (String::new(), 0);
    for mark in marks {
        let before = text[..mark.start].trim_end_matches(char::is_alphanumeric).len();
        let rest = text[mark.end..].trim_start_matches(char::is_alphanumeric);
        if before >= end {
            break;
        }
        let joins = before <= from || !text[from..before].contains(char::is_alphanumeric);
        if kept.is_empty() || !joins || from == 0 {
            kept.push_str(&text[from..before.max(from)]);
            kept.push('…');
        }
        from = from.max(text.len() - rest.len());
    }
    kept.push_str(text.get(from..end).unwrap_or_default());
    kept
}
