//! One key at a time, by type.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value};

use super::Keys;
use crate::UnknownRule;

/// Seconds to connect, and for all of it, unless TIMEOUT says otherwise.
const TIME_OUT: (f64, f64) = (5.0, 20.0);

/// The longest total time-out, in seconds: a job in hand holds one of the pool's slots.
const LONGEST_TIME_OUT: f64 = 300.0;

/// The largest file that a key may name: certificates are a few KiB, and all of a system's roots are less than this.
const LARGEST_FILE: u64 = 4 * 1024 * 1024;

/// From here on a double no longer holds every whole number.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// TIMEOUT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeOuts {
    /// Until there is a connection; shorter than `total`.
    pub connect: Duration,
    /// From the first step to the last byte of the reply; at most 300 s.
    pub total: Duration,
}

impl Keys {
    /// A string.
    pub fn string(&mut self, key: &str) -> Option<String> {
        match self.value(key)? {
            Value::String(text) => Some(text.clone()),
            _ => self.expected(key, "a string is expected"),
        }
    }

    /// A string, a number or a truth, as text: what people write for an account number.
    pub fn text(&mut self, key: &str) -> Option<String> {
        let value = self.value(key)?.clone();
        self.scalar(key, &value)
    }

    /// [`Keys::text`] of a value further down; `key` is its whole name.
    pub fn scalar(&mut self, key: &str, value: &Value) -> Option<String> {
        match value {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) if number.is_f64() && number.as_f64().is_none_or(|n| n.abs() >= EXACT) => {
                self.expected(key, "a number of so many digits is expected in quotes, to stay as it is")
            }
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(truth) => Some(truth.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => {
                self.expected(key, "a string, a number, true or false is expected")
            }
        }
    }

    /// `true` or `false`, also as LinOTP's users write it: `"True"`.
    pub fn truth(&mut self, key: &str) -> Option<bool> {
        let truth = match self.value(key)? {
            Value::Bool(truth) => Some(*truth),
            Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
            Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        };
        truth.or_else(|| self.expected(key, "true or false is expected"))
    }

    /// One of the words, in any case; the fault names them all.
    pub fn choice<T: Copy>(&mut self, key: &str, words: &[(&str, T)]) -> Option<T> {
        let text = self.string(key)?;
        let found = words.iter().find(|(word, _)| word.eq_ignore_ascii_case(&text));
        if let Some((_, meaning)) = found {
            return Some(*meaning);
        }
        let (last, others) = words.split_last()?;
        let others: Vec<_> = others.iter().map(|(word, _)| *word).collect();
        self.expected(key, &format!("{} or {} is expected", others.join(", "), last.0))
    }

    /// A string, or a list of them; empty if the key is not there. An empty list is a fault.
    pub fn strings(&mut self, key: &str) -> Vec<String> {
        let strings = match self.value(key) {
            None => return Vec::new(),
            Some(Value::String(text)) => Some(vec![text.clone()]),
            Some(Value::Array(list)) if !list.is_empty() => {
                list.iter().map(|item| item.as_str().map(str::to_owned)).collect()
            }
            Some(_) => None,
        };
        strings
            .or_else(|| self.expected(key, "a string or a list of strings is expected"))
            .unwrap_or_default()
    }

    /// An object.
    pub fn object(&mut self, key: &str) -> Option<Map<String, Value>> {
        match self.value(key)? {
            Value::Object(object) => Some(object.clone()),
            _ => self.expected(key, "an object {…} is expected"),
        }
    }

    /// `path` seen from the configuration's folder; an absolute one stays.
    pub fn path(&self, path: &str) -> PathBuf {
        self.folder.join(path)
    }

    /// The file at `path`, which stands at `key`.
    pub fn file(&mut self, key: &str, path: &str) -> Option<Vec<u8>> {
        let path = self.path(path);
        let message = match fs::metadata(&path) {
            Ok(about) if !about.is_file() => "the path of a file is expected".to_owned(),
            Ok(about) if about.len() > LARGEST_FILE => "a file of at most 4 MiB is expected".to_owned(),
            Ok(_) => match fs::read(&path) {
                Ok(content) => return Some(content),
                Err(e) => unreadable(&e),
            },
            Err(e) => unreadable(&e),
        };
        self.expected(key, &message)
    }

    /// AMBIGUOUS: what to do after a hand-over whose outcome nobody knows.
    pub fn unknown_rule(&mut self) -> UnknownRule {
        let rules = [
            ("resend", UnknownRule::Resend),
            ("idempotent", UnknownRule::Idempotent),
            ("never", UnknownRule::Never),
        ];
        self.choice("AMBIGUOUS", &rules).unwrap_or(UnknownRule::Resend)
    }

    /// TIMEOUT: `"5,20"`, seconds to connect and in all, or the seconds in all as a number.
    pub fn time_outs(&mut self) -> TimeOuts {
        let given = match self.value("TIMEOUT") {
            None => Some(TIME_OUT),
            Some(Value::Number(total)) => total.as_f64().map(|total| (TIME_OUT.0.min(total / 2.0), total)),
            Some(Value::String(text)) => pair(text),
            Some(_) => None,
        };
        // connecting must end first: only then is it known that nothing was sent
        let good =
            given.filter(|(connect, total)| *connect > 0.0 && connect < total && *total <= LONGEST_TIME_OUT);
        if good.is_none() {
            let expected = "seconds to connect and seconds in all are expected, the first below the second, as in \"5,20\"; at most 300";
            self.fault("TIMEOUT", expected);
        }
        let (connect, total) = good.unwrap_or(TIME_OUT);
        TimeOuts { connect: Duration::from_secs_f64(connect), total: Duration::from_secs_f64(total) }
    }

    fn expected<T>(&mut self, key: &str, message: &str) -> Option<T> {
        self.fault(key, message);
        None
    }
}

/// `connect,total`.
fn pair(text: &str) -> Option<(f64, f64)> {
    let (connect, total) = text.split_once(',')?;
    Some((connect.trim().parse().ok()?, total.trim().parse().ok()?))
}

fn unreadable(e: &std::io::Error) -> String {
    format!("the file cannot be read ({}); a relative path starts in the configuration's folder", e.kind())
}
