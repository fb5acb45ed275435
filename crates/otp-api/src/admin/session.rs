//! Sessions of administrators, LinOTP's: a signed cookie, and a second secret that no other site can send.

use axum::http::{HeaderMap, HeaderValue, header};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use mtan_verifier::{Random, SystemRandom, Verifier};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::settings::Credentials;

/// Seconds after which an administrator logs in again.
const LIFE: i64 = 60 * 60;

/// The cookie that is the session.
const ACCESS: &str = "access_token_cookie";

/// The cookie that a page of ours reads and sends back.
const CSRF: &str = "csrf_access_token";

/// The one kind of token that is made and taken (RFC 7519).
const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

/// Makes and reads sessions. All processes with the same server key and the same credentials take each other's; other
/// credentials end them all.
pub(crate) struct Sessions {
    key: Vec<u8>,
}

/// What a session says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Session {
    /// The administrator.
    pub(crate) sub: String,
    iat: i64,
    exp: i64,
    /// What every change must bring along.
    pub(crate) csrf: String,
}

impl Sessions {
    pub(crate) fn new(verifier: &Verifier, credentials: &Credentials) -> Sessions {
        let Credentials { username, password } = credentials;
        let digest = verifier.derived("admin session", &[username.as_bytes(), password.as_bytes()]);
        let key = HEXLOWER.decode(digest.to_hex().as_bytes()).expect("a digest is hexadecimal");
        Sessions { key }
    }

    /// A new session of `administrator`.
    pub(crate) fn open(&self, administrator: &str, now: Timestamp) -> Session {
        let mut random = [0; 16];
        SystemRandom.fill(&mut random);
        let iat = now.as_second();
        Session { sub: administrator.to_owned(), iat, exp: iat + LIFE, csrf: HEXLOWER.encode(&random) }
    }

    /// The session as it goes out.
    fn signed(&self, session: &Session) -> String {
        let claims = serde_json::to_vec(session).expect("strings and numbers always serialise");
        let signed =
            format!("{}.{}", BASE64URL_NOPAD.encode(HEADER.as_bytes()), BASE64URL_NOPAD.encode(&claims));
        let mac = self.mac(&signed).finalize().into_bytes();
        format!("{signed}.{}", BASE64URL_NOPAD.encode(&mac))
    }

    /// The session that a request brings along, if it is one of ours and not over.
    pub(crate) fn of(&self, headers: &HeaderMap, now: Timestamp) -> Option<Session> {
        let token = cookie(headers, ACCESS)?;
        let (signed, signature) = token.rsplit_once('.')?;
        let signature = BASE64URL_NOPAD.decode(signature.as_bytes()).ok()?;
        self.mac(signed).verify_slice(&signature).ok()?;
        // What is signed was made here: its header is the one above.
        let claims = BASE64URL_NOPAD.decode(signed.rsplit_once('.')?.1.as_bytes()).ok()?;
        let session: Session = serde_json::from_slice(&claims).ok()?;
        (session.iat - LIFE <= now.as_second() && now.as_second() < session.exp).then_some(session)
    }

    fn mac(&self, text: &str) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes a key of any length");
        mac.update(text.as_bytes());
        mac
    }

    /// `Set-Cookie` of a new session.
    pub(crate) fn cookies(&self, session: &Session, https: bool) -> [HeaderValue; 2] {
        let secure = if https { "; Secure" } else { "" };
        [
            format!(
                "{ACCESS}={}; Max-Age={LIFE}; Path=/; HttpOnly; SameSite=Strict{secure}",
                self.signed(session)
            ),
            format!("{CSRF}={}; Max-Age={LIFE}; Path=/; SameSite=Strict{secure}", session.csrf),
        ]
        .map(|text| HeaderValue::from_str(&text).expect("letters, digits and a few signs"))
    }
}

impl Session {
    /// Whether `given` is what a change of this session must bring along. Takes the same time for every guess.
    pub(crate) fn is_authentic(&self, given: &[u8]) -> bool {
        let mac = |bytes: &[u8]| {
            let mut mac =
                Hmac::<Sha256>::new_from_slice(self.csrf.as_bytes()).expect("HMAC takes a key of any length");
            mac.update(bytes);
            mac
        };
        mac(given).verify_slice(&mac(self.csrf.as_bytes()).finalize().into_bytes()).is_ok()
    }
}

/// `Set-Cookie` that ends a session.
pub(crate) fn no_cookies() -> [HeaderValue; 2] {
    [
        HeaderValue::from_static("access_token_cookie=; Max-Age=0; Path=/; HttpOnly; SameSite=Strict"),
        HeaderValue::from_static("csrf_access_token=; Max-Age=0; Path=/; SameSite=Strict"),
    ]
}

/// Whether the request came by https: nothing here speaks TLS, so the proxy in front says so. Who lies gets cookies that
/// his own browser keeps to itself.
pub(crate) fn came_by_https(headers: &HeaderMap) -> bool {
    headers.get("x-forwarded-proto").is_some_and(|scheme| scheme.as_bytes().eq_ignore_ascii_case(b"https"))
}

/// The cookie `name`; `None` also if it is there twice.
fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = all.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut found = pairs.filter(|(key, _)| *key == name).map(|(_, value)| value);
    match (found.next(), found.next()) {
        (Some(one), None) => Some(one),
        _ => None,
    }
}
