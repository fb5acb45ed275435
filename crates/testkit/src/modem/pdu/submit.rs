//! SMS-SUBMIT as the service centre reads it, 3GPP TS 23.040 §9.2.2.2.

use std::time::Duration;

use data_encoding::HEXUPPER_PERMISSIVE;

use super::alphabet::{from_septets, from_ucs2, unpacked};

/// A TPDU that was read to its last octet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadSubmit {
    /// The recipient: `+` and digits when the type of number is international, digits only otherwise.
    pub to: String,
    /// What this part says.
    pub text: String,
    /// Which part of which text it is; `None` for a text of one part.
    pub part: Option<Concatenation>,
    /// TP-VP.
    pub validity: Option<Validity>,
    /// TP-SRR: a delivery report is asked for.
    pub wants_report: bool,
    /// TP-RD: the service centre is asked to reject duplicates.
    pub rejects_duplicates: bool,
    /// TP-DCS as it came.
    pub coding: u8,
    /// TP-PID as it came.
    pub protocol: u8,
    /// The service centre that stood before the TPDU, in the form of `to`; `None` = the one of the SIM.
    pub service_centre: Option<String>,
}

/// The information element 0x00 or 0x08 of §9.2.3.24.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Concatenation {
    /// The same for all parts of a text.
    pub reference: u16,
    /// Whether the reference has 16 bits (element 0x08).
    pub wide: bool,
    /// How many parts there are.
    pub total: u8,
    /// Which one this is, the first being 1.
    pub number: u8,
}

/// TP-VP of §9.2.3.12.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Validity {
    /// How long the service centre keeps on trying.
    Relative(Duration),
    /// The seven octets of the enhanced or absolute format.
    Other([u8; 7]),
}

/// Why the network does not take it. The text names the field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PduError(pub(crate) String);

impl std::fmt::Display for PduError {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str(&self.0)
    }
}

impl ReadSubmit {
    /// Reads what stands between `AT+CMGS=<length>` and Ctrl-Z: service centre and TPDU in hex. `length` are the
    /// octets of the TPDU alone.
    pub fn read(hex: &str, length: usize) -> Result<Self, PduError> {
        let octets = HEXUPPER_PERMISSIVE.decode(hex.as_bytes()).map_err(|error| wrong("hex", error))?;
        let mut rest = Octets(&octets);
        let centre_length = usize::from(rest.one("service centre")?);
        let service_centre = match rest.many("service centre", centre_length)? {
            [] => None,
            [kind, digits @ ..] => Some(number(*kind, digits, digits.len() * 2)?),
        };
        if rest.0.len() != length {
            return Err(wrong("length", format!("{length} announced, {} octets came", rest.0.len())));
        }
        rest.submit(service_centre)
    }
}

fn wrong(field: &str, why: impl std::fmt::Display) -> PduError {
    PduError(format!("{field}: {why}"))
}

/// What is not read yet.
struct Octets<'a>(&'a [u8]);

