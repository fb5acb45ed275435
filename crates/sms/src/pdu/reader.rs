//! Taking a PDU apart from its front.

use data_encoding::HEXUPPER_PERMISSIVE;

use super::PduError;

/// A service centre (12), and a status report with all optional fields (1+1+12+7+7+1+1+1+1+1+140), in octets, with room to spare.
const MOST_OCTETS: usize = 256;

/// The octets of a PDU as a modem prints it: blanks around it and small letters do no harm.
pub(super) fn octets(hex: &str) -> Result<Vec<u8>, PduError> {
    let hex = hex.trim().as_bytes();
    if hex.len() > 2 * MOST_OCTETS {
        return Err(PduError::Hex);
    }
    HEXUPPER_PERMISSIVE.decode(hex).map_err(|_| PduError::Hex)
}

/// What is left of a PDU.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(octets: &'a [u8]) -> Reader<'a> {
        Reader(octets)
    }

    pub(super) fn octet(&mut self) -> Result<u8, PduError> {
        let (first, rest) = self.0.split_first().ok_or(PduError::Short)?;
        self.0 = rest;
        Ok(*first)
    }

    pub(super) fn take(&mut self, octets: usize) -> Result<&'a [u8], PduError> {
        let (first, rest) = self.0.split_at_checked(octets).ok_or(PduError::Short)?;
        self.0 = rest;
        Ok(first)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], PduError> {
        let (first, rest) = self.0.split_first_chunk().ok_or(PduError::Short)?;
        self.0 = rest;
        Ok(*first)
    }
}
