//! TP-User-Data of one part, 3GPP TS 23.040 §9.2.3.24.

use super::septets::pack;
use crate::gsm;
use crate::split::HEADER_OCTETS;
use crate::text::Alphabet;

/// The number that binds the parts of one text together: another one for each text to the same phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConcatReference {
    /// 8 bit: every phone knows it, and 153 septets or 67 UCS-2 units fit into a part.
    Octet(u8),
    /// 16 bit: repeats later, and 152 septets or 66 UCS-2 units fit into a part.
    Wide(u16),
}

impl ConcatReference {
    /// Octets of the whole header, its length octet included.
    pub(super) fn header_octets(self) -> usize {
        match self {
            ConcatReference::Octet(_) => HEADER_OCTETS,
            ConcatReference::Wide(_) => HEADER_OCTETS + 1,
        }
    }

    /// The user data header of part `place` (from 1) of `of`: elements 0x00 (§9.2.3.24.1) and 0x08 (§9.2.3.24.8).
    pub(super) fn header(self, place: u8, of: u8) -> Vec<u8> {
        match self {
            ConcatReference::Octet(reference) => vec![5, 0x00, 3, reference, of, place],
            ConcatReference::Wide(reference) => {
                let [high, low] = reference.to_be_bytes();
                vec![6, 0x08, 4, high, low, of, place]
            }
        }
    }
}

/// TP-UDL and TP-UD: `text` behind `header`, which is empty if the text stands alone.
pub(super) fn user_data(header: Vec<u8>, text: &str, alphabet: Alphabet) -> Vec<u8> {
    let (length, body) = match alphabet {
        Alphabet::Gsm7 => gsm7(header.len(), text),
        Alphabet::Ucs2 => {
            let body: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
            (header.len() + body.len(), body)
        }
    };
    let length = u8::try_from(length).expect("a part has 160 septets or 140 octets at most");
    [vec![length], header, body].concat()
}

/// The length counts septets, those of the header included: text begins at a septet's boundary, which fill bits reach.
fn gsm7(header_octets: usize, text: &str) -> (usize, Vec<u8>) {
    let septets = gsm::encode(text);
    let header_septets = (header_octets * 8).div_ceil(7);
    let fill = header_septets * 7 - header_octets * 8;
    let fill = u32::try_from(fill).expect("less than seven bits");
    (header_septets + septets.len(), pack(&septets, fill))
}
