//! Status reports as a modem prints them: read or refused, and nothing of the number shows.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mtan_sms::StatusReport;

fuzz_target!(|octets: &[u8]| {
    // Half of the inputs as they come, half as hexadecimal: digits alone are a wall that random octets seldom pass.
    let hex: String = octets.iter().map(|octet| format!("{octet:02X}")).collect();
    let text = String::from_utf8_lossy(octets);
    for line in [text.as_ref(), hex.as_str()] {
        for report in
            [StatusReport::from_hex(line), StatusReport::from_hex_without_smsc(line)].into_iter().flatten()
        {
            let number = report.recipient.expose();
            assert!(number.len() < 7 || !format!("{report:?}").contains(&number));
            assert!(!report.status.sentence().is_empty());
        }
    }
});
