//! USSD answers, and texts of any kind on their way out: read as something, and a text of our own packing as itself.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mtan_sms::{ConcatReference, PhoneNumber, SmsText, Submit, SubmitOptions, TerminalCharset};

fuzz_target!(|input: (&str, Option<u8>, u8)| {
    let (text, coding, charset) = input;
    let charset =
        [TerminalCharset::Gsm, TerminalCharset::Ucs2, TerminalCharset::Other][usize::from(charset) % 3];
    drop(mtan_sms::ussd_text(text, coding, charset));
    drop(mtan_sms::ussd_packed(text));
    let hex = mtan_sms::ucs2_hex(text);
    if !text.is_empty() && !text.chars().any(char::is_control) {
        assert_eq!(mtan_sms::ussd_text(&hex, Some(0x48), TerminalCharset::Ucs2), text);
    }
    let Ok(text) = SmsText::new(text) else { return };
    let to = PhoneNumber::parse("+491701234567").expect("a number");
    let reference = ConcatReference::Octet(7);
    let options = SubmitOptions { validity: None, status_report: true, reject_duplicates: true, reference };
    let parts = Submit::parts(&to, &text, &options);
    assert_eq!(parts.len(), usize::from(text.segments()));
    assert!(parts.iter().all(|part| part.length() <= 164));
});
