//! Addresses of phones and service centres, 3GPP TS 23.040 §9.1.2.5.

use std::fmt;

use super::PduError;
use super::reader::Reader;
use super::septets::{pack, unpack};
use crate::gsm;
use crate::number::PhoneNumber;

/// Semi-octets that an address has room for.
const MOST_DIGITS: usize = 20;

/// What the ten digits and six further values of a semi-octet stand for; 15 fills up.
const SEMI_OCTETS: &[u8; 15] = b"0123456789*#abc";

/// The type-of-number bits of the type-of-address octet, and what they say.
const TYPE_OF_NUMBER: u8 = 0x70;
const INTERNATIONAL: u8 = 0x91;
const UNKNOWN: u8 = 0x81;
const ALPHANUMERIC: u8 = 0xd0;

/// A number of any type, or a name, as a PDU has it. `Display` and `Debug` show it masked: `+49…67`, `01…67`, `…`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Address {
    /// Type of number and numbering plan, as on the wire.
    kind: u8,
    /// Digits (with `*#abc`) without a plus, or the name.
    value: String,
}

/// A text is no address. Never shows the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an address of 1 to 20 digits is expected, with a + before an international one")]
pub struct AddressError;

impl Address {
    /// The address of a phone.
    pub fn international(number: &PhoneNumber) -> Address {
        Address { kind: INTERNATIONAL, value: number.expose()[1..].to_owned() }
    }

    /// Takes `+491710760000` and what [`PhoneNumber::parse`] takes beside that; anything else of 1 to 20 digits (and `*`, `#`) is of
    /// unknown type: a national number, a short code.
    pub fn parse(text: &str) -> Result<Address, AddressError> {
        if let Ok(number) = PhoneNumber::parse(text) {
            return Ok(Address::international(&number));
        }
        match text.trim().strip_prefix('+') {
            Some(digits) => Address::typed(digits, INTERNATIONAL),
            None => Address::typed(text.trim(), UNKNOWN),
        }
    }

    /// An address with its type as a modem prints both: `"491710760000",145`, `"+491710760000",145`, `"0171…",129`. A plus wins over
    /// the type.
    pub fn typed(text: &str, type_of_address: u8) -> Result<Address, AddressError> {
        let (kind, digits) = match text.strip_prefix('+') {
            Some(digits) => (INTERNATIONAL, digits),
            None => (type_of_address | 0x80, text),
        };
        let valid =
            (1..=MOST_DIGITS).contains(&digits.len()) && digits.bytes().all(|c| SEMI_OCTETS.contains(&c));
        if !valid || kind & TYPE_OF_NUMBER == ALPHANUMERIC & TYPE_OF_NUMBER {
            return Err(AddressError);
        }
        Ok(Address { kind, value: digits.to_owned() })
    }

    /// Whether it means `number`: networks write the same phone as `491701234567`, `+49…`, `0049…`, and at home `0170…` or `170…`.
    pub fn is(&self, number: &PhoneNumber) -> bool {
        if self.is_alphanumeric() {
            return false;
        }
        let digits = &number.expose()[1..];
        let international = self.value == digits || self.value.strip_prefix("00") == Some(digits);
        // A national number that the network calls international is met in practice, if it has a trunk prefix to tell it by.
        let may_be_national = !self.is_international() || self.value.starts_with('0');
        international
            || may_be_national && number.national_forms().is_some_and(|forms| forms.contains(&self.value))
    }

    /// Whether it begins with a country code.
    pub fn is_international(&self) -> bool {
        self.kind & TYPE_OF_NUMBER == INTERNATIONAL & TYPE_OF_NUMBER
    }

    /// Whether it is a name and no number.
    pub fn is_alphanumeric(&self) -> bool {
        self.kind & TYPE_OF_NUMBER == ALPHANUMERIC & TYPE_OF_NUMBER
    }

    /// The whole address: `+` and digits, digits alone if it is not international, or the name. [`Address::parse`] reads the numbers.
    pub fn expose(&self) -> String {
        format!("{}{}", if self.is_international() { "+" } else { "" }, self.value)
    }

    /// The address field of a TPDU: its length in semi-octets, its type, its value.
    pub(super) fn write(&self, pdu: &mut Vec<u8>) {
        let semi_octets = if self.is_alphanumeric() {
            (gsm::encode(&self.value).len() * 7).div_ceil(4)
        } else {
            self.value.len()
        };
        pdu.push(u8::try_from(semi_octets).expect("20 semi-octets at most"));
        pdu.push(self.kind);
        pdu.extend(self.octets());
    }

    /// The field before the TPDU, 3GPP TS 27.005 §3.1: its length counts octets, type included.
    pub(super) fn service_centre_field(&self) -> Vec<u8> {
        let value = self.octets();
        let length = u8::try_from(value.len() + 1).expect("10 octets at most");
        [vec![length, self.kind], value].concat()
    }

    fn octets(&self) -> Vec<u8> {
        if self.is_alphanumeric() {
            return pack(&gsm::encode(&self.value), 0);
        }
        let semi_octet = |c: &u8| SEMI_OCTETS.iter().position(|other| other == c).unwrap_or(0x0f) as u8;
        let pairs = self.value.as_bytes().chunks(2);
        pairs.map(|pair| semi_octet(&pair[0]) | pair.get(1).map_or(0x0f, semi_octet) << 4).collect()
    }

