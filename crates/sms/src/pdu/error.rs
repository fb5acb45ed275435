//! Why a PDU cannot be read.

/// What a modem handed over is no PDU that we know. Never shows the PDU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PduError {
    /// Not an even number of hexadecimal digits, or more than any PDU has.
    #[error("no hexadecimal PDU")]
    Hex,
    /// It ends before its last field, or a length in it points behind its end.
    #[error("the PDU is cut short")]
    Short,
    /// An address longer than 20 digits, or with a length that its type cannot have.
    #[error("the PDU has an address that no phone has")]
    Address,
    /// Another message: an SMS that was received (0), the answer to one that was sent (1).
    #[error("the PDU is no status report but has message type {0}")]
    OtherKind(u8),
}
