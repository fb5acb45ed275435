//! The body of a mail: how its bytes travel, RFC 2045 §6.

use data_encoding::BASE64;

use super::{Charset, Unfit};

/// The longest line that RFC 5322 §2.1.1 allows, without its CR LF.
const LONGEST_LINE: usize = 998;

/// The longest line of an encoded body, RFC 2045 §6.7 and §6.8.
const ENCODED_LINE: usize = 76;

/// How bytes become lines of a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// As it is where every mail server leaves it as it is, else quoted-printable.
    Auto,
    SevenBit,
    EightBit,
    QuotedPrintable,
    Base64,
}

/// A body as it travels.
pub(super) struct Body {
    pub(super) charset: String,
    pub(super) encoding: &'static str,
    pub(super) bytes: Vec<u8>,
}

/// Every kind of line end in `text` becomes the one of mail; the last line gets one too.
pub(super) fn encode(text: &str, charset: Charset, encoding: Encoding) -> Result<Body, Unfit> {
    let charset = if encoding == Encoding::SevenBit { Charset::Ascii } else { charset };
    let lines: Vec<Vec<u8>> = lines(text).map(|line| charset.encode(line)).collect::<Result<_, _>>()?;
    let short = lines.iter().all(|line| line.len() <= LONGEST_LINE);
    let (encoding, bytes) = match encoding {
        Encoding::Auto if lines.iter().all(|line| is_safe(line)) => ("7bit", plain(&lines)),
        Encoding::Auto | Encoding::QuotedPrintable => ("quoted-printable", quoted_printable(&lines)),
        Encoding::SevenBit | Encoding::EightBit if !short => return Err(Unfit),
        Encoding::SevenBit => ("7bit", plain(&lines)),
        Encoding::EightBit => ("8bit", plain(&lines)),
        Encoding::Base64 => ("base64", base64(&lines)),
    };
    Ok(Body { charset: charset.name(), encoding, bytes })
}

/// The lines of `text`; the empty text has one.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    // a CR LF is one line end, and so is each of them alone
    text.split('\n').enumerate().flat_map({
        let last = text.matches('\n').count();
        move |(i, part)| if i < last { part.strip_suffix('\r').unwrap_or(part) } else { part }.split('\r')
    })
}

/// Whether every server on the way leaves the line as it is: some cut blanks off the end, some quote a leading From.
fn is_safe(line: &[u8]) -> bool {
    line.len() <= LONGEST_LINE
        && line.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\t'))
        && !line.ends_with(b" ")
        && !line.ends_with(b"\t")
        && !line.starts_with(b"From ")
}

fn plain(lines: &[Vec<u8>]) -> Vec<u8> {
    lines.iter().flat_map(|line| line.iter().chain(b"\r\n")).copied().collect()
}

fn base64(lines: &[Vec<u8>]) -> Vec<u8> {
    let encoded = BASE64.encode(&plain(lines)).into_bytes();
    encoded.chunks(ENCODED_LINE).flat_map(|line| line.iter().chain(b"\r\n")).copied().collect()
}

fn quoted_printable(lines: &[Vec<u8>]) -> Vec<u8> {
    let mut written = Vec::new();
    for line in lines {
        let mut length = 0;
        for (i, &byte) in line.iter().enumerate() {
            let atom = quoted(byte, i, line);
            // a soft line break needs a place for its sign
            if length + atom.len() > ENCODED_LINE - 1 {
                written.extend_from_slice(b"=\r\n");
                length = 0;
            }
            length += atom.len();
            written.extend_from_slice(atom.as_bytes());
        }
        written.extend_from_slice(b"\r\n");
    }
    written
}