    /// Reads the address field of a TPDU.
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Address, PduError> {
        let semi_octets = usize::from(reader.octet()?);
        let kind = reader.octet()? | 0x80;
        if semi_octets > MOST_DIGITS {
            return Err(PduError::Address);
        }
        let octets = reader.take(semi_octets.div_ceil(2))?;
        let address = Address { kind, value: String::new() };
        let value = if address.is_alphanumeric() {
            gsm::decode(unpack(octets).into_iter().take(semi_octets * 4 / 7))
        } else {
            digits(octets, semi_octets)
        };
        Ok(Address { value, ..address })
    }
}

/// Up to `most` digits, to the first one that fills up: some networks count it.
fn digits(octets: &[u8], most: usize) -> String {
    let semi_octets = octets.iter().flat_map(|octet| [octet & 0x0f, octet >> 4]).take(most);
    semi_octets
        .map_while(|semi_octet| SEMI_OCTETS.get(usize::from(semi_octet)))
        .map(|c| char::from(*c))
        .collect()
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = &self.value;
        if self.is_alphanumeric() || value.len() < 7 {
            return f.write_str("…");
        }
        let plus = if self.is_international() { "+" } else { "" };
        write!(f, "{plus}{}…{}", &value[..2], &value[value.len() - 2..])
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(address: &Address) -> Vec<u8> {
        let mut pdu = Vec::new();
        address.write(&mut pdu);
        pdu
    }

    fn read(pdu: &[u8]) -> Result<Address, PduError> {
        Address::read(&mut Reader::new(pdu))
    }

    #[test]
    fn an_address_is_its_digits_by_pairs_behind_length_and_type() {
        for (text, hex) in [
            ("+491712345678", &[12, 0x91, 0x94, 0x71, 0x21, 0x43, 0x65, 0x87][..]),
            ("0049 171 2345678", &[12, 0x91, 0x94, 0x71, 0x21, 0x43, 0x65, 0x87]),
            ("+6834000", &[7, 0x91, 0x86, 0x43, 0x00, 0xf0]),
            ("01712", &[5, 0x81, 0x10, 0x17, 0xf2]),
            ("*100#", &[5, 0x81, 0x1a, 0x00, 0xfb]),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!(written(&address), hex, "{text}");
            assert_eq!(read(hex), Ok(address), "{text}");
        }
    }

    #[test]
    fn the_service_centre_counts_octets_and_not_digits() {
        let field = |text| Address::parse(text).unwrap().service_centre_field();
        assert_eq!(field("+491710760000"), [7, 0x91, 0x94, 0x71, 0x01, 0x67, 0x00, 0x00]);
        assert_eq!(field("01710"), [4, 0x81, 0x10, 0x17, 0xf0]);
    }

    #[test]
    fn a_name_is_septets_in_the_place_of_digits() {
        let pdu = [9, 0xd0, 0xd4, 0xf2, 0x9c, 0x3e, 0x07];
        let address = read(&pdu).unwrap();
        assert_eq!((address.expose().as_str(), address.is_alphanumeric()), ("Tests", true));
        assert_eq!(written(&address), pdu);
        assert_eq!(format!("{address} {address:?}"), "… …");
    }

    #[test]
    fn a_type_beside_the_text_counts_unless_there_is_a_plus() {
        let international = Address::parse("+491710760000");
        assert_eq!(Address::typed("491710760000", 145), international);
        assert_eq!(Address::typed("+491710760000", 129), international);
        assert_eq!(Address::typed("01710760000", 129), Address::parse("01710760000"));
        assert_eq!(Address::typed("12", 0xd0), Err(AddressError));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["", "+", "Bank", "+49171x", "123456789012345678901", "12 34", "é"] {
            assert_eq!(Address::parse(text), Err(AddressError), "{text}");
        }
        assert_eq!(read(&[21, 0x91, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), Err(PduError::Address));
        assert_eq!(read(&[4, 0x91, 0x21]), Err(PduError::Short));
    }

    #[test]
    fn a_phone_is_known_in_every_form_of_its_number() {
        let number = PhoneNumber::parse("+491701234567").unwrap();
        for (text, kind) in [
            ("+491701234567", 0x91),
            ("491701234567", 0x81),
            ("00491701234567", 0x81),
            ("00491701234567", 0x91),
            ("01701234567", 0x81),
            ("01701234567", 0xa1),
            ("1701234567", 0xa1),
            ("01701234567", 0x91),
        ] {
            assert!(Address::typed(text, kind).unwrap().is(&number), "{text} {kind:#x}");
        }
        for (text, kind) in [
            ("+491701234568", 0x91),
            ("1701234567", 0x91), // a number in North America
            ("34567", 0x81),
            ("", 0x81),
        ] {
            assert!(
                !Address { kind, value: text.trim_matches('+').to_owned() }.is(&number),
                "{text} {kind:#x}"
            );
        }
        let hungarian = PhoneNumber::parse("+36201234567").unwrap();
        assert!(Address::parse("06201234567").unwrap().is(&hungarian));
    }

    #[test]
    fn an_address_prints_masked() {
        for (text, shown) in [("+491701234567", "+49…67"), ("01701234567", "01…67"), ("333", "…")] {
            let address = Address::parse(text).unwrap();
            assert_eq!(format!("{address} {address:?}"), format!("{shown} {shown}"));
        }
    }
}
