//! The body of a mail: how its bytes travel, RFC 2045 §6.

use lettre::message::Body;
use lettre::message::header::ContentTransferEncoding;

use super::{Charset, LONGEST_LINE, Unfit};

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

/// `text` as it travels, and the charset that it is in. Every kind of line end in it becomes the one of mail; the last
/// line gets one too.
pub(super) fn encode(text: &str, charset: Charset, encoding: Encoding) -> Result<(Charset, Body), Unfit> {
    let charset = if encoding == Encoding::SevenBit { Charset::Ascii } else { charset };
    let bytes = charset.encode(&with_line_ends(text))?;
    let body = match encoding {
        Encoding::SevenBit | Encoding::EightBit if !is_short(&bytes) => return Err(Unfit::Text),
        Encoding::SevenBit => plain(bytes, ContentTransferEncoding::SevenBit),
        Encoding::EightBit => plain(bytes, ContentTransferEncoding::EightBit),
        Encoding::Auto if is_safe(&bytes) => plain(bytes, ContentTransferEncoding::SevenBit),
        Encoding::Auto | Encoding::QuotedPrintable => quoted_printable(bytes),
        Encoding::Base64 => base64(bytes),
    };
    Ok((charset, body))
}

/// A CR LF is one line end, and so is each of them alone.
fn with_line_ends(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n").replace('\n', "\r\n") + "\r\n"
}

fn is_short(bytes: &[u8]) -> bool {
    lines(bytes).all(|line| line.len() <= LONGEST_LINE)
}

/// Whether every server on the way leaves the lines as they are: some cut blanks off the end, some quote a leading From.
fn is_safe(bytes: &[u8]) -> bool {
    is_short(bytes)
        && lines(bytes).all(|line| {
            line.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\t'))
                && !line.ends_with(b" ")
                && !line.ends_with(b"\t")
                && !line.starts_with(b"From ")
        })
}

/// Without their CR LF.
fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split_inclusive(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r\n").unwrap_or(line))
}

/// There is nothing to encode, and lettre's own check would refuse lines of more than 76 bytes, which a text has.
fn plain(bytes: Vec<u8>, encoding: ContentTransferEncoding) -> Body {
    Body::dangerous_pre_encoded(bytes, encoding)
}

/// A leading From is broken in two, so that no server on the way quotes it.
fn quoted_printable(bytes: Vec<u8>) -> Body {
    let written = format!("\r\n{}", by_lettre(bytes, ContentTransferEncoding::QuotedPrintable));
    let hidden = written.replace("\r\nFrom ", "\r\n=46=\r\nrom ");
    Body::dangerous_pre_encoded(hidden.as_bytes()[2..].to_vec(), ContentTransferEncoding::QuotedPrintable)
}

/// The last line gets its end, which lettre leaves to the transport.
fn base64(bytes: Vec<u8>) -> Body {
    let written = by_lettre(bytes, ContentTransferEncoding::Base64) + "\r\n";
    Body::dangerous_pre_encoded(written.into_bytes(), ContentTransferEncoding::Base64)
}

fn by_lettre(bytes: Vec<u8>, encoding: ContentTransferEncoding) -> String {
    let body = Body::new_with_encoding(bytes, encoding).expect("the encoding takes any bytes");
    String::from_utf8(body.into_vec()).expect("the encoding writes ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn body(text: &str, encoding: Encoding) -> (String, String) {
        let (_, body) = encode(text, Charset::UTF_8, encoding).unwrap();
        (body.encoding().to_string(), String::from_utf8(body.into_vec()).unwrap())
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
            ("From here", "=46=\r\nrom here\r\n"),
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
        assert_eq!(encode("ä", Charset::UTF_8, Encoding::SevenBit).err(), Some(Unfit::Text));
        assert_eq!(encode("a", Charset::UTF_8, Encoding::SevenBit).unwrap().0, Charset::Ascii);
        assert_eq!(body("ä", Encoding::EightBit), own("8bit", "ä\r\n"));
        assert_eq!(body("ä", Encoding::Base64), own("base64", "w6QNCg==\r\n"));
    }

    #[test]
    fn a_text_of_one_sms_is_plain_on_one_line() {
        let text = "x".repeat(160);
        for encoding in [Encoding::Auto, Encoding::SevenBit, Encoding::EightBit] {
            assert_eq!(body(&text, encoding).1, format!("{text}\r\n"));
        }
    }

    #[test]
    fn other_charsets_travel_in_every_encoding() {
        let latin1 = |encoding| encode("ä", Charset::Latin1, encoding).unwrap().1.into_vec();
        assert_eq!(latin1(Encoding::EightBit), b"\xe4\r\n");
        assert_eq!(latin1(Encoding::Auto), b"=E4\r\n");
        assert_eq!(latin1(Encoding::Base64), b"5A0K\r\n");
    }

    /// RFC 2045 §6.7 read backwards, without the crate that wrote it.
    fn unquoted(lines: &str) -> String {
        let mut bytes = Vec::new();
        let joined = lines.replace("=\r\n", "");
        let mut rest = joined.bytes();
        while let Some(byte) = rest.next() {
            let mut digit = || char::from(rest.next().unwrap()).to_digit(16).unwrap();
            bytes.push(if byte == b'=' { u8::try_from(digit() * 16 + digit()).unwrap() } else { byte });
        }
        String::from_utf8(bytes).unwrap()
    }

    proptest! {
        #[test]
        fn no_text_makes_a_bare_line_end_or_a_long_line(
            text in prop_oneof!["[\\PC\r\n\t .=F]{0,300}", "([ \t.=ä\n]|From |[a-z]{1,80}){0,20}"],
        ) {
            for encoding in [Encoding::Auto, Encoding::QuotedPrintable, Encoding::Base64] {
                let (encoding, written) = body(&text, encoding);
                prop_assert!(written.is_ascii());
                let longest = if encoding == "7bit" { LONGEST_LINE } else { 76 };
                for line in written.strip_suffix("\r\n").unwrap().split("\r\n") {
                    prop_assert!(line.len() <= longest && !line.contains(['\r', '\n']), "{line:?}");
                    prop_assert!(encoding != "quoted-printable" || !line.ends_with([' ', '\t']), "{line:?}");
                    prop_assert!(!line.starts_with("From "), "{line:?}");
                }
                let read = match encoding.as_str() {
                    "7bit" => written,
                    "quoted-printable" => unquoted(&written),
                    _ => {
                        let bytes = data_encoding::BASE64.decode(written.replace("\r\n", "").as_bytes());
                        String::from_utf8(bytes.unwrap()).unwrap()
                    }
                };
                prop_assert_eq!(read, with_line_ends(&text));
            }
        }
    }
}
