//! Which parts of a URL's path are words, and which may be a token.

/// The longest part that is shown, in characters.
const LONGEST: usize = 24;

/// The longest word of letters alone.
const LONGEST_WORD: usize = 16;

/// The longest word with digits in it: `v1`, `sms24`, a year.
const LONGEST_MIXED: usize = 5;

/// Whether `part` is made of short plain words, as in `cgi-bin`, `v2.1` or `2010-04-01`; all else may be a token.
pub(crate) fn is_plain(part: &str) -> bool {
    let is_word = |word: &str| match word.bytes().any(|b| b.is_ascii_digit()) {
        true => word.len() <= LONGEST_MIXED,
        false => word.len() <= LONGEST_WORD,
    };
    let known = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
    let mut words = part.split(|c: char| !c.is_ascii_alphanumeric());
    part.len() <= LONGEST && part.chars().all(known) && words.all(is_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_told_from_tokens() {
        for part in
            ["", "send", "cgi-bin", "sendsms.php", "v1", "2010-04-01", "Messages.json", "text-messages"]
        {
            assert!(is_plain(part), "{part}");
        }
        for part in [
            "TOKEN123",
            "hunter2",
            "4711081519",
            "AC0123456789abcdef",
            "abcdefghijklmnopqrstuvwxyz",
            "a%20b",
            "a:b",
            "ü",
        ] {
            assert!(!is_plain(part), "{part}");
        }
    }
}