impl<'a> Octets<'a> {
    fn many(&mut self, field: &str, count: usize) -> Result<&'a [u8], PduError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or_else(|| wrong(field, "too short"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn one(&mut self, field: &str) -> Result<u8, PduError> {
        self.many(field, 1).map(|taken| taken[0])
    }

    fn submit(mut self, service_centre: Option<String>) -> Result<ReadSubmit, PduError> {
        let first = self.one("first octet")?;
        if first & 0b11 != 0b01 {
            return Err(wrong("TP-MTI", format!("{} is not SMS-SUBMIT", first & 0b11)));
        }
        self.one("TP-MR")?; // the modem gives its own
        let to = self.recipient()?;
        let protocol = self.one("TP-PID")?;
        let coding = self.one("TP-DCS")?;
        let validity = self.validity(first >> 3 & 0b11)?;
        let length = usize::from(self.one("TP-UDL")?);
        let (text, part) = self.user_data(first & 0x40 != 0, coding, length)?;
        Ok(ReadSubmit {
            to,
            text,
            part,
            validity,
            wants_report: first & 0x20 != 0,
            rejects_duplicates: first & 0x04 != 0,
            coding,
            protocol,
            service_centre,
        })
    }

    fn recipient(&mut self) -> Result<String, PduError> {
        let digits = usize::from(self.one("TP-DA")?);
        if !(1..=20).contains(&digits) {
            return Err(wrong("TP-DA", format!("{digits} digits"))); // §9.1.2.5: 12 octets at most
        }
        let kind = self.one("TP-DA")?;
        number(kind, self.many("TP-DA", digits.div_ceil(2))?, digits)
    }

    fn validity(&mut self, format: u8) -> Result<Option<Validity>, PduError> {
        Ok(match format {
            0b00 => None,
            0b10 => Some(Validity::Relative(relative(self.one("TP-VP")?))),
            _ => {
                let octets = self.many("TP-VP", 7)?;
                Some(Validity::Other(octets.try_into().map_err(|error| wrong("TP-VP", error))?))
            }
        })
    }

    fn user_data(
        &mut self,
        has_header: bool,
        coding: u8,
        length: usize,
    ) -> Result<(String, Option<Concatenation>), PduError> {
        let is_ucs2 = is_ucs2(coding)?;
        let octets = if is_ucs2 { length } else { (length * 7).div_ceil(8) };
        if octets > 140 {
            return Err(wrong("TP-UD", format!("{octets} octets, 140 at most")));
        }
        let data = self.many("TP-UD", octets)?;
        if !self.0.is_empty() {
            return Err(wrong("TP-UD", format!("{} octets too many", self.0.len())));
        }
        let header_length = match (has_header, data.first()) {
            (false, _) => 0,
            (true, Some(rest)) => usize::from(*rest) + 1,
            (true, None) => return Err(wrong("TP-UDHL", "missing")),
        };
        let header =
            data.get(1.min(header_length)..header_length).ok_or_else(|| wrong("TP-UDHL", "too long"))?;
        let text = if is_ucs2 {
            from_ucs2(&data[header_length..])
        } else {
            let skipped = (header_length * 8).div_ceil(7); // the text begins on a septet's border
            let count = length.checked_sub(skipped).ok_or_else(|| wrong("TP-UDL", "less than its header"))?;
            from_septets(&unpacked(data, skipped, count))
        };
        Ok((text, concatenation(header)?))
    }
}

/// TS 23.038 §4: the general group without compression, and the group of classes. Eight bit data is no text.
fn is_ucs2(coding: u8) -> Result<bool, PduError> {
    match coding {
        0x00..=0x1f if coding & 0x0c == 0x00 => Ok(false),
        0x00..=0x1f if coding & 0x0c == 0x08 => Ok(true),
        0xf0..=0xf3 => Ok(false),
        other => Err(wrong("TP-DCS", format!("{other:#04x} is no text"))),
    }
}

/// §9.2.3.12.1.
fn relative(value: u8) -> Duration {
    const MINUTE: u64 = 60;
    let value = u64::from(value);
    Duration::from_secs(match value {
        0..=143 => (value + 1) * 5 * MINUTE,
        144..=167 => 12 * 60 * MINUTE + (value - 143) * 30 * MINUTE,
        168..=196 => (value - 166) * 24 * 60 * MINUTE,
        _ => (value - 192) * 7 * 24 * 60 * MINUTE,
    })
}

/// §9.1.2.5: half octets swapped, 0xF at the end of an odd number.
fn number(kind: u8, octets: &[u8], digits: usize) -> Result<String, PduError> {
    let mut text = String::from(if kind & 0x70 == 0x10 { "+" } else { "" });
    let halves = octets.iter().flat_map(|octet| [octet & 0xf, octet >> 4]);
    for half in halves.take(digits) {
        text.push(match half {
            0..=9 => char::from(b'0' + half),
            0xa => '*',
            0xb => '#',
            0xf => continue, // the filler of a service centre's number
            other => return Err(wrong("address", format!("half octet {other:X}"))),
        });
    }
    Ok(text)
}

