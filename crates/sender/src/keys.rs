//! The keys of `SMSProviderConfig`: a JSON object, read key by key, with every mistake collected.

mod json;
mod read;

use std::path::{Path, PathBuf};

use mtan_daemon::Fault;
use serde_json::{Map, Value};

pub use read::TimeOuts;

/// The names that a provider has.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    /// Keys that are read.
    pub read: &'static [&'static str],
    /// Keys that mean something to LinOTP or to our own documents and are not built yet. They are refused: a gateway that
    /// is driven without what somebody wrote down sends wrong SMS, or none.
    pub not_yet: &'static [&'static str],
}

/// The object that is being read, and what is wrong with it so far. Faults name keys, seen from the JSON's top, and
/// never a value: values are passwords.
pub struct Keys {
    object: Map<String, Value>,
    folder: PathBuf,
    known: Known,
    faults: Vec<Fault>,
    warnings: Vec<String>,
}

impl Keys {
    /// [`Keys::object_in`], [`Keys::of`] and [`Keys::warn_of_repair`] in one.
    pub fn parse(text: &str, folder: &Path, known: Known) -> Result<Keys, Vec<Fault>> {
        let mut keys = Keys::of(Keys::object_in(text)?, folder, known);
        keys.warn_of_repair(text);
        Ok(keys)
    }

    /// The object in `text`; where typographic quotes are all that is wrong with it they are repaired. An error says where
    /// the text stops being one, with line, column and the usual reason: the wrong quotes.
    pub fn object_in(text: &str) -> Result<Map<String, Value>, Vec<Fault>> {
        json::object(text).map_err(|message| vec![Fault { key: String::new(), message }])
    }

    /// The keys of `object`; unknown ones are faults already. Relative paths in it start in `folder`.
    pub fn of(object: Map<String, Value>, folder: &Path, known: Known) -> Keys {
        let faults = object.keys().filter_map(|key| known.refusal(key)).collect();
        Keys { object, folder: folder.to_owned(), known, faults, warnings: Vec::new() }
    }

    /// Warns of what [`Keys::object_in`] has repaired in `text`.
    pub fn warn_of_repair(&mut self, text: &str) {
        self.warnings.extend(mtan_daemon::repair_quotes(text).map(|repaired| repaired.note));
    }

    /// Notes a mistake. `key` is seen from the JSON's top: `PARAMETER.from`.
    pub fn fault(&mut self, key: impl Into<String>, message: impl Into<String>) {
        self.faults.push(Fault { key: key.into(), message: message.into() });
    }

    /// Notes what is allowed and still looks like a mistake; for the log, once, at the start.
    pub fn warn(&mut self, message: impl Into<String>) {
        self.warnings.push(message.into());
    }

    /// Whether `key` is there.
    pub fn has(&self, key: &str) -> bool {
        self.value(key).is_some()
    }

    /// Whether `key` is there, known or not.
    pub(crate) fn is_given(&self, key: &str) -> bool {
        self.object.contains_key(key)
    }

    /// What stands at `key`, as it is.
    pub fn value(&self, key: &str) -> Option<&Value> {
        debug_assert!(self.known.read.contains(&key), "{key} is on the list of keys that are read");
        self.object.get(key)
    }

    /// Every mistake, or `read` with the warnings. `read` is `None` only beside a fault.
    pub fn finish<T>(self, read: Option<T>) -> Result<(T, Vec<String>), Vec<Fault>> {
        match read {
            Some(read) if self.faults.is_empty() => Ok((read, self.warnings)),
            _ => Err(self.faults),
        }
    }
}

impl Known {
    /// Whether `key` is a name of this provider's, read or not.
    pub fn has(&self, key: &str) -> bool {
        self.read.contains(&key) || self.not_yet.contains(&key)
    }

    /// Why `key` cannot be there; `None` if it can.
    fn refusal(&self, key: &str) -> Option<Fault> {
        let message = if self.read.contains(&key) {
            return None;
        } else if self.not_yet.contains(&key) {
            "is not supported yet".to_owned()
        } else {
            format!("no such key; did you mean {}?", self.nearest(key))
        };
        Some(Fault { key: key.to_owned(), message })
    }

    fn nearest(&self, key: &str) -> &'static str {
        let key = key.to_lowercase();
        let distance = |known: &&&str| strsim::damerau_levenshtein(&known.to_lowercase(), &key);
        self.read.iter().chain(self.not_yet).min_by_key(distance).copied().unwrap_or("another name")
    }
}

#[cfg(test)]
pub(crate) mod tests;
