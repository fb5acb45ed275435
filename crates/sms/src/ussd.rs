//! What a modem prints of a USSD dialogue: `+CUSD: <m>,"<text>",<dcs>`, 3GPP TS 27.007 §7.15.

use data_encoding::{HEXUPPER, HEXUPPER_PERMISSIVE};

use crate::gsm;
use crate::pdu::septets::{pack, unpack};

/// The character set that `AT+CSCS` set: how a modem prints texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TerminalCharset {
    /// `GSM`: an octet for each code of the GSM 7-bit default alphabet.
    Gsm,
    /// `UCS2`: hexadecimal UCS-2.
    Ucs2,
    /// `IRA`, `UTF-8`, `8859-1`, nobody knows: a text that is not hexadecimal is what it seems to be.
    Other,
}

/// Septets at an octet's end that are a carriage return only fill up, 3GPP TS 23.038 §6.1.2.3.
const FILLER: u8 = 0x0d;

/// The text of an answer, whatever the modem made of it: characters as `AT+CSCS` wants them, UCS-2 in hexadecimal digits, or packed septets in
/// hexadecimal digits. `data_coding` is the `<dcs>` behind the text. What cannot be read comes back as it is.
pub fn ussd_text(answer: &str, data_coding: Option<u8>, charset: TerminalCharset) -> String {
    let ucs2_expected = charset == TerminalCharset::Ucs2 || data_coding.is_some_and(is_ucs2);
    if let Some(octets) = octets(answer, ucs2_expected) {
        let ucs2 = || ucs2(&octets, ucs2_expected);
        if let Some(text) = ucs2().or_else(|| packed(&octets)) {
            return text;
        }
    }
    match charset {
        TerminalCharset::Gsm if answer.bytes().all(|code| code < 0x80) => gsm::decode(answer.bytes()),
        _ => answer.to_owned(),
    }
}

/// A code such as `*100#` as packed septets in hexadecimal digits, which Huawei modems want; `None` if it has characters that the GSM
/// alphabet has not.
pub fn ussd_packed(code: &str) -> Option<String> {
    let known = code.chars().all(|c| gsm::septets(c).is_some());
    let mut septets = known.then(|| gsm::encode(code))?;
    // Seven free bits would read as `@`: they get the filler, and a text that ends with it there gets another one.
    if septets.len() % 8 == 7 || septets.len() % 8 == 0 && septets.last() == Some(&FILLER) {
        septets.push(FILLER);
    }
    Some(HEXUPPER.encode(&pack(&septets, 0)))
}

/// A text in hexadecimal UCS-2, as `AT+CSCS="UCS2"` wants every text.
pub fn ucs2_hex(text: &str) -> String {
    HEXUPPER.encode(&text.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<u8>>())
}

/// Cell broadcast data coding, 3GPP TS 23.038 §5: 0x11 and the general groups 01xx and 1001 with alphabet 10.
fn is_ucs2(data_coding: u8) -> bool {
    data_coding == 0x11 || matches!(data_coding >> 4, 0b0100..=0b0111 | 0b1001) && data_coding & 0x0c == 0x08
}

/// The octets of an answer that is hexadecimal. A short answer of decimal digits alone is rather a number in clear.
fn octets(answer: &str, certain: bool) -> Option<Vec<u8>> {
    let in_clear = answer.len() < 16 && answer.bytes().all(|c| c.is_ascii_digit());
    let octets = HEXUPPER_PERMISSIVE.decode(answer.as_bytes()).ok()?;
    (!octets.is_empty() && (certain || !in_clear)).then_some(octets)
}

/// Octets as UTF-16. Unless that is what is expected, only characters that people write are believed: packed septets give others.
fn ucs2(octets: &[u8], expected: bool) -> Option<String> {
    if !octets.len().is_multiple_of(2) {
        return None;
    }
    let units: Vec<u16> = octets.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
    let text = String::from_utf16(&units).ok()?;
    let readable =
        |c: char| matches!(c, '\n' | '\r' | ' '..='~' | '\u{a0}'..='\u{6ff}' | '\u{2000}'..='\u{20cf}');
    let believed =
        text.chars().all(|c| if expected { !c.is_control() || c.is_whitespace() } else { readable(c) });
    believed.then_some(text)
}

/// Octets as packed septets, if that gives letters and line ends and no other control codes.
fn packed(octets: &[u8]) -> Option<String> {
    let mut septets = unpack(octets);
    if octets.len().is_multiple_of(7) && matches!(septets.last(), Some(&FILLER | 0)) {
        septets.pop();
    }
    Some(gsm::decode(septets))
}
