//! How a request says who we are: fixed for Basic and Bearer, an answer to the gateway's challenge for Digest.

use std::sync::{Mutex, MutexGuard, PoisonError};

use data_encoding::{BASE64, HEXLOWER};
use reqwest::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use url::{Position, Url};

use crate::config::{Auth, Login};
use crate::digest::{Challenge, Question};

pub(crate) enum Authorization {
    Absent,
    Fixed(HeaderValue),
    Digest(Box<Digest>),
}

/// A login, and the challenge that was answered last: its nonce is good for more than one request.
pub(crate) struct Digest {
    login: Login,
    session: Mutex<Option<Session>>,
}

struct Session {
    challenge: Challenge,
    /// How often the nonce was used.
    count: u32,
}

/// The value of Authorization, and the challenge that a Digest answers.
pub(crate) type Shown = (HeaderValue, Option<Challenge>);

impl Authorization {
    pub(crate) fn new(auth: Option<&Auth>) -> Authorization {
        match auth {
            None => Authorization::Absent,
            Some(Auth::Basic(Login { user, password })) => {
                let credentials = BASE64.encode(format!("{user}:{password}").as_bytes());
                Authorization::Fixed(secret(format!("Basic {credentials}")))
            }
            Some(Auth::Bearer(token)) => Authorization::Fixed(secret(format!("Bearer {token}"))),
            Some(Auth::Digest(login)) => {
                Authorization::Digest(Box::new(Digest { login: login.clone(), session: Mutex::default() }))
            }
        }
    }

    /// What a request to `url` shows; with Digest nothing before the first challenge.
    pub(crate) fn show(&self, method: &str, url: &Url) -> Option<Shown> {
        match self {
            Authorization::Absent => None,
            Authorization::Fixed(value) => Some((value.clone(), None)),
            Authorization::Digest(digest) => digest.answer(method, url),
        }
    }

    /// Learns from a 401 to a request that showed `shown`. True if another try can be answered better.
    pub(crate) fn challenged(&self, headers: &HeaderMap, shown: Option<&Shown>) -> bool {
        match self {
            Authorization::Absent | Authorization::Fixed(_) => false,
            Authorization::Digest(digest) => {
                digest.challenged(headers, shown.and_then(|shown| shown.1.as_ref()))
            }
        }
    }
}

impl Digest {
    fn answer(&self, method: &str, url: &Url) -> Option<Shown> {
        let (challenge, count) = {
            let mut session = self.session();
            let session = session.as_mut()?;
            session.count = session.count.wrapping_add(1);
            (session.challenge.clone(), session.count)
        };
        let uri = &url[Position::BeforePath..Position::AfterQuery];
        let question = Question { method, uri, count, cnonce: &cnonce() };
        Some((secret(challenge.answer(&self.login, question)), Some(challenge)))
    }

    fn challenged(&self, headers: &HeaderMap, answered: Option<&Challenge>) -> bool {
        let fields = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
        let challenge = Challenge::strongest(fields);
        let is_better = challenge.as_ref().is_some_and(|new| answered.is_none_or(|old| !new.refuses(old)));
        *self.session() = challenge.filter(|_| is_better).map(|challenge| Session { challenge, count: 0 });
        is_better
    }

    fn session(&self) -> MutexGuard<'_, Option<Session>> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn cnonce() -> String {
    let mut random = [0; 16];
    getrandom::fill(&mut random).expect("the system has randomness");
    HEXLOWER.encode(&random)
}

/// Base64, a checked token, and what stands quoted in a challenge that came as a header are all fit for a header.
fn secret(text: String) -> HeaderValue {
    let mut value = HeaderValue::try_from(text).expect("no control characters");
    value.set_sensitive(true);
    value
}
