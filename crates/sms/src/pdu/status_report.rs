//! SMS-STATUS-REPORT, 3GPP TS 23.040 §9.2.2.3: what the service centre tells about an SMS that was sent.

use std::time::SystemTime;

use super::reader::{Reader, octets};
use super::time::time;
use super::{Address, DeliveryStatus, PduError};

/// One report about one part. `Debug` masks the number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusReport {
    /// TP-MR, the number that the modem gave the part (`+CMGS: n`). It repeats after 256 SMS.
    pub reference: u8,
    /// Whom the part was for, as the network writes it: compare with [`Address::is`].
    pub recipient: Address,
    /// When the service centre took the part; `None` if the stamp is no time.
    pub service_centre_time: Option<SystemTime>,
    /// When the phone took the part or the service centre tried last; `None` if the stamp is no time.
    pub discharge_time: Option<SystemTime>,
    /// What became of it.
    pub status: DeliveryStatus,
}

const STATUS_REPORT: u8 = 0b10;

impl StatusReport {
    /// Reads the line after `+CDS:` or `+CMGR:`, which begins with the service centre's address.
    pub fn from_hex(pdu_with_smsc: &str) -> Result<StatusReport, PduError> {
        let octets = octets(pdu_with_smsc)?;
        let mut reader = Reader::new(&octets);
        let centre = reader.octet()?;
        reader.take(centre.into())?;
        StatusReport::read(&mut reader)
    }

    /// Reads the line if the modem leaves the service centre's address out: its octets are then as many as `+CDS:` counts.
    pub fn from_hex_without_smsc(tpdu: &str) -> Result<StatusReport, PduError> {
        StatusReport::read(&mut Reader::new(&octets(tpdu)?))
    }

    /// What follows TP-ST is optional and tells nothing more.
    fn read(reader: &mut Reader<'_>) -> Result<StatusReport, PduError> {
        let kind = reader.octet()? & 0b11;
        if kind != STATUS_REPORT {
            return Err(PduError::OtherKind(kind));
        }
        Ok(StatusReport {
            reference: reader.octet()?,
            recipient: Address::read(reader)?,
            service_centre_time: time(reader.array()?),
            discharge_time: time(reader.array()?),
            status: DeliveryStatus::from_code(reader.octet()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PhoneNumber;
    use std::time::Duration;

    const CENTRE: &str = "0791947101670000";
    const DELIVERED: &str = "06490C9194712143658762114281100040621142811090400000";

    fn at(seconds: u64) -> Option<SystemTime> {
        Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
    }

    #[test]
    fn a_report_says_which_sms_reached_whom_and_when() {
        let expected = StatusReport {
            reference: 0x49,
            recipient: Address::parse("+491712345678").unwrap(),
            service_centre_time: at(1_795_539_660),
            discharge_time: at(1_795_539_669),
            status: DeliveryStatus::Delivered,
        };
        for line in [
            format!("{CENTRE}{DELIVERED}"),
            format!(" {CENTRE}{DELIVERED}\r"),
            format!("{CENTRE}{DELIVERED}").to_lowercase(),
            format!("00{DELIVERED}"),
            format!("00{}", &DELIVERED[..DELIVERED.len() - 2]), // without the optional parameters' octet
        ] {
            assert_eq!(StatusReport::from_hex(&line), Ok(expected.clone()), "{line}");
        }
        assert_eq!(StatusReport::from_hex_without_smsc(DELIVERED), Ok(expected));
    }

    #[test]
    fn a_recipient_at_home_or_with_a_name_and_a_stamp_that_is_no_time_are_read_too() {
        let national =
            StatusReport::from_hex("00060A0B811017325476F8000000000000006211428110004046").unwrap();
        assert!(national.recipient.is(&PhoneNumber::parse("+491712345678").unwrap()));
        assert_eq!((national.service_centre_time, national.status.code()), (None, 0x46));
        let named = StatusReport::from_hex("00060A09D0D4F29C3E07621142811000406211428110004030").unwrap();
        assert!(named.recipient.is_alphanumeric());
        assert_eq!((named.recipient.expose().as_str(), named.status.code()), ("Tests", 0x30));
    }

    #[test]
    fn what_is_no_report_is_refused() {
        let whole = format!("{CENTRE}{DELIVERED}");
        let least = whole.len() - 2;
        for end in (0..least).step_by(2) {
            assert_eq!(StatusReport::from_hex(&whole[..end]), Err(PduError::Short), "{end} digits");
            assert_eq!(StatusReport::from_hex(&whole[..end + 1]), Err(PduError::Hex), "{} digits", end + 1);
        }
        for (line, error) in [
            ("OK", PduError::Hex),
            ("00040B91947121436587", PduError::OtherKind(0)),
            ("00015A00", PduError::OtherKind(1)),
            ("0006491591947121436587", PduError::Address),
            ("é0", PduError::Hex),
            (&"0".repeat(1000), PduError::Hex),
        ] {
            assert_eq!(StatusReport::from_hex(line), Err(error), "{line}");
        }
    }

    #[test]
    fn a_report_prints_no_whole_number() {
        let shown = format!("{:?}", StatusReport::from_hex(&format!("00{DELIVERED}")).unwrap());
        assert!(shown.contains("+49…78") && !shown.contains("2345"), "{shown}");
    }
}
