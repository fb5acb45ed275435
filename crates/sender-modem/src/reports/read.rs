//! A delivery report as modems write it: a PDU with or without the SMSC's field, or the fields of text mode.

use mtan_sms::{Address, DeliveryStatus, StatusReport};

/// What of a delivery report matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Report {
    /// The modem's message reference (TP-MR).
    pub(crate) reference: u8,
    pub(crate) status: DeliveryStatus,
    /// Whom the SMS went to; text mode may leave it out.
    pub(crate) recipient: Option<Address>,
}

impl Report {
    /// Hexadecimal digits; `+CDS` and some memories lack the SMSC's field.
    pub(crate) fn of_pdu(pdu: &str) -> Option<Report> {
        let report =
            StatusReport::from_hex(pdu).or_else(|_| StatusReport::from_hex_without_smsc(pdu)).ok()?;
        let StatusReport { reference, status, recipient, .. } = report;
        Some(Report { reference, status, recipient: Some(recipient) })
    }

    /// 3GPP TS 27.005 §3.4.1: `<fo>,<mr>,[<ra>],[<tora>],<scts>,<dt>,<st>`, where what lies between may be missing.
    pub(crate) fn of_fields(fields: &str) -> Option<Report> {
        let mut parts = fields.split(',').map(str::trim);
        let reference = parts.nth(1)?.parse().ok()?;
        let number = parts.next().map(|number| number.trim_matches('"')).unwrap_or_default();
        let status = fields.rsplit(',').next()?.trim().parse().ok()?;
        let recipient = Address::parse(number).ok();
        Some(Report { reference, status: DeliveryStatus::from_code(status), recipient })
    }

    /// What `AT+CMGR` gives of a stored one: a PDU in its second line, or in text mode all behind `<stat>` in its first.
    pub(crate) fn of_stored(lines: &[String]) -> Option<Report> {
        let pdu = lines.iter().find_map(|line| Report::of_pdu(line));
        pdu.or_else(|| Report::of_fields(lines.first()?.split_once(',')?.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_read_as_pdu_and_as_text() {
        let text = r#"6,73,"+491712345678",145,"26/11/24,15:00:00+04","26/11/24,15:00:09+04",70"#;
        let report = Report::of_fields(text).unwrap();
        assert_eq!((report.reference, report.status.code()), (73, 70));
        assert_eq!(report.recipient.unwrap().expose(), "+491712345678");
        let bare = Report::of_fields(r#"6,73,,,"26/11/24,15:00:00+04","26/11/24,15:00:09+04",0"#).unwrap();
        assert_eq!((bare.reference, bare.status.code(), bare.recipient), (73, 0, None));
        let report = Report::of_pdu("00060A0B811017325476F8000000000000006211428110004046").unwrap();
        assert_eq!((report.reference, report.status.code(), report.recipient.is_some()), (10, 0x46, true));
        assert!(Report::of_pdu("OK").is_none() && Report::of_fields("1").is_none());
    }

    #[test]
    fn a_stored_report_is_read_in_both_modes() {
        let pdu = ["0,,24".to_owned(), "00060A0B811017325476F8000000000000006211428110004046".to_owned()];
        assert_eq!(Report::of_stored(&pdu).unwrap().reference, 10);
        let text = [r#""REC UNREAD",6,73,,,"26/11/24,15:00:00+04","26/11/24,15:00:09+04",0"#.to_owned()];
        assert_eq!(Report::of_stored(&text).unwrap().reference, 73);
        assert!(Report::of_stored(&[]).is_none() && Report::of_stored(&["x".to_owned()]).is_none());
    }
}
