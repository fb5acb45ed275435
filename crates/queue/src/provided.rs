//! Ways out that an administrator has set: how a running sender learns of them, over a broker that must not read them.
//!
//! ```text
//! sender   ── ask.<kind> ──────▶ mtan.config ──▶ otp-api       on every connect, and now and then
//! otp-api  ── provider.<kind> ─▶ mtan.config ──▶ senders       as an answer, on every connect, and at every change
//! ```
//!
//! Nothing of it is kept at the broker: what is lost is asked for again. Every body is sealed with the provider key, for its
//! routing key only, so that nobody else can read a gateway's password, or point the SMS at a gateway of his own.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use mtan_seal::ServerKey;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tracing::{debug, info, warn};

use crate::amqp::{Board, Event};

/// A sender that heard nothing for so long asks again: an announcement may have been lost with its connection.
const ASK_EVERY: Duration = Duration::from_secs(60);
/// The same before the first answer: who could give it may not be there yet.
const ASK_FIRST_EVERY: Duration = Duration::from_secs(5);
/// Messages that do not open are told of no more often.
const COMPLAIN_EVERY: Duration = Duration::from_secs(10);
/// The words before the kind.
const ASK: &str = "ask";
const PROVIDER: &str = "provider";

/// What senders and who tells them of providers share: 32 bytes, made by `mtan key new`. It is not the server key, which no
/// sender ever holds. `Debug` prints `..`.
#[derive(Clone)]
pub struct ProviderKey(ServerKey);

/// The text is no provider key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("32 bytes in base64 (44 characters) are expected, as `mtan key new` makes them")]
pub struct NoProviderKey;

impl ProviderKey {
    /// A new one.
    pub fn generate() -> ProviderKey {
        ProviderKey(ServerKey::generate())
    }

    /// The key from its base64 form.
    ///
    /// # Errors
    /// It is none.
    pub fn from_base64(text: &str) -> Result<ProviderKey, NoProviderKey> {
        ServerKey::from_base64(text, "").map(ProviderKey).map_err(|_| NoProviderKey)
    }

    fn seal(&self, routing_key: &str, plain: &[u8]) -> Vec<u8> {
        self.0.seal(&place(routing_key), plain)
    }

    fn open(&self, routing_key: &str, sealed: &[u8]) -> Option<impl std::ops::Deref<Target = Vec<u8>>> {
        self.0.open(&place(routing_key), sealed).ok()
    }
}

impl fmt::Debug for ProviderKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProviderKey(..)")
    }
}

/// A pool that an administrator has set. `Debug` shows no configuration: it may hold passwords.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetPool {
    /// Its name.
    pub name: String,
    /// The class of its provider.
    pub class: String,
    /// `SMSProviderConfig`, the text of a JSON object.
    pub config: String,
}

/// What one kind of sender has to know of what was set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announcement {
    /// The revision of the settings that it stems from.
    pub revision: u64,
    /// Every pool that is set for this kind.
    pub pools: Vec<SetPool>,
    /// Names that are set for other kinds: pools of the file that are called so are not this kind's any more.
    #[serde(default)]
    pub elsewhere: Vec<String>,
}

/// Everything that is set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Provided {
    /// The revision of the settings that it stems from.
    pub revision: u64,
    /// The pools that are set, by the kind of sender (`http`, `smtp`, `modem`).
    pub kinds: BTreeMap<String, Vec<SetPool>>,
}

impl Provided {
    /// What a sender of `kind` has to know.
    pub fn announcement(&self, kind: &str) -> Announcement {
        let elsewhere = self.kinds.iter().filter(|(other, _)| *other != kind);
        let names = elsewhere.flat_map(|(_, pools)| pools).map(|pool| pool.name.clone());
        Announcement {
            revision: self.revision,
            pools: self.kinds.get(kind).cloned().unwrap_or_default(),
            elsewhere: names.collect(),
        }
    }
}

impl fmt::Debug for SetPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SetPool({} by {:?}, ..)", self.name, self.class)
    }
}

/// What a sender hears; see [`crate::Queue::provider_feed`].
pub struct ProviderFeed {
    board: Board,
    kind: String,
    key: ProviderKey,
    known: Option<u64>,
    complained: Option<Instant>,
}

impl ProviderFeed {
    pub(crate) fn new(board: Board, kind: &str, key: ProviderKey) -> ProviderFeed {
        ProviderFeed { board, kind: kind.to_owned(), key, known: None, complained: None }
    }

    /// What has to be known from now on: the next announcement that is newer than the last one. Pends for as long as there
    /// is none.
    pub async fn next(&mut self) -> Announcement {
        let mut again = interval(if self.known.is_some() { ASK_EVERY } else { ASK_FIRST_EVERY });
        again.set_missed_tick_behavior(MissedTickBehavior::Delay);
        again.reset();
        loop {
            tokio::select! {
                _ = again.tick() => self.ask(),
                event = self.board.next() => match event {
                    Event::Connected => self.ask(),
                    Event::Note { key, body } => {
                        if let Some(announcement) = self.read(&key, &body) {
                            return announcement;
                        }
                    }
                },
            }
        }
    }

    fn ask(&self) {
        let key = format!("{ASK}.{}", self.kind);
        let body = self.key.seal(&key, b"{}");
        self.board.post(key, body);
    }

