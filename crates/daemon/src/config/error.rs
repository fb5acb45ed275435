//! What is wrong with a configuration: all of it, one line a mistake.

use std::fmt;

/// Every mistake of a configuration. `Display` prints one line for each, `key: what is expected`, and never a value,
/// for a value may be a secret. A process that meets it ends with exit code 2 ([`crate::exit_code`]).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    pub(crate) faults: Vec<Fault>,
}

/// One mistake: the key in full, as in `sms.SMSProviderTimeout`, and what is expected there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The key, dotted; for a file that is no TOML its name, line and column.
    pub key: String,
    /// What is expected, or what else is wrong. Never the value.
    pub message: String,
}

impl ConfigError {
    /// The mistakes in the order in which they were found; at least one.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    pub(crate) fn one(key: impl Into<String>, message: impl Into<String>) -> ConfigError {
        ConfigError { faults: vec![Fault { key: key.into(), message: message.into() }] }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, fault) in self.faults.iter().enumerate() {
            let line_break = if i == 0 { "" } else { "\n" };
            write!(f, "{line_break}{fault}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.message)
    }
}
