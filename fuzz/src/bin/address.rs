//! Addresses as people and modems write them: refused, or the same again after a trip through its own text and through a PDU.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mtan_sms::{Address, ConcatReference, PhoneNumber, SmsText, Submit, SubmitOptions};

fuzz_target!(|input: (&str, u8)| {
    let (text, kind) = input;
    if let Ok(address) = Address::typed(text, kind) {
        assert!(address.expose().trim_start_matches('+') == text.trim_start_matches('+'));
    }
    let Ok(address) = Address::parse(text) else { return };
    assert_eq!(Address::parse(&address.expose()).as_ref(), Ok(&address));
    let centre = centre_field(&address);
    assert!((4..=24).contains(&centre), "{centre} digits");
    if let Ok(number) = PhoneNumber::parse(text) {
        assert!(address.is(&number));
        assert!(Address::parse(&number.expose()[1..]).is_ok_and(|address| address.is(&number)));
    }
});

/// Hexadecimal digits that the address takes as the service centre's field.
fn centre_field(address: &Address) -> usize {
    let options = SubmitOptions {
        validity: None,
        status_report: false,
        reject_duplicates: false,
        reference: ConcatReference::Octet(1),
    };
    let to = PhoneNumber::parse("+491701234567").expect("a number");
    let text = SmsText::new("a").expect("a text");
    let submit = &Submit::parts(&to, &text, &options)[0];
    submit.hex(Some(address)).len() - 2 * submit.length()
}
