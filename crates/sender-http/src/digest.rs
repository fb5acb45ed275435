//! HTTP Digest, RFC 7616: a challenge and our answer to it. Pure.

use data_encoding::HEXLOWER;
use md5::Md5;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};

use crate::config::Login;

/// What a server wants to be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Challenge {
    realm: String,
    nonce: String,
    opaque: Option<String>,
    algorithm: Algorithm,
    /// `qop=auth`; without it the answer is RFC 2069's.
    has_qop: bool,
    wants_hashed_user: bool,
    /// The nonce before this one was too old; the answer to it was right.
    stale: bool,
}

/// In the order of their strength.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Algorithm {
    Md5,
    Md5Sess,
    Sha256,
    Sha256Sess,
}

impl Algorithm {
    fn parse(name: &str) -> Option<Algorithm> {
        match name.to_ascii_uppercase().as_str() {
            "MD5" => Some(Algorithm::Md5),
            "MD5-SESS" => Some(Algorithm::Md5Sess),
            "SHA-256" => Some(Algorithm::Sha256),
            "SHA-256-SESS" => Some(Algorithm::Sha256Sess),
            _ => None,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Algorithm::Md5 => "MD5",
            Algorithm::Md5Sess => "MD5-sess",
            Algorithm::Sha256 => "SHA-256",
            Algorithm::Sha256Sess => "SHA-256-sess",
        }
    }

    fn hash(self, text: &str) -> String {
        match self {
            Algorithm::Md5 | Algorithm::Md5Sess => HEXLOWER.encode(&Md5::digest(text)),
            Algorithm::Sha256 | Algorithm::Sha256Sess => HEXLOWER.encode(&Sha256::digest(text)),
        }
    }

    fn is_of_session(self) -> bool {
        matches!(self, Algorithm::Md5Sess | Algorithm::Sha256Sess)
    }
}

/// What an answer is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question<'a> {
    pub(crate) method: &'a str,
    /// Path and query.
    pub(crate) uri: &'a str,
    /// How often the nonce was used, this time included.
    pub(crate) count: u32,
    /// Ours: random, and new each time.
    pub(crate) cnonce: &'a str,
}

impl Challenge {
    /// The strongest challenge in the values of WWW-Authenticate that we can answer.
    pub(crate) fn strongest<'a>(values: impl IntoIterator<Item = &'a str>) -> Option<Challenge> {
        let challenges =
            values.into_iter().flat_map(challenges).filter_map(|parameters| Challenge::read(&parameters));
        challenges.max_by_key(|challenge| challenge.algorithm)
    }

    fn read(parameters: &[(String, String)]) -> Option<Challenge> {
        let get =
            |name: &str| parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        let says_true = |name: &str| get(name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let qop = get("qop");
        let has_qop = qop.is_some();
        let offers_auth = |qop: &String| qop.split(',').any(|one| one.trim().eq_ignore_ascii_case("auth"));
        if qop.is_some_and(|qop| !offers_auth(&qop)) {
            return None;
        }
        Some(Challenge {
            realm: get("realm")?,
            nonce: get("nonce")?,
            opaque: get("opaque"),
            algorithm: Algorithm::parse(get("algorithm").as_deref().unwrap_or("MD5"))?,
            has_qop,
            wants_hashed_user: says_true("userhash"),
            stale: says_true("stale"),
        })
    }

    /// Whether an answer to `before`, which was refused with this challenge, was wrong: trying again would be in vain.
    pub(crate) fn refuses(&self, before: &Challenge) -> bool {
        !self.stale && self.nonce == before.nonce
    }

    /// The value of Authorization.
    pub(crate) fn answer(&self, login: &Login, question: Question<'_>) -> String {
        let Question { method, uri, count, cnonce } = question;
        let hash = |text: String| self.algorithm.hash(&text);
        let nonce = &self.nonce;
        let mut secret = hash(format!("{}:{}:{}", login.user, self.realm, login.password));
        if self.algorithm.is_of_session() {
            secret = hash(format!("{secret}:{nonce}:{cnonce}"));
        }
        let about = hash(format!("{method}:{uri}"));
        let response = match self.has_qop {
            true => hash(format!("{secret}:{nonce}:{count:08x}:{cnonce}:auth:{about}")),
            false => hash(format!("{secret}:{nonce}:{about}")),
        };
        let mut answer = format!(
            "Digest {}, realm={}, nonce={}, uri={}, response=\"{response}\", algorithm={}",
            self.user(login),
            quoted(&self.realm),
            quoted(nonce),
            quoted(uri),
            self.algorithm.as_str()
        );
        if self.has_qop {
            answer.push_str(&format!(", qop=auth, nc={count:08x}, cnonce={}", quoted(cnonce)));
        } else if self.algorithm.is_of_session() {
            answer.push_str(&format!(", cnonce={}", quoted(cnonce)));
        }
        if let Some(opaque) = &self.opaque {
            answer.push_str(&format!(", opaque={}", quoted(opaque)));
        }
        answer
    }

    /// RFC 7616 §3.4.2 to §3.4.4.
    fn user(&self, login: &Login) -> String {
        let user = &login.user;
        if self.wants_hashed_user {
            let hashed = self.algorithm.hash(&format!("{user}:{}", self.realm));
            format!("username=\"{hashed}\", userhash=true")
        } else if user.is_ascii() {
            format!("username={}", quoted(user))
        } else {
            format!("username*=UTF-8''{}", utf8_percent_encode(user, NON_ALPHANUMERIC))
        }
    }
}

/// RFC 9110 §5.6.4.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The parameters of each Digest challenge in a field, names in small letters. A field may hold several challenges, of
/// several schemes (RFC 9110 §11.6.1): a word with a space and no `=` behind it begins the next.
fn challenges(field: &str) -> Vec<Vec<(String, String)>> {
    let (mut found, mut is_digest, mut rest) = (Vec::new(), false, field);
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let (word, after) = split_token(rest);
        if word.is_empty() {
            return found;
        }
        if let Some(value) = after.trim_start().strip_prefix('=') {
            let (value, after) = value_of(value.trim_start());
            if let (true, Some(parameters)) = (is_digest, found.last_mut()) {
                let parameters: &mut Vec<(String, String)> = parameters;
                parameters.push((word.to_ascii_lowercase(), value));
            }
            rest = after;
        } else {
            is_digest = word.eq_ignore_ascii_case("digest");
            found.extend(is_digest.then(Vec::new));
            rest = after;
        }
    }
}

fn split_token(text: &str) -> (&str, &str) {
    let of_a_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~/".contains(c);
    text.split_at(text.find(|c| !of_a_token(c)).unwrap_or(text.len()))
}

/// A token or a quoted string, and what stands behind it.
fn value_of(text: &str) -> (String, &str) {
    let Some(inner) = text.strip_prefix('"') else {
        let (token, rest) = split_token(text);
        return (token.to_owned(), rest.trim_start_matches('='));
    };
    let (mut value, mut escaped) = (String::new(), false);
    for (at, c) in inner.char_indices() {
        match c {
            _ if escaped => {
                value.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => return (value, &inner[at + 1..]),
            c => value.push(c),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests;
