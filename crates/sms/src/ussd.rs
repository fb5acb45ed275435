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
    let coded_ucs2 = data_coding.is_some_and(is_ucs2);
    let printed_ucs2 = charset == TerminalCharset::Ucs2;
    if let Some(octets) = octets(answer, coded_ucs2 || printed_ucs2) {
        // With the network's word for septets (`15`) even a modem that prints UCS-2 can only have letters of the GSM alphabet.
        let any_character = coded_ucs2 || printed_ucs2 && data_coding.is_none();
        return ucs2(&octets, any_character).unwrap_or_else(|| packed(&octets));
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

/// Octets as packed septets, without what fills up the last octet.
fn packed(octets: &[u8]) -> String {
    let mut septets = unpack(octets);
    if octets.len().is_multiple_of(7) && matches!(septets.last(), Some(&FILLER | 0)) {
        septets.pop();
    }
    gsm::decode(septets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use TerminalCharset::{Gsm, Other, Ucs2};

    #[test]
    fn an_answer_is_read_in_every_form_in_which_modems_print_it() {
        let balance = "Guthaben: 9,87 €";
        let packed_balance = ussd_packed(balance).unwrap();
        for (answer, coding, charset, expected) in [
            ("Credit 5 EUR", Some(15), Gsm, "Credit 5 EUR"),
            ("\u{1b}e 5\u{0}", Some(15), Gsm, "€ 5@"),
            ("5 @ shop", Some(15), Other, "5 @ shop"),
            (&ucs2_hex(balance), Some(72), Gsm, balance),
            (&ucs2_hex(balance), Some(15), Ucs2, balance),
            (&ucs2_hex(balance), None, Other, balance),
            (&ucs2_hex("Баланс 12 р."), Some(15), Gsm, "Баланс 12 р."),
            (&ucs2_hex("余额 5 元 😀"), Some(72), Ucs2, "余额 5 元 😀"),
            (&packed_balance, Some(15), Other, balance),
            (&packed_balance, None, Gsm, balance),
            (&packed_balance.to_lowercase(), Some(15), Ucs2, balance),
            ("AA180C3602", Some(15), Gsm, "*100#"),
            ("1250", Some(15), Other, "1250"),
            ("00310032", Some(72), Gsm, "12"),
            ("", Some(15), Gsm, ""),
            ("Größe", None, Other, "Größe"),
            ("ABC", None, Other, "ABC"),
        ] {
            assert_eq!(ussd_text(answer, coding, charset), expected, "{answer} {coding:?} {charset:?}");
        }
    }

    #[test]
    fn seven_free_bits_are_filled_as_23_038_wants_it() {
        for (code, hex) in [
            ("*100#", "AA180C3602"),
            ("1234567", "31D98C56B3DD1A"),
            ("12345678", "31D98C56B3DD70"),
            ("1234567\r", "31D98C56B3DD1A0D"),
        ] {
            assert_eq!(ussd_packed(code).as_deref(), Some(hex));
        }
        assert_eq!(
            ussd_text("31D98C56B3DD1A", Some(15), Gsm),
            "1234567",
            "14 digits, but letters among them"
        );
        assert_eq!(ussd_packed("Ж"), None);
    }

    #[test]
    fn only_the_codings_of_ucs2_are_ucs2() {
        let all: Vec<u8> = (0..=255).filter(|coding| is_ucs2(*coding)).collect();
        let general = (4..8).chain([9]).flat_map(|group| (8..12).map(move |low| group << 4 | low));
        assert_eq!(all, [0x11].into_iter().chain(general).collect::<Vec<u8>>());
    }
}