    fn read(&mut self, key: &str, body: &[u8]) -> Option<Announcement> {
        if key != format!("{PROVIDER}.{}", self.kind) {
            return None;
        }
        let Some(announcement) = open(&self.key, key, body) else {
            complain(&mut self.complained, key);
            return None;
        };
        match self.known {
            Some(known) if announcement.revision == known => return None,
            // an old message that somebody puts in again must not bring an old gateway back
            Some(known) if announcement.revision < known => {
                warn!(
                    known,
                    revision = announcement.revision,
                    "an older announcement of providers came, and changes nothing"
                );
                return None;
            }
            _ => {}
        }
        self.known = Some(announcement.revision);
        Some(announcement)
    }
}

fn open(key: &ProviderKey, routing_key: &str, body: &[u8]) -> Option<Announcement> {
    let plain = key.open(routing_key, body)?;
    serde_json::from_slice(&plain).ok()
}

/// Answers senders for as long as it is held, and tells them of every change.
pub struct Announcer(JoinHandle<()>);

impl Drop for Announcer {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Announcer {
    pub(crate) fn start(
        board: Board,
        key: ProviderKey,
        provided: watch::Receiver<Option<Arc<Provided>>>,
    ) -> Announcer {
        Announcer(tokio::spawn(announce(board, key, provided)))
    }
}

/// The kinds that are told even if nothing is set for them: else the last pool of a kind could not be taken away.
const KINDS: [&str; 3] = ["http", "smtp", "modem"];

async fn announce(mut board: Board, key: ProviderKey, mut provided: watch::Receiver<Option<Arc<Provided>>>) {
    let mut complained = None;
    loop {
        tokio::select! {
            changed = provided.changed() => match changed {
                Ok(()) => tell_all(&board, &key, &mut provided),
                Err(_) => return,
            },
            event = board.next() => match event {
                Event::Connected => tell_all(&board, &key, &mut provided),
                Event::Note { key: asked, body } => {
                    let kind = asked.strip_prefix("ask.").filter(|kind| KINDS.contains(kind));
                    let Some(kind) = kind else { continue };
                    if key.open(&asked, &body).is_none() {
                        complain(&mut complained, &asked);
                        continue;
                    }
                    debug!(kind, "a sender asks for its providers");
                    let provided = provided.borrow().clone();
                    if let Some(provided) = provided {
                        tell(&board, &key, &provided, kind);
                    }
                }
            },
        }
    }
}

fn tell_all(board: &Board, key: &ProviderKey, provided: &mut watch::Receiver<Option<Arc<Provided>>>) {
    // no settings were read yet: "nothing is set" would stop senders that know better
    let Some(provided) = provided.borrow_and_update().clone() else { return };
    for kind in KINDS {
        tell(board, key, &provided, kind);
    }
    info!(revision = provided.revision, "senders are told of the providers that are set");
}

fn tell(board: &Board, key: &ProviderKey, provided: &Provided, kind: &str) {
    let routing_key = format!("{PROVIDER}.{kind}");
    let body = serde_json::to_vec(&provided.announcement(kind)).expect("texts and numbers become JSON");
    let sealed = key.seal(&routing_key, &body);
    board.post(routing_key, sealed);
}

/// A body opens under its own routing key only: an announcement for one kind is none for another.
fn place(routing_key: &str) -> String {
    format!("mtan.config/{routing_key}")
}

fn complain(last: &mut Option<Instant>, routing_key: &str) {
    if last.is_some_and(|last| last.elapsed() < COMPLAIN_EVERY) {
        return;
    }
    *last = Some(Instant::now());
    warn!(
        routing_key,
        "a message at mtan.config does not open and changes nothing: it was sealed with another provider_key, or is forged"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(name: &str, class: &str) -> SetPool {
        SetPool {
            name: name.to_owned(),
            class: class.to_owned(),
            config: r#"{"PASSWORD": "hush"}"#.to_owned(),
        }
    }

    #[test]
    fn a_kind_hears_of_its_own_pools_and_of_the_names_of_others() {
        let kinds = [("http", vec![set("a", "H"), set("b", "H")]), ("smtp", vec![set("c", "S")])];
        let kinds = kinds.into_iter().map(|(kind, pools)| (kind.to_owned(), pools)).collect();
        let provided = Provided { revision: 7, kinds };
        let http = provided.announcement("http");
        assert_eq!((http.revision, http.pools.len(), &http.elsewhere[..]), (7, 2, &["c".to_owned()][..]));
        let modem = provided.announcement("modem");
        assert!(modem.pools.is_empty());
        assert_eq!(modem.elsewhere, ["a", "b", "c"]);
        assert!(!format!("{provided:?}{http:?}").contains("hush"));
    }

    #[test]
    fn an_announcement_opens_with_its_key_under_its_routing_key_only() {
        let key = ProviderKey::generate();
        let sealed = key.seal("provider.http", br#"{"revision":1,"pools":[]}"#);
        assert!(open(&key, "provider.http", &sealed).is_some());
        assert!(open(&key, "provider.smtp", &sealed).is_none());
        assert!(open(&ProviderKey::generate(), "provider.http", &sealed).is_none());
        assert!(open(&key, "provider.http", br#"{"revision":1,"pools":[]}"#).is_none());
    }
}
