//! What a provider keeps secret: passwords, tokens, names of accounts.

use data_encoding::{BASE64, BASE64URL};

use super::escapes;
use super::line::Pattern;

/// From here on a value is secret whatever its name is; what is shorter, such as `1`, `text` or `mtan`, is a common word.
const LONG: usize = 5;

/// Words that stand between the parts of other values and tell nobody anything.
const COMMON: [&str; 9] =
    ["false", "basic", "bearer", "digest", "utf-8", "application/json", "text/plain", "http", "https"];

/// Parts of a name that say that its value is secret, whatever its length.
const TELLING: [&str; 12] =
    ["pass", "pwd", "secret", "key", "token", "auth", "credential", "pin", "sign", "hash", "login", "cookie"];

/// What must not be seen of a provider's configuration, made once when it is read. Cannot be printed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secrets(Vec<Secret>);

#[derive(Clone, PartialEq, Eq)]
pub(super) struct Secret {
    pub(super) chars: Vec<char>,
    pub(super) pattern: Pattern,
}

impl Secrets {
    /// Adds `value` if `name` says that it is secret (`password`, `api_key`, …), or if it has five characters or more. Its
    /// words are secret too where they hold a digit, or where the name says so.
    pub fn add(&mut self, name: &str, value: &str) {
        let is_named = is_telling(name);
        self.add_word(value, is_named);
        for word in value.split_whitespace() {
            let is_random = word.len() > LONG && word.bytes().any(|b| b.is_ascii_digit());
            if is_named || is_random {
                self.add_word(word, is_named);
            }
        }
    }

    /// Adds a user, if the name is long enough to be no common word, a password, and both as HTTP's Basic writes them.
    pub fn add_login(&mut self, user: &str, password: &str) {
        self.add("", user);
        self.add("password", password);
        if !password.is_empty() {
            for both in [format!("{user}:{password}"), format!("\0{user}\0{password}")] {
                self.add("password", &BASE64.encode(both.as_bytes()));
                self.add("password", &BASE64URL.encode(both.as_bytes()));
            }
        }
    }

    /// How long the longest is, in characters.
    pub(super) fn longest(&self) -> usize {
        self.0.iter().map(|secret| secret.chars.len()).max().unwrap_or_default()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Secret> {
        self.0.iter()
    }

    /// As it is written, and with its escapes undone, for those of a reply are undone too.
    fn add_word(&mut self, word: &str, is_named: bool) {
        let is_secret = |word: &str| !word.is_empty() && (is_named || word.chars().count() >= LONG);
        let plain = escapes::undone(word);
        for form in [Some(word.to_owned()), plain].into_iter().flatten() {
            let form = form.trim();
            if is_secret(form) && !COMMON.contains(&form.to_lowercase().as_str()) {
                let secret = Secret { chars: form.chars().collect(), pattern: Pattern::written(form) };
                if !self.0.contains(&secret) {
                    self.0.push(secret);
                }
            }
        }
    }
}

fn is_telling(name: &str) -> bool {
    let name = name.to_lowercase();
    TELLING.iter().any(|part| name.contains(part))
}
