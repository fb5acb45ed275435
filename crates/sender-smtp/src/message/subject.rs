//! The Subject line: one line of text, whatever is put into it.

use data_encoding::BASE64;

use super::{Charset, Encoding, Unfit};

const NAME: &str = "Subject: ";

/// RFC 5322 §2.1.1: lines should be no longer than 78; encoded words want 76 (RFC 2047 §2).
const LINE: usize = 76;

/// The longest line that is allowed at all.
const LONGEST_LINE: usize = 998;

/// The whole header, folded, without its last line end.
pub(super) fn header(subject: &str, charset: Charset, encoding: Encoding) -> Result<String, Unfit> {
    let subject = one_line(subject);
    // a gateway that reads seven bits reads no encoded words
    let as_it_is = encoding == Encoding::SevenBit || stays_itself(&subject);
    if !as_it_is {
        return encoded(&subject, charset);
    }
    let folded = folded(&subject);
    let fits = folded.is_ascii() && folded.split("\r\n").all(|line| line.len() <= LONGEST_LINE);
    match (fits, encoding) {
        (true, _) => Ok(folded),
        (false, Encoding::SevenBit) => Err(Unfit),
        (false, _) => encoded(&subject, charset),
    }
}

/// Line ends and other control characters become a space: nothing in a text begins a header of its own.
fn one_line(subject: &str) -> String {
    subject
        .replace("\r\n", " ")
        .replace(|c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'), " ")
}

/// Whether readers see the same text where it is written as it is.
fn stays_itself(subject: &str) -> bool {
    subject.bytes().all(|byte| matches!(byte, b' '..=b'~'))
        && !subject.contains("=?")
        && subject.trim() == subject
}

/// RFC 5322 §2.2.3: a line end before a space, which stays.
fn folded(subject: &str) -> String {
    let mut written = NAME.to_owned();
    let (mut line, mut rest) = (NAME.len(), subject);
    while !rest.is_empty() {
        let blanks = rest.len() - rest.trim_start_matches(' ').len();
        let end = rest[blanks..].find(' ').map_or(rest.len(), |end| blanks + end);
        let (word, behind) = rest.split_at(end);
        if line > NAME.len() && line + word.len() > LINE && blanks > 0 && blanks < word.len() {
            written.push_str("\r\n");
            line = 0;
        }
        written.push_str(word);
        line += word.len();
        rest = behind;
    }
    written
}

/// RFC 2047: words in base64, each of whole characters.
fn encoded(subject: &str, charset: Charset) -> Result<String, Unfit> {
    let frame = format!("=?{}?B??=", charset.name()).len();
    let room = (LINE - NAME.len() - frame) / 4 * 3;
    let (mut words, mut word) = (Vec::new(), Vec::new());
    for c in subject.chars() {
        let bytes = charset.encode(c.encode_utf8(&mut [0; 4]))?;
        if word.len() + bytes.len() > room {
            words.push(std::mem::take(&mut word));
        }
        word.extend_from_slice(&bytes);
    }
    words.push(word);
    let name = charset.name();
    let words = words.iter().map(|word| format!("=?{name}?B?{}?=", BASE64.encode(word)));
    Ok(format!("{NAME}{}", words.collect::<Vec<_>>().join("\r\n ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn utf8(subject: &str) -> String {
        header(subject, Charset::UTF_8, Encoding::Auto).unwrap()
    }

    #[test]
    fn plain_text_stays_plain() {
        assert_eq!(utf8("+491701234567"), "Subject: +491701234567");
        assert_eq!(utf8("[mtan]"), "Subject: [mtan]");
        assert_eq!(utf8(""), "Subject: ");
    }

    #[test]
    fn a_line_end_becomes_a_space() {
        assert_eq!(utf8("a\r\nBcc: b@c\rd\ne\tf\0g"), "Subject: a Bcc: b@c d e f g");
    }

    #[test]
    fn what_would_be_read_as_something_else_is_encoded() {
        assert_eq!(utf8("ä"), "Subject: =?utf-8?B?w6Q=?=");
        assert_eq!(utf8("=?x"), "Subject: =?utf-8?B?PT94?=");
        assert_eq!(utf8(" x"), "Subject: =?utf-8?B?IHg=?=");
        assert_eq!(header("ä", Charset::Latin1, Encoding::Auto).unwrap(), "Subject: =?iso-8859-1?B?5A==?=");
    }

    #[test]
    fn seven_bits_take_plain_ascii_or_nothing() {
        assert_eq!(header("ä", Charset::UTF_8, Encoding::SevenBit), Err(Unfit));
        assert_eq!(header("=?x", Charset::UTF_8, Encoding::SevenBit).unwrap(), "Subject: =?x");
        assert_eq!(header(&"x".repeat(999), Charset::UTF_8, Encoding::SevenBit), Err(Unfit));
        assert_eq!(header("€", Charset::Latin1, Encoding::Auto), Err(Unfit));
    }

    #[test]
    fn long_subjects_are_folded_at_their_spaces() {
        let long = "seven77 ".repeat(30);
        let header = utf8(long.trim());
        assert!(header.split("\r\n").all(|line| line.len() <= 76), "{header}");
        assert!(header.split("\r\n").skip(1).all(|line| line.starts_with(" seven77")), "{header}");
        assert_eq!(header.replace("\r\n", ""), format!("Subject: {}", long.trim()));
        assert!(utf8(&"x".repeat(2000)).split("\r\n").all(|line| line.len() <= 76));
    }

    proptest! {
        #[test]
        fn no_subject_leaves_its_header(subject in "[\\PC\r\n\t =?]{0,200}") {
            let header = utf8(&subject);
            for (i, line) in header.split("\r\n").enumerate() {
                prop_assert!(line.is_ascii() && line.len() <= LONGEST_LINE && !line.contains(['\r', '\n']));
                prop_assert!(i == 0 || line.starts_with(' ') && !line.trim().is_empty(), "{header:?}");
            }
        }
    }
}
