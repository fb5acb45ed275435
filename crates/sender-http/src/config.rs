//! The keys of HttpSMSProvider, nowhere else: JSON becomes a typed configuration, or every mistake at once.

mod address;
mod body;
mod delivery;
mod headers;
mod json_text;
mod keys;
mod parameters;
mod reader;
mod reply;

use std::fmt;
use std::path::Path;
use std::time::Duration;

use mtan_daemon::Fault;
use mtan_sender::UnknownRule;
use mtan_sender::certificates::{Identity, ServerCheck};
use mtan_sender::keys::TimeOuts;
use mtan_sender::number::NumberRule;
use mtan_sender::tags::Template;
use reqwest::header::HeaderName;
use serde_json::Value;
use url::Url;

use crate::callback::CallbackRules;
pub(crate) use json_text::JsonText;
pub(crate) use reply::{JsonRule, MessageId, ReplyRules, StatusMeans, StatusRules, Success};

/// A gateway, as the seed's JSON describes it. Holds passwords: `Debug` shows the host only.
#[derive(Clone)]
pub struct HttpConfig {
    /// Without user, password and fragment; an own query is kept.
    pub(crate) url: Url,
    pub(crate) method: Method,
    /// Parameters, text and number as query, form or JSON; or a template of the whole.
    pub(crate) body: Body,
    pub(crate) headers: Vec<(HeaderName, Template)>,
    pub(crate) number: NumberRule,
    pub(crate) auth: Option<Auth>,
    pub(crate) proxy: Option<Proxy>,
    pub(crate) server: ServerCheck,
    pub(crate) identity: Option<Identity>,
    pub(crate) reply: ReplyRules,
    pub(crate) time_outs: TimeOuts,
    /// VALIDITY_MAX: the gateway is told of no longer life.
    pub(crate) longest_life: Option<Duration>,
    pub(crate) ambiguous: UnknownRule,
    /// DLR.
    pub(crate) callbacks: Option<CallbackRules>,
    /// What is allowed and still looks like a mistake.
    warnings: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Post,
}

/// What a request carries.
#[derive(Clone, PartialEq)]
pub(crate) enum Body {
    /// The query of a GET, the form of a POST.
    Pairs(Parameters),
    /// One flat JSON object.
    Json(Parameters),
    JsonTemplate(JsonText),
    TextTemplate {
        text: Template,
        kind: TextKind,
    },
}

/// What a text template is, and so how the values in it are escaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextKind {
    Xml,
    /// Its Content-Type says that it is a form.
    Form,
    /// Nothing is escaped.
    Plain,
}

/// What a request names one by one.
#[derive(Clone, PartialEq)]
pub(crate) struct Parameters {
    /// PARAMETER, in the order of the names.
    pub(crate) fixed: Vec<(String, Parameter)>,
    pub(crate) text_key: String,
    pub(crate) phone_key: String,
    /// UNICODE: what takes another value, or none, where the text does not fit the GSM alphabet.
    pub(crate) unicode: Vec<(String, Option<Parameter>)>,
    /// VALIDITY_KEY.
    pub(crate) validity: Option<(String, ValidityUnit)>,
}

#[derive(Clone, PartialEq)]
pub(crate) enum Parameter {
    Text(Template),
    /// The text in UCS-2, as hexadecimal digits.
    Ucs2,
    /// A number or a truth; in JSON it stays one.
    Other(Value),
}

/// How the remaining life of a code is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ValidityUnit {
    Minutes,
    Seconds,
    Milliseconds,
    /// When it ends, in seconds since 1970.
    Timestamp,
    /// When it ends, as in `2026-11-24T16:00:00Z`.
    Iso8601,
}

/// How we say who we are.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Auth {
    Basic(Login),
    Digest(Login),
    /// The token.
    Bearer(String),
}

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

impl HttpConfig {
    /// Reads the JSON of `SMSProviderConfig`, in which relative paths start in `folder`. The faults name keys, seen from the
    /// JSON's top, and never a value.
    pub fn from_json(text: &str, folder: &Path) -> Result<HttpConfig, Vec<Fault>> {
        reader::read(text, folder)
    }

    /// What is allowed and still looks like a mistake; for the log, once, at the start.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Whether there is TLS on the way to the gateway.
    pub(crate) fn uses_tls(&self) -> bool {
        let https = |url: &Url| url.scheme() == "https";
        https(&self.url) || self.proxy.as_ref().is_some_and(|proxy| https(&proxy.url))
    }
}

/// Whether HttpSMSProvider has a key of that name.
pub(crate) fn is_key(key: &str) -> bool {
    keys::KNOWN.has(key)
}

impl fmt::Debug for HttpConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpConfig").field("host", &self.url.host_str()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::seed::samples as seed_samples;
