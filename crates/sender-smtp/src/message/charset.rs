//! The bytes of a text in the charset that a gateway reads.

use encoding_rs::{Encoding, UTF_8};

use super::Unfit;

/// A charset that has ASCII in its lower half.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Charset {
    Ascii,
    /// The real one: what browsers call so is windows-1252, which has a € where ISO 8859-1 has none.
    Latin1,
    Other(&'static Encoding),
}

impl Charset {
    pub(crate) const UTF_8: Charset = Charset::Other(UTF_8);

    /// By one of its names, any case.
    pub(crate) fn by_name(name: &str) -> Option<Charset> {
        match name.trim().to_ascii_lowercase().as_str() {
            "us-ascii" | "ascii" => Some(Charset::Ascii),
            "iso-8859-1" | "iso8859-1" | "latin1" | "latin-1" => Some(Charset::Latin1),
            // one that can only be read, such as UTF-16, would be written as UTF-8 under a wrong name
            name => Encoding::for_label(name.as_bytes())
                .filter(|known| known.is_ascii_compatible() && known.output_encoding() == *known)
                .map(Charset::Other),
        }
    }

    /// As it stands in a header.
    pub(crate) fn name(self) -> String {
        match self {
            Charset::Ascii => "us-ascii".to_owned(),
            Charset::Latin1 => "iso-8859-1".to_owned(),
            Charset::Other(encoding) => encoding.name().to_ascii_lowercase(),
        }
    }

    pub(crate) fn encode(self, text: &str) -> Result<Vec<u8>, Unfit> {
        match self {
            Charset::Ascii if text.is_ascii() => Ok(text.as_bytes().to_vec()),
            Charset::Ascii => Err(Unfit::Text),
            Charset::Latin1 => {
                text.chars().map(|c| u8::try_from(u32::from(c)).map_err(|_| Unfit::Text)).collect()
            }
            Charset::Other(encoding) => match encoding.encode(text) {
                (_, _, true) => Err(Unfit::Text),
                // some are written as their neighbour: a yen sign in Shift_JIS as a backslash
                (bytes, ..) if encoding.decode_without_bom_handling(&bytes).0 != text => Err(Unfit::Text),
                (bytes, ..) => Ok(bytes.into_owned()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_that_a_charset_lacks_is_never_replaced() {
        let encode = |name: &str, text| Charset::by_name(name).unwrap().encode(text);
        assert_eq!(encode("utf-8", "ä€😀").unwrap(), "ä€😀".as_bytes());
        assert_eq!(encode("ISO-8859-1", "ä").unwrap(), b"\xe4");
        assert_eq!(encode("iso-8859-1", "€"), Err(Unfit::Text));
        assert_eq!(encode("iso-8859-15", "€").unwrap(), b"\xa4");
        assert_eq!(encode("windows-1252", "€").unwrap(), b"\x80");
        assert_eq!(encode("windows-1252", "код"), Err(Unfit::Text));
        assert_eq!(encode("koi8-r", "код").unwrap(), b"\xcb\xcf\xc4");
        assert_eq!(encode("us-ascii", "ä"), Err(Unfit::Text));
        assert_eq!(encode("shift_jis", "確認").unwrap(), b"\x8a\x6d\x94\x46");
        assert_eq!(encode("shift_jis", "¥"), Err(Unfit::Text), "it would be read as a backslash");
    }

    #[test]
    fn what_cannot_be_written_or_has_no_ascii_is_no_charset() {
        for name in ["utf-16", "UTF-16LE", "utf-7", "iso-2022-jp", "replacement", "", "utf8x"] {
            assert_eq!(Charset::by_name(name), None, "{name}");
        }
        assert_eq!(Charset::by_name("UTF-8"), Some(Charset::UTF_8));
        assert_eq!(Charset::by_name(" Latin1 ").unwrap().name(), "iso-8859-1");
        assert_eq!(Charset::by_name("utf8").unwrap().name(), "utf-8");
    }
}
