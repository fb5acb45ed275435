//! SMS-STATUS-REPORT as the service centre writes it, 3GPP TS 23.040 §9.2.2.3.

use data_encoding::HEXUPPER;
use jiff::Timestamp;
use jiff::tz::Offset;

/// What a delivery report says.
#[derive(Debug, Clone)]
pub(in crate::modem) struct StatusReport {
    /// TP-MR that the modem gave.
    pub(in crate::modem) reference: u8,
    /// `+` and digits, or a national number.
    pub(in crate::modem) recipient: String,
    pub(in crate::modem) taken: Timestamp,
    pub(in crate::modem) discharged: Timestamp,
    /// TP-ST.
    pub(in crate::modem) status: u8,
    /// `+` and digits.
    pub(in crate::modem) service_centre: String,
}

/// The hex of service centre and TPDU, and the octets of the TPDU alone: the number of `+CDS: <length>`.
pub(in crate::modem) fn status_report(report: &StatusReport) -> (String, usize) {
    let centre = address(&report.service_centre);
    let recipient = address(&report.recipient);
    let digits = report.recipient.trim_start_matches('+').len();
    let mut tpdu = vec![0x06, report.reference, octet(digits)]; // TP-MTI 10, TP-MMS: nothing else waits
    tpdu.extend(&recipient);
    tpdu.extend(time_stamp(report.taken));
    tpdu.extend(time_stamp(report.discharged));
    tpdu.push(report.status);
    let mut whole = vec![octet(centre.len())];
    whole.extend(&centre);
    whole.extend(&tpdu);
    (HEXUPPER.encode(&whole), tpdu.len())
}

/// Type of number and swapped half octets.
fn address(number: &str) -> Vec<u8> {
    let (kind, digits) = match number.strip_prefix('+') {
        Some(digits) => (0x91, digits),
        None => (0x81, number),
    };
    let half = |digit: &u8| if digit.is_ascii_digit() { digit - b'0' } else { 0xa };
    let pairs = digits.as_bytes().chunks(2).map(|pair| half(&pair[0]) | pair.get(1).map_or(0xf, half) << 4);
    std::iter::once(kind).chain(pairs).collect()
}

/// §9.2.3.11: seven octets of swapped decimal digits; the zone, here UTC, in quarters of an hour.
fn time_stamp(time: Timestamp) -> [u8; 7] {
    let time = Offset::UTC.to_datetime(time);
    let year = time.year().rem_euclid(100);
    let fields = [year, time.month().into(), time.day().into(), time.hour().into()];
    let fields = fields.into_iter().chain([time.minute().into(), time.second().into(), 0]);
    let mut octets = [0; 7];
    for (octet, field) in octets.iter_mut().zip(fields) {
        let field = u8::try_from(field).unwrap_or(0);
        *octet = (field / 10) | ((field % 10) << 4);
    }
    octets
}

fn octet(length: usize) -> u8 {
    u8::try_from(length).expect("an address has some ten octets")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_written_as_the_standard_lays_it_out() {
        let report = StatusReport {
            reference: 0x2a,
            recipient: "+46708251358".to_owned(),
            taken: "2026-11-24T13:05:09Z".parse().unwrap(),
            discharged: "2026-11-24T13:05:12Z".parse().unwrap(),
            status: 0x46,
            service_centre: "+491710760000".to_owned(),
        };
        let (hex, length) = status_report(&report);
        let tpdu = "062A0B916407281553F8 62114231509000 62114231502100 46".replace(' ', "");
        assert_eq!(hex, format!("0791947101670000{tpdu}"));
        assert_eq!(length, tpdu.len() / 2);
        let national = StatusReport { recipient: "0171".to_owned(), ..report };
        assert!(status_report(&national).0.contains("2A04811017"));
    }
}
