//! The Subject line: one line of text, whatever is put into it.

use email_encoding::headers::rfc2047;
use email_encoding::headers::writer::EmailWriter;
use lettre::message::header::{Header, HeaderValue, Headers, Subject};

use super::{Charset, Encoding, LONGEST_LINE, Unfit};

/// The whole header, folded. What is not plain travels in UTF-8, whatever `charset` is: that says which characters the
/// gateway knows.
pub(super) fn header(subject: &str, charset: Charset, encoding: Encoding) -> Result<HeaderValue, Unfit> {
    let subject = one_line(subject);
    charset.encode(&subject)?;
    let plain = Subject::from(subject.clone()).display();
    match encoding {
        // a gateway that reads seven bits reads no encoded words
        Encoding::SevenBit if subject.is_ascii() && is_short(&plain) => Ok(plain),
        Encoding::SevenBit => Err(Unfit::Text),
        _ if stays_itself(&subject) && is_short(&plain) => Ok(plain),
        _ => Ok(encoded(subject)),
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
    subject.is_ascii() && !subject.contains("=?") && subject.trim() == subject
}

/// lettre folds at spaces; a word stays whole.
fn is_short(header: &HeaderValue) -> bool {
    written(header).split("\r\n").all(|line| line.len() <= LONGEST_LINE)
}

/// As it stands in a mail.
fn written(header: &HeaderValue) -> String {
    let mut headers = Headers::new();
    headers.insert_raw(header.clone());
    headers.to_string()
}

/// The whole subject in encoded words, RFC 2047. lettre's Subject encodes only the words that need it: what merely looks
/// like an encoded word is not among them, and two spaces between two encoded words are none to a reader.
fn encoded(subject: String) -> HeaderValue {
    let mut words = String::new();
    let mut writer = EmailWriter::new(&mut words, Subject::name().len() + ": ".len(), 0, false);
    rfc2047::encode(&subject, &mut writer).expect("a string takes any text");
    drop(writer);
    HeaderValue::dangerous_new_pre_encoded(Subject::name(), subject, words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn in_charset(subject: &str, charset: Charset, encoding: Encoding) -> Result<String, Unfit> {
        header(subject, charset, encoding)
            .map(|header| written(&header).strip_suffix("\r\n").unwrap().to_owned())
    }

    fn utf8(subject: &str) -> String {
        in_charset(subject, Charset::UTF_8, Encoding::Auto).unwrap()
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
        assert_eq!(utf8("ä"), "Subject: =?utf-8?b?w6Q=?=");
        assert_eq!(utf8("=?x"), "Subject: =?utf-8?b?PT94?=");
        assert_eq!(utf8(" x"), "Subject: =?utf-8?b?IHg=?=");
        assert_eq!(utf8("ä  ö"), "Subject: =?utf-8?b?w6QgIMO2?=");
        assert_eq!(in_charset("ä", Charset::Latin1, Encoding::Auto).unwrap(), "Subject: =?utf-8?b?w6Q=?=");
    }

    #[test]
    fn seven_bits_take_plain_ascii_or_nothing() {
        assert_eq!(in_charset("ä", Charset::UTF_8, Encoding::SevenBit), Err(Unfit::Text));
        assert_eq!(in_charset("=?x", Charset::UTF_8, Encoding::SevenBit).unwrap(), "Subject: =?x");
        assert_eq!(in_charset(&"x".repeat(999), Charset::UTF_8, Encoding::SevenBit), Err(Unfit::Text));
        assert_eq!(in_charset("€", Charset::Latin1, Encoding::Auto), Err(Unfit::Text));
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
        fn no_subject_leaves_its_header_or_changes(
            subject in prop_oneof!["[\\PC\r\n\t =?]{0,200}", "([ =?äö€😀\n]|=\\?utf-8\\?q\\?|[a-z]{1,80}){0,20}"],
        ) {
            let header = utf8(&subject);
            for (i, line) in header.split("\r\n").enumerate() {
                prop_assert!(line.is_ascii() && line.len() <= LONGEST_LINE && !line.contains(['\r', '\n']));
                prop_assert!(i == 0 || line.starts_with(' ') && !line.trim().is_empty(), "{header:?}");
            }
            let (read, _) = mailparse::parse_header(header.as_bytes()).unwrap();
            prop_assert_eq!(read.get_value(), one_line(&subject));
        }
    }
}
