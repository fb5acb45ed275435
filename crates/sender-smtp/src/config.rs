//! The keys of SmtpSMSProvider, nowhere else: JSON becomes a typed configuration, or every mistake at once.

mod address;
mod read;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use lettre::Address;
use mtan_daemon::Fault;
use mtan_sender::UnknownRule;
use mtan_sender::number::NumberRule;
use mtan_sender::tags::Template;
use rustls::ClientConfig;

use crate::message::{Charset, Encoding};

pub(crate) use address::mail_address;

/// A mail gateway, as the seed's JSON describes it. Holds a password: `Debug` shows the host only.
#[derive(Clone)]
pub struct SmtpConfig {
    /// A name or an IP address.
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) security: Security,
    pub(crate) login: Option<Login>,
    /// The address of envelope and From.
    pub(crate) sender: Address,
    /// The address of envelope and To; `<phone>` may stand before the `@`.
    pub(crate) recipient: Template,
    pub(crate) subject: Template,
    pub(crate) body: Template,
    pub(crate) charset: Charset,
    pub(crate) encoding: Encoding,
    pub(crate) number: NumberRule,
    pub(crate) connect_time_out: Duration,
    /// From the first step to the answer to the final dot.
    pub(crate) total_time_out: Duration,
    pub(crate) ambiguous: UnknownRule,
    /// What is allowed and still looks like a mistake.
    warnings: Vec<String>,
}

/// How the connection is secured, and what the server's certificate is checked against.
#[derive(Clone)]
pub(crate) enum Security {
    None,
    /// STARTTLS, or no mail.
    StartTls(Arc<ClientConfig>),
    /// TLS from the first byte.
    Implicit(Arc<ClientConfig>),
}

/// Credentials for AUTH.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Login {
    pub(crate) user: String,
    pub(crate) password: String,
}

impl SmtpConfig {
    /// Reads the JSON of `SMSProviderConfig`; relative paths in it start in `folder`. The faults name keys, seen from the
    /// JSON's top, and never a value.
    pub fn from_json(text: &str, folder: &Path) -> Result<SmtpConfig, Vec<Fault>> {
        let (mut config, warnings) = read::config(text, folder)?;
        config.warnings = warnings;
        Ok(config)
    }

    /// Whether a server that knows HELO only cannot do.
    pub(crate) fn needs_extensions(&self) -> bool {
        self.login.is_some() || matches!(self.security, Security::StartTls(_))
    }

    /// What is allowed and still looks like a mistake; for the log, once, at the start.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

impl fmt::Debug for SmtpConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpConfig")
            .field("host", &self.host)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
