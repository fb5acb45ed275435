//! The keys of HttpSMSProvider, nowhere else: JSON becomes a typed configuration, or every mistake at once.

mod keys;
mod reader;

use std::fmt;
use std::path::Path;

use mtan_daemon::Fault;
use mtan_sender::UnknownRule;
use mtan_sender::keys::TimeOuts;
use url::Url;

use reader::Reader;

/// A gateway, as the seed's JSON describes it. Holds passwords: `Debug` shows the host only.
#[derive(Clone, PartialEq)]
pub struct HttpConfig {
    /// Without user, password and fragment; an own query is kept.
    pub(crate) url: Url,
    pub(crate) method: Method,
    /// Fixed parameters, in the order of their names.
    pub(crate) parameters: Vec<(String, String)>,
    pub(crate) text_key: String,
    pub(crate) phone_key: String,
    pub(crate) login: Option<Login>,
    pub(crate) proxy: Option<Proxy>,
    pub(crate) success: Success,
    pub(crate) time_outs: TimeOuts,
    pub(crate) ambiguous: UnknownRule,
    /// What is allowed and still looks like a mistake.
    warnings: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Post,
}

/// Basic credentials.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Login {
    pub(crate) user: String,
    pub(crate) password: String,
}

#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Proxy {
    /// Without user and password.
    pub(crate) url: Url,
    pub(crate) login: Option<Login>,
}

/// How a reply says that the SMS was taken.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Success {
    /// It begins with this: RETURN_SUCCESS.
    BeginsWith(String),
    /// It does not begin with this: RETURN_FAIL.
    BeginsNotWith(String),
    /// The HTTP status says it.
    Status,
}

impl HttpConfig {
    /// Reads the JSON of `SMSProviderConfig`, in which relative paths start in `folder`. The faults name keys, seen from the
    /// JSON's top, and never a value.
    pub fn from_json(text: &str, folder: &Path) -> Result<HttpConfig, Vec<Fault>> {
        Reader::new(text, folder)?.config()
    }

    /// What is allowed and still looks like a mistake; for the log, once, at the start.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

impl fmt::Debug for HttpConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpConfig").field("host", &self.url.host_str()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