/// RFC 2045 §6.7, rules 1 to 3; a leading From is hidden from servers that would quote it.
fn quoted(byte: u8, at: usize, line: &[u8]) -> String {
    let is_blank = matches!(byte, b' ' | b'\t');
    let literal = matches!(byte, b'!'..=b'~') && byte != b'=' || is_blank && at + 1 < line.len();
    let is_from = at == 0 && line.starts_with(b"From ");
    if literal && !is_from { char::from(byte).to_string() } else { format!("={byte:02X}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn body(text: &str, encoding: Encoding) -> (String, String) {
        let body = encode(text, Charset::UTF_8, encoding).unwrap();
        (body.encoding.to_owned(), String::from_utf8(body.bytes).unwrap())
    }

    fn own(encoding: &str, text: &str) -> (String, String) {
        (encoding.to_owned(), text.to_owned())
    }

    #[test]
    fn plain_text_travels_as_it_is() {
        assert_eq!(body("code 123456", Encoding::Auto), own("7bit", "code 123456\r\n"));
        assert_eq!(body("", Encoding::Auto), own("7bit", "\r\n"));
        assert_eq!(body(".", Encoding::Auto), own("7bit", ".\r\n"), "the dot is the transport's affair");
    }

    #[test]
    fn every_line_end_becomes_the_one_of_mail() {
        for (text, lines) in [
            ("a\nb", "a\r\nb\r\n"),
            ("a\r\nb", "a\r\nb\r\n"),
            ("a\rb", "a\r\nb\r\n"),
            ("a\r\n\r\nb\n", "a\r\n\r\nb\r\n\r\n"),
            ("a\r\r\nb\r", "a\r\n\r\nb\r\n\r\n"),
            ("\n", "\r\n\r\n"),
        ] {
            assert_eq!(body(text, Encoding::SevenBit).1, lines, "{text:?}");
        }
    }

    #[test]
    fn what_a_server_on_the_way_might_change_is_quoted() {
        for (text, quoted) in [
            ("ä = €", "=C3=A4 =3D =E2=82=AC\r\n"),
            ("blank \nend\t", "blank=20\r\nend=09\r\n"),
            ("From here", "=46rom here\r\n"),
            ("a\u{c}b", "a=0Cb\r\n"),
        ] {
            assert_eq!(body(text, Encoding::Auto), own("quoted-printable", quoted), "{text:?}");
        }
    }

    #[test]
    fn no_line_is_longer_than_allowed() {
        let long = "x".repeat(999);
        assert_eq!(body(&long[1..], Encoding::Auto).0, "7bit");
        let (encoding, text) = body(&long, Encoding::Auto);
        assert_eq!(encoding, "quoted-printable");
        assert!(text.split("\r\n").all(|line| line.len() <= 76));
        assert!(encode(&long, Charset::UTF_8, Encoding::SevenBit).is_err());
        assert!(encode(&long, Charset::UTF_8, Encoding::EightBit).is_err());
        assert!(body(&"€".repeat(999), Encoding::Base64).1.split("\r\n").all(|line| line.len() <= 76));
    }

    #[test]
    fn seven_bits_take_ascii_only() {
        assert_eq!(encode("ä", Charset::UTF_8, Encoding::SevenBit).err(), Some(Unfit));
        assert_eq!(encode("a", Charset::UTF_8, Encoding::SevenBit).unwrap().charset, "us-ascii");
        assert_eq!(body("ä", Encoding::EightBit), own("8bit", "ä\r\n"));
        assert_eq!(body("ä", Encoding::Base64), own("base64", "w6QNCg==\r\n"));
    }

    proptest! {
        #[test]
        fn no_text_makes_a_bare_line_end_or_a_long_line(text in "[\\PC\r\n\t .=F]{0,300}") {
            for encoding in [Encoding::Auto, Encoding::QuotedPrintable, Encoding::Base64] {
                let body = encode(&text, Charset::UTF_8, encoding).unwrap();
                let bytes = body.bytes.strip_suffix(b"\r\n").unwrap();
                let lines = String::from_utf8(bytes.to_vec()).unwrap();
                for line in lines.split("\r\n") {
                    prop_assert!(line.len() <= LONGEST_LINE && !line.contains(['\r', '\n']), "{line:?}");
                    prop_assert!(line.is_ascii());
                }
            }
        }
    }
}
