//! Who is an administrator: name and password as Basic, or the password as Bearer. Counted before compared.

use std::net::IpAddr;
use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use data_encoding::BASE64;
use mtan_jobs::Clock;
use mtan_seal::{Digest, ServerKey};

use super::throttle::{Origin, REFILL, Throttle};
use crate::envelope::Envelope;
use crate::settings::Credentials;

/// What a browser says of a request that another site made it send.
const FETCH_SITE: &str = "sec-fetch-site";

/// Knows the administrator by digests under a key of its own: comparison takes the same time for every guess.
pub(crate) struct Gate {
    key: ServerKey,
    basic: Digest,
    bearer: Digest,
    throttle: Throttle,
}

/// Why a request is not let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No credentials are configured.
    Off,
    /// A page of another site sent it, with the credentials that the browser remembers.
    OtherSite,
    /// No credentials, or none that can be read.
    Missing,
    /// They are wrong.
    Wrong,
    /// Too many wrong ones before, from this address.
    TooMany,
}

/// Lets an administrator's request through; wrong ones are counted by `peer`, its address. Without configured credentials nobody is one.
pub(crate) fn admit(gate: Option<&Gate>, peer: Option<IpAddr>, headers: &HeaderMap) -> Result<(), Refusal> {
    let gate = gate.ok_or(Refusal::Off)?;
    let same_site = |site: &HeaderValue| site == "same-origin" || site == "none";
    if !headers.get_all(FETCH_SITE).iter().all(same_site) {
        return Err(Refusal::OtherSite);
    }
    let authorization = headers.get(header::AUTHORIZATION).ok_or(Refusal::Missing)?;
    gate.check(Origin::new(peer), authorization.as_bytes())
}

impl Gate {
    pub(crate) fn new(credentials: &Credentials, clock: Arc<dyn Clock>) -> Gate {
        let key = ServerKey::generate();
        let Credentials { username, password } = credentials;
        Gate {
            basic: key.digest("admin basic", &[format!("{username}:{password}").as_bytes()]),
            bearer: key.digest("admin bearer", &[password.as_bytes()]),
            throttle: Throttle::new(clock),
            key,
        }
    }

    fn check(&self, origin: Origin, authorization: &[u8]) -> Result<(), Refusal> {
        let at = authorization.iter().position(|byte| *byte == b' ').ok_or(Refusal::Missing)?;
        let (scheme, rest) = (&authorization[..at], authorization[at..].trim_ascii());
        let (given, right) = if scheme.eq_ignore_ascii_case(b"basic") {
            let pair = BASE64.decode(rest).map_err(|_| Refusal::Missing)?;
            (self.key.digest("admin basic", &[&pair]), &self.basic)
        } else if scheme.eq_ignore_ascii_case(b"bearer") {
            (self.key.digest("admin bearer", &[rest]), &self.bearer)
        } else {
            return Err(Refusal::Missing);
        };
        if !self.throttle.take(origin) {
            return Err(Refusal::TooMany);
        }
        if !given.matches(right) {
            return Err(Refusal::Wrong);
        }
        self.throttle.give_back(origin);
        Ok(())
    }
}

impl Refusal {
    /// A log field from a closed set.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Refusal::Off => "admin_off",
            Refusal::OtherSite => "other_site",
            Refusal::Missing => "no_credentials",
            Refusal::Wrong => "wrong_credentials",
            Refusal::TooMany => "too_many_guesses",
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, message) = match self {
            Refusal::Off => (
                StatusCode::FORBIDDEN,
                "The admin face is off: set username and password in the section [admin].",
            ),
            Refusal::OtherSite => (StatusCode::FORBIDDEN, "Requests from pages of other sites are refused"),
            Refusal::Missing | Refusal::Wrong => (StatusCode::UNAUTHORIZED, "Not authenticated"),
            Refusal::TooMany => (StatusCode::TOO_MANY_REQUESTS, "Too many wrong passwords, try again later"),
        };
        let mut response = Envelope::error(-311, message).response(status);
        let headers = response.headers_mut();
        match status {
            StatusCode::UNAUTHORIZED => {
                for scheme in [r#"Basic realm="mtan", charset="UTF-8""#, r#"Bearer realm="mtan""#] {
                    headers.append(header::WWW_AUTHENTICATE, HeaderValue::from_static(scheme));
                }
            }
            StatusCode::TOO_MANY_REQUESTS => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(REFILL.as_secs()));
            }
            _ => {}
        }
        response
    }
}
