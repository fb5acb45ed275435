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
