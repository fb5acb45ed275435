//! The one TLS provider.

/// First thing in every command that may open a connection: rustls panics later if nobody chose.
pub(crate) fn install() {
    // An error says that somebody has chosen already, which was us.
    drop(rustls::crypto::ring::default_provider().install_default());
}
