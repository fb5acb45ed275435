//! SMS-SUBMIT, 3GPP TS 23.040 §9.2.2.2: an SMS on its way from the phone to the service centre.

use std::fmt;
use std::time::Duration;

use data_encoding::HEXUPPER;

use super::Address;
use super::user_data::{ConcatReference, user_data};
use super::validity::relative;
use crate::number::PhoneNumber;
use crate::split::split;
use crate::text::{Alphabet, SmsText};

/// How an SMS is to be treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubmitOptions {
    /// TP-VP: how long the service centre tries, rounded down so that an SMS does not outlive its code; five minutes are the
    /// least that the format can say. `None` leaves it to the centre, which often means days.
    pub validity: Option<Duration>,
    /// TP-SRR: a status report is wanted for each part.
    pub status_report: bool,
    /// TP-RD: the centre refuses an SMS that it still holds with the same reference and number.
    pub reject_duplicates: bool,
    /// Binds the parts together if there are more than one.
    pub reference: ConcatReference,
}

/// One SMS-SUBMIT. `Debug` shows its length, neither text nor number.
#[derive(Clone, PartialEq, Eq)]
pub struct Submit(Vec<u8>);

// TP-MTI and flags of the first octet, §9.2.3.1 and following.
const SUBMIT: u8 = 0b01;
const REJECT_DUPLICATES: u8 = 1 << 2;
const RELATIVE_VALIDITY: u8 = 0b10 << 3;
const STATUS_REPORT: u8 = 1 << 5;
const USER_DATA_HEADER: u8 = 1 << 6;

/// TP-MR: the modem puts its own number in.
const REFERENCE: u8 = 0;
/// TP-PID: an SMS from one phone to another.
const PROTOCOL: u8 = 0;

impl Submit {
    /// As many parts as [`SmsText::segments`] tells, in the order in which they are to be sent; with [`ConcatReference::Wide`] one
    /// more where the octet that it takes of each part makes a difference.
    pub fn parts(to: &PhoneNumber, text: &SmsText, options: &SubmitOptions) -> Vec<Submit> {
        let texts = split(text.expose(), text.alphabet(), options.reference.header_octets());
        let of = u8::try_from(texts.len()).expect("an SmsText has about ten segments");
        (1..=of)
            .zip(texts)
            .map(|(place, part)| {
                let header = if of == 1 { Vec::new() } else { options.reference.header(place, of) };
                Submit::new(to, header, part, text.alphabet(), options)
            })
            .collect()
    }

    fn new(
        to: &PhoneNumber,
        header: Vec<u8>,
        part: &str,
        alphabet: Alphabet,
        options: &SubmitOptions,
    ) -> Submit {
        let flag = |set: bool, flag: u8| if set { flag } else { 0 };
        let first = SUBMIT
            | flag(options.reject_duplicates, REJECT_DUPLICATES)
            | flag(options.validity.is_some(), RELATIVE_VALIDITY)
            | flag(options.status_report, STATUS_REPORT)
            | flag(!header.is_empty(), USER_DATA_HEADER);
        let mut tpdu = vec![first, REFERENCE];
        Address::international(to).write(&mut tpdu);
        tpdu.extend([PROTOCOL, coding(alphabet)]);
        tpdu.extend(options.validity.map(relative));
        tpdu.extend(user_data(header, part, alphabet));
        Submit(tpdu)
    }

    /// Octets without the service centre's field: the `n` of `AT+CMGS=n`.
    pub fn length(&self) -> usize {
        self.0.len()
    }

    /// What follows the prompt of `AT+CMGS`, before Ctrl-Z: upper-case hexadecimal digits, the service centre's field first. Without
    /// `smsc` it is the one that the modem or its SIM knows.
    pub fn hex(&self, smsc: Option<&Address>) -> String {
        let mut pdu = smsc.map_or_else(|| vec![0], Address::service_centre_field);
        pdu.extend(&self.0);
        HEXUPPER.encode(&pdu)
    }
}

/// TP-DCS, 3GPP TS 23.038 §4: no class, not compressed.
fn coding(alphabet: Alphabet) -> u8 {
    match alphabet {
        Alphabet::Gsm7 => 0x00,
        Alphabet::Ucs2 => 0x08,
    }
}

impl fmt::Debug for Submit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Submit({} octets)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: SubmitOptions = SubmitOptions {
        validity: None,
        status_report: false,
        reject_duplicates: false,
        reference: ConcatReference::Octet(0xa5),
    };

    fn parts(text: &str, options: &SubmitOptions) -> Vec<Submit> {
        let number = PhoneNumber::parse("+491712345678").unwrap();
        Submit::parts(&number, &SmsText::new(text).unwrap(), options)
    }

    #[test]
    fn a_submit_is_octet_for_octet_what_23_040_wants() {
        let centre = Address::parse("+491710760000").unwrap();
        let day_and_more = SubmitOptions { validity: Some(Duration::from_secs(4 * 86_400)), ..ONE };
        let pdu = &parts("hellohello", &day_and_more)[0];
        // Header and addresses as gnokii sends them; the text is the packed example that everybody quotes.
        assert_eq!(
            pdu.hex(Some(&centre)),
            "0791947101670000\
             11000C919471214365870000AA0AE8329BFD4697D9EC37"
        );
        assert_eq!(pdu.length(), 23);
        assert!(pdu.hex(None).starts_with("0011000C91"));
    }

    #[test]
    fn each_wish_is_a_bit_of_the_first_octet() {
        let report = SubmitOptions { status_report: true, ..ONE };
        let unique = SubmitOptions { reject_duplicates: true, ..ONE };
        let short = SubmitOptions { validity: Some(Duration::from_secs(600)), ..ONE };
        for (options, first) in [(ONE, "01"), (report, "21"), (unique, "05"), (short, "11")] {
            assert_eq!(&parts("a", &options)[0].hex(None)[2..4], first);
        }
        assert_eq!(&parts(&"a".repeat(161), &ONE)[0].hex(None)[2..4], "41");
    }

    #[test]
    fn a_submit_prints_neither_text_nor_number() {
        assert_eq!(format!("{:?}", parts("Your code is 123456", &ONE)), "[Submit(30 octets)]");
    }
}
