//! How a value is written where it stands, so that all of it stays a value.

use std::borrow::Cow;

use data_encoding::HEXUPPER;
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};

/// Everything but RFC 3986's unreserved characters. A space is `%20` and a plus `%2B`, in a form too: that way
/// round every gateway reads the same, whether it knows forms or only URLs.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What no field of a header may hold (RFC 9110 §5.5), and the percent sign itself, so that it can be undone.
const NOT_IN_HEADER: &AsciiSet = &CONTROLS.add(b'%');

/// The same with spaces: at the ends of a field they would be lost.
const NOT_AT_END_OF_HEADER: &AsciiSet = &NOT_IN_HEADER.add(b' ');

/// For a query or a form.
pub(super) fn url(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// UCS-2 (UTF-16 for what lies beyond it) with the high byte first, as hexadecimal digits.
pub(crate) fn ucs2(text: &str) -> String {
    let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    HEXUPPER.encode(&bytes)
}

/// For the text or an attribute of an XML document. Control characters, which XML 1.0 §2.2 cannot hold, become
/// references too: a gateway refuses them aloud, where leaving them out would change a text in silence.
pub(super) fn xml(text: &str) -> Cow<'_, str> {
    let needs = |c: char| matches!(c, '&' | '<' | '>' | '"' | '\'') || c.is_control();
    if !text.contains(needs) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            // a line end as it stands would become a space in an attribute, and a CR would be lost in a text
            c if c.is_control() => escaped.push_str(&format!("&#{};", u32::from(c))),
            c => escaped.push(c),
        }
    }
    Cow::Owned(escaped)
}

/// For a field of a header: visible ASCII and inner spaces stay, the rest is percent-encoded UTF-8.
pub(super) fn header(text: &str) -> Cow<'_, str> {
    let inner = text.trim_matches(' ');
    let (before, after) = text.split_at(text.len() - text.trim_start_matches(' ').len());
    let after = &after[inner.len()..];
    let ends = |spaces: &str| utf8_percent_encode(spaces, NOT_AT_END_OF_HEADER).to_string();
    Cow::Owned(format!("{}{}{}", ends(before), utf8_percent_encode(inner, NOT_IN_HEADER), ends(after)))
}
