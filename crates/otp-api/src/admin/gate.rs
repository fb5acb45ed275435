//! Who is an administrator: name and password as Basic, the password as Bearer, or a session that began with both at
//! /admin/login. Counted before compared.

use std::net::IpAddr;
use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use data_encoding::BASE64;
use mtan_jobs::Clock;
use mtan_seal::{Digest, ServerKey};
use mtan_verifier::Verifier;

use super::session::{Session, Sessions};
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
    clock: Arc<dyn Clock>,
    username: String,
    pub(super) sessions: Sessions,
}

/// Who was let through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Admitted {
    /// The administrator's name.
    pub(crate) administrator: String,
    /// The session, if it was one: its changes must prove that no other site made them.
    pub(crate) session: Option<Session>,
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
    /// A change by a session, without its second secret.
    NotAuthentic,
}

/// Lets an administrator's request through; wrong ones are counted by `peer`, its address. Without configured credentials nobody is one.
pub(crate) fn admit(
    gate: Option<&Gate>,
    peer: Option<IpAddr>,
    headers: &HeaderMap,
) -> Result<Admitted, Refusal> {
    let gate = of_our_site(gate, headers)?;
    if let Some(authorization) = headers.get(header::AUTHORIZATION) {
        gate.check(Origin::new(peer), authorization.as_bytes())?;
        return Ok(Admitted { administrator: gate.username.clone(), session: None });
    }
    let session = gate.sessions.of(headers, gate.clock.now()).ok_or(Refusal::Missing)?;
    Ok(Admitted { administrator: session.sub.clone(), session: Some(session) })
}

/// The gate, if there is one and no page of another site made the browser ask.
pub(super) fn of_our_site<'a>(gate: Option<&'a Gate>, headers: &HeaderMap) -> Result<&'a Gate, Refusal> {
    let gate = gate.ok_or(Refusal::Off)?;
    let same_site = |site: &HeaderValue| site == "same-origin" || site == "none";
    if !headers.get_all(FETCH_SITE).iter().all(same_site) {
        return Err(Refusal::OtherSite);
    }
    Ok(gate)
}

impl Gate {
    pub(crate) fn new(verifier: &Verifier, credentials: &Credentials, clock: Arc<dyn Clock>) -> Gate {
        let key = ServerKey::generate();
        let Credentials { username, password } = credentials;
        Gate {
            basic: key.digest("admin basic", &[format!("{username}:{password}").as_bytes()]),
            bearer: key.digest("admin bearer", &[password.as_bytes()]),
            throttle: Throttle::new(clock.clone()),
            username: username.clone(),
            sessions: Sessions::new(verifier, credentials),
            clock,
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
        self.compare(origin, &given, right)
    }

    /// A session for who knows name and password.
    pub(super) fn login(
        &self,
        peer: Option<IpAddr>,
        username: &str,
        password: &str,
    ) -> Result<Session, Refusal> {
        // The configured name has no colon, so no other pair makes the same text.
        let given = self.key.digest("admin basic", &[format!("{username}:{password}").as_bytes()]);
        self.compare(Origin::new(peer), &given, &self.basic)?;
        Ok(self.sessions.open(&self.username, self.clock.now()))
    }

    fn compare(&self, origin: Origin, given: &Digest, right: &Digest) -> Result<(), Refusal> {
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
            Refusal::NotAuthentic => "no_csrf_token",
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
            Refusal::NotAuthentic => (
                StatusCode::UNAUTHORIZED,
                "The session's csrf_access_token is expected in the header X-CSRF-TOKEN or the form's csrf_token",
            ),
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