fn concatenation(mut header: &[u8]) -> Result<Option<Concatenation>, PduError> {
    let mut found = None;
    while let [kind, length, rest @ ..] = header {
        let (element, rest) =
            rest.split_at_checked(usize::from(*length)).ok_or_else(|| wrong("TP-UDH", "too short"))?;
        header = rest;
        found = match (kind, element) {
            (0x00, [reference, total, number]) => Some((u16::from(*reference), false, *total, *number)),
            (0x08, [high, low, total, number]) => {
                Some((u16::from_be_bytes([*high, *low]), true, *total, *number))
            }
            (0x00 | 0x08, _) => return Err(wrong("concatenation", "wrong length")),
            _ => found,
        };
    }
    if !header.is_empty() {
        return Err(wrong("TP-UDH", "ends within an element"));
    }
    match found {
        Some((reference, wide, total, number)) if (1..=total).contains(&number) => {
            Ok(Some(Concatenation { reference, wide, total, number }))
        }
        Some((_, _, total, number)) => Err(wrong("concatenation", format!("part {number} of {total}"))),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written by other programs and by hand from the standard; none by our own codec.
    const TABLE: [(&str, usize, &str, &str); 5] = [
        // the example of most manuals of modems
        ("0011000B916407281553F80000AA0AE8329BFD4697D9EC37", 23, "+46708251358", "hellohello"),
        // the same with the service centre of gnokii's transcript and a national recipient of 11 digits
        ("079194710167000011000B816407281553F80000AA0AE8329BFD4697D9EC37", 23, "46708251358", "hellohello"),
        // no validity period, status report wanted: 0x21
        ("0021000C919471214365870000 05E8329BFD06", 18, "+491712345678", "hello"),
        // UCS-2, four days: "Привет"
        ("0011000C91947121436587 0008AA 0C041F04400438043204350442", 26, "+491712345678", "Привет"),
        // €: an escape and 0x65, packed by hand: 1b 65 -> 9b 32
        ("0001000C919471214365870000 02 9B32", 15, "+491712345678", "€"),
    ];

    fn read(hex: &str, length: usize) -> Result<ReadSubmit, PduError> {
        ReadSubmit::read(&hex.replace(' ', ""), length)
    }

    #[test]
    fn what_others_write_is_read() {
        for (hex, length, to, text) in TABLE {
            let submit = read(hex, length).unwrap();
            assert_eq!((submit.to.as_str(), submit.text.as_str()), (to, text), "{hex}");
            assert_eq!(submit.wants_report, hex.starts_with("0021"), "{hex}");
            assert_eq!(submit.part, None);
        }
        let four_days = Validity::Relative(Duration::from_secs(4 * 24 * 3600));
        assert_eq!(read(TABLE[0].0, 23).unwrap().validity, Some(four_days));
        assert_eq!(read(TABLE[1].0, 23).unwrap().service_centre.as_deref(), Some("+491710760000"));
        assert_eq!(read(TABLE[2].0, 18).unwrap().validity, None);
    }

    #[test]
    fn parts_tell_which_they_are() {
        // 8 bit reference: 7 septets of header with the fill bit; then "hi" = 68 69 -> shifted by 49 bits
        let narrow = read("0041000C919471214365870000 09 050003CE0201 D069", 21).unwrap();
        let part = Concatenation { reference: 0xce, wide: false, total: 2, number: 1 };
        assert_eq!((narrow.text.as_str(), narrow.part), ("hi", Some(part)));
        // 16 bit reference: 8 septets, no fill bits
        let wide = read("0041000C919471214365870000 0A 0608041234 0302 E834", 22).unwrap();
        let part = Concatenation { reference: 0x1234, wide: true, total: 3, number: 2 };
        assert_eq!((wide.text.as_str(), wide.part), ("hi", Some(part)));
    }

    #[test]
    fn the_periods_of_the_standard_are_those_of_its_table() {
        const HOUR: u64 = 3600;
        let table = [
            (0, HOUR / 12),
            (143, 12 * HOUR),
            (167, 24 * HOUR),
            (168, 48 * HOUR),
            (196, 720 * HOUR),
            (255, 10584 * HOUR),
        ];
        for (value, seconds) in table {
            assert_eq!(relative(value), Duration::from_secs(seconds), "{value}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        let good = TABLE[0].0;
        let table = [
            ("0011", 1, "TP-MR"),
            ("zz", 1, "hex"),
            (good, 24, "length"),
            (&good[..good.len() - 2], 22, "TP-UD"),
            ("0010000B916407281553F80000AA0AE8329BFD4697D9EC37", 23, "TP-MTI"),
            ("0011000B91640728A5D3F80000AA0AE8329BFD4697D9EC37", 23, "address"),
            ("0011000B916407281553F80000AA0AE8329BFD4697D9EC3700", 24, "TP-UD"),
            ("0011000B916407281553F80004AA0AE8329BFD4697D9EC37", 23, "TP-DCS"),
            ("0041000C919471214365870000 09 050003CE0203 D069", 21, "concatenation"),
        ];
        for (hex, length, field) in table {
            let error = read(hex, length).unwrap_err().to_string();
            assert!(error.starts_with(field), "{hex}: {error}");
        }
    }
}
