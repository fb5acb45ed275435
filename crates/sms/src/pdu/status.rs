//! What became of an SMS: TP-Status, 3GPP TS 23.040 §9.2.3.15.

use std::fmt;

/// The service centre's word about one SMS. `Display` is a plain sentence; [`DeliveryStatus::code`] the octet as received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeliveryStatus {
    /// 0x00: the phone has it.
    Delivered,
    /// 0x01 to 0x1F: the centre is done with it, and does not know (or say) that the phone has it.
    Unconfirmed {
        /// TP-ST as received.
        code: u8,
    },
    /// 0x20 to 0x3F: not yet, the centre goes on trying. Another report follows.
    UnderWay {
        /// TP-ST as received.
        code: u8,
    },
    /// 0x40 to 0x7F: it did not arrive and the centre has given up. Reserved values from 0x80 on count as 0x63, service rejected.
    Failed {
        /// TP-ST as received.
        code: u8,
    },
}

impl DeliveryStatus {
    /// The meaning of a TP-ST octet. A value that is reserved or the centre's own has the meaning of its group.
    pub fn from_code(code: u8) -> DeliveryStatus {
        match code {
            0x00 => DeliveryStatus::Delivered,
            0x01..=0x1f => DeliveryStatus::Unconfirmed { code },
            0x20..=0x3f => DeliveryStatus::UnderWay { code },
            0x40.. => DeliveryStatus::Failed { code },
        }
    }

    /// TP-ST as received.
    pub fn code(self) -> u8 {
        match self {
            DeliveryStatus::Delivered => 0,
            DeliveryStatus::Unconfirmed { code }
            | DeliveryStatus::UnderWay { code }
            | DeliveryStatus::Failed { code } => code,
        }
    }

    /// Whether this is the last word: no other report about this SMS is to come.
    pub fn is_final(self) -> bool {
        !matches!(self, DeliveryStatus::UnderWay { .. })
    }

    /// Whether the same SMS, sent again, would fail again as far as the centre knows (0x40 to 0x5F): the number, not the moment.
    pub fn is_permanent(self) -> bool {
        matches!(self, DeliveryStatus::Failed { code: 0x40..=0x5f })
    }

    /// A sentence for a person, without the code.
    pub fn sentence(self) -> &'static str {
        match self.code() {
            0x00 => "The phone has received it.",
            0x01 => "The service centre has handed it on and cannot tell whether it arrived.",
            0x02 => "The service centre has replaced it by a newer one.",
            0x03..=0x0f => {
                "The service centre is done with it, for a reason that the standard does not know."
            }
            0x10..=0x1f => "The service centre is done with it, for a reason of its own.",
            0x20 => "The network is congested; the service centre goes on trying.",
            0x21 => "The phone is busy; the service centre goes on trying.",
            0x22 => "The phone does not answer; the service centre goes on trying.",
            0x23 => "The service was rejected for the moment; the service centre goes on trying.",
            0x24 => {
                "The quality of service is not available for the moment; the service centre goes on trying."
            }
            0x25 => "There is an error in the phone; the service centre goes on trying.",
            0x26..=0x2f => {
                "Not delivered yet, for a reason that the standard does not know; the service centre goes on trying."
            }
            0x30..=0x3f => "Not delivered yet, for a reason of the service centre; it goes on trying.",
            0x40 => "Not delivered: an error in a remote procedure of the network.",
            0x41 => "Not delivered: the destination cannot take this kind of message.",
            0x42 => "Not delivered: the phone refused the connection.",
            0x43 => "Not delivered: the number cannot be reached.",
            0x44 => "Not delivered: the quality of service is not available.",
            0x45 => "Not delivered: there is no way from this network into the other one.",
            0x46 => "Not delivered: its validity period ended first.",
            0x47 => "Not delivered: the sender deleted it.",
            0x48 => "Not delivered: the service centre's administration deleted it.",
            0x49 => "Not delivered: the service centre knows no such message (any more).",
            0x4a..=0x4f => "Not delivered, for a lasting reason that the standard does not know.",
            0x50..=0x5f => "Not delivered, for a lasting reason of the service centre.",
            0x60 => "Not delivered: the network was congested, and the service centre has given up.",
            0x61 => "Not delivered: the phone was busy, and the service centre has given up.",
            0x62 => "Not delivered: the phone did not answer, and the service centre has given up.",
            0x63 => "Not delivered: the service was rejected, and the service centre has given up.",
            0x64 => {
                "Not delivered: the quality of service was not available, and the service centre has given up."
            }
            0x65 => "Not delivered: there was an error in the phone, and the service centre has given up.",
            0x66..=0x6f => {
                "Not delivered, for a reason that the standard does not know; the service centre has given up."
            }
            0x70..=0x7f => "Not delivered, for a reason of the service centre, which has given up.",
            0x80.. => {
                "Not delivered: the status is none that the standard knows, which means that the service was rejected."
            }
        }
    }
}

impl fmt::Display for DeliveryStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sentence())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_keeps_its_octet_and_has_a_sentence_that_fits_its_group() {
        for code in 0..=255 {
            let status = DeliveryStatus::from_code(code);
            let sentence = status.to_string();
            assert_eq!(status.code(), code);
            assert!(sentence.ends_with('.') && sentence.len() > 20, "{code:#04x}: {sentence}");
            let (failed, trying) = (
                sentence.starts_with("Not delivered:") || sentence.starts_with("Not delivered, "),
                sentence.contains("on trying"),
            );
            match status {
                DeliveryStatus::Delivered | DeliveryStatus::Unconfirmed { .. } => assert!(!failed && !trying),
                DeliveryStatus::UnderWay { .. } => assert!(!failed && trying),
                DeliveryStatus::Failed { .. } => assert!(failed && !trying),
            }
        }
    }

    #[test]
    fn the_groups_end_where_23_040_ends_them() {
        use DeliveryStatus as S;
        for (code, status, last_word, permanent) in [
            (0x00, S::Delivered, true, false),
            (0x01, S::Unconfirmed { code: 0x01 }, true, false),
            (0x1f, S::Unconfirmed { code: 0x1f }, true, false),
            (0x20, S::UnderWay { code: 0x20 }, false, false),
            (0x3f, S::UnderWay { code: 0x3f }, false, false),
            (0x40, S::Failed { code: 0x40 }, true, true),
            (0x5f, S::Failed { code: 0x5f }, true, true),
            (0x60, S::Failed { code: 0x60 }, true, false),
            (0x7f, S::Failed { code: 0x7f }, true, false),
            (0x80, S::Failed { code: 0x80 }, true, false),
            (0xff, S::Failed { code: 0xff }, true, false),
        ] {
            let found = S::from_code(code);
            assert_eq!((found, found.is_final(), found.is_permanent()), (status, last_word, permanent));
        }
    }
}
