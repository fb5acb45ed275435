//! A store made of memory: each method is one atomic step, with room for others before and after it. It keeps a
//! history of its steps and who asked for them, and it can be away or silent about what it did.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use jiff::Timestamp;
use mtan_jobs::{JobId, SendReport};
use mtan_verifier::{
    Administration, Admission, Applied, Asked, AuditEntry, AuditLog, AuditRecord, Challenge, Changed, End,
    Ledger, LedgerEntry, MOST_TOKENS, Opened, Outbox, OutboxEntry, SealedChange, SealedSettings, Serial,
    SettingsStore, Settled, StoreError, Subject, Token, TokenChange, TokenStore, Trail, TrailOf,
    TransactionId, Tried, UserRef,
};

use crate::scheduler::{Dice, running, step_aside};

/// What the store does to its callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    None,
    /// Does nothing and says so.
    Away,
    /// Does it and does not say so.
    Silent,
    /// Each step anew: well, away or silent.
    Flaky(u64),
}

/// A step that happened.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    Tried {
        serial: Serial,
        admission: Admission,
        fail_count: u32,
    },
    Forgave {
        serial: Serial,
    },
    Opened {
        challenge: Challenge,
        before: Option<Challenge>,
        counter: u64,
    },
    Overtook,
    /// By an administrator.
    Reset {
        serial: Serial,
    },
    /// Ended by the answer to another challenge of its root.
    Closed {
        serial: Serial,
    },
    Consumed {
        challenge: Challenge,
        now: Timestamp,
        /// Their tries were cleared with it.
        others: Vec<Serial>,
    },
    NotConsumed,
}

#[derive(Default)]
struct State {
    settings: SealedSettings,
    tokens: BTreeMap<Serial, Token>,
    challenges: HashMap<Serial, Challenge>,
    outbox: BTreeMap<JobId, (OutboxEntry, Timestamp)>,
    ledger: HashMap<JobId, (LedgerEntry, Timestamp)>,
    /// Of the challenges, in the order of their opening; reports and outbox are looked up.
    trails: Vec<Trail>,
    history: Vec<(usize, Event)>,
    audit: Vec<AuditEntry>,
}

pub(crate) struct MemoryStore {
    state: Mutex<State>,
    trouble: Mutex<Trouble>,
    /// So many steps from now, one step goes wrong.
    once: Mutex<Option<(usize, Trouble)>>,
    /// Whether it clears away what has expired before it shows it; nothing may depend on that.
    tidy: AtomicBool,
    largest_settle: Mutex<usize>,
}

impl MemoryStore {
    pub(crate) fn new() -> MemoryStore {
        MemoryStore {
            state: Mutex::default(),
            trouble: Mutex::new(Trouble::None),
            once: Mutex::default(),
            tidy: AtomicBool::new(true),
            largest_settle: Mutex::default(),
        }
    }

    pub(crate) fn be(&self, trouble: Trouble) {
        *self.trouble.lock().unwrap() = trouble;
        *self.once.lock().unwrap() = None;
    }

    /// After `steps` more steps, one goes wrong.
    pub(crate) fn be_once_after(&self, steps: usize, trouble: Trouble) {
        *self.once.lock().unwrap() = Some((steps, trouble));
    }

    /// From now on expired challenges are shown as if they were open.
    pub(crate) fn be_untidy(&self) {
        self.tidy.store(false, Ordering::Relaxed);
    }

    pub(crate) fn trouble(&self) -> Trouble {
        *self.trouble.lock().unwrap()
    }

    /// Every step that happened, and the task that asked for it.
    pub(crate) fn history(&self) -> Vec<(usize, Event)> {
        self.state.lock().unwrap().history.clone()
    }

    pub(crate) fn now_of(&self, serial: &Serial) -> Token {
        self.state.lock().unwrap().tokens[serial].clone()
    }

    pub(crate) fn challenge(&self, serial: &Serial) -> Option<Challenge> {
        self.state.lock().unwrap().challenges.get(serial).cloned()
    }

    pub(crate) fn entries(&self) -> Vec<OutboxEntry> {
        self.state.lock().unwrap().outbox.values().map(|(entry, _)| entry.clone()).collect()
    }

    pub(crate) fn was_opened(&self, job: &JobId) -> bool {
        let opened = |(_, event): &(usize, Event)| matches!(event, Event::Opened { challenge, .. } if challenge.job_id == *job);
        self.state.lock().unwrap().history.iter().any(opened)
    }

    pub(crate) fn put_entry(&self, entry: OutboxEntry, due: Timestamp) {
        self.state.lock().unwrap().outbox.insert(entry.job_id.clone(), (entry, due));
    }

    pub(crate) fn change(&self, serial: &Serial, change: impl FnOnce(&mut Token)) {
        change(self.state.lock().unwrap().tokens.get_mut(serial).unwrap());
    }

    pub(crate) fn reset(&self, serial: &Serial) {
        let mut state = self.state.lock().unwrap();
        state.tokens.get_mut(serial).unwrap().fail_count = 0;
        state.note(Event::Reset { serial: serial.clone() });
    }

    pub(crate) fn ledger_entry(&self, id: &JobId) -> Option<LedgerEntry> {
        self.state.lock().unwrap().ledger.get(id).map(|(entry, _)| entry.clone())
    }

    /// The most ids that ever came in one `settle`.
    pub(crate) fn largest_settle(&self) -> usize {
        *self.largest_settle.lock().unwrap()
    }

    async fn step<T>(&self, act: impl FnOnce(&mut State) -> T + Send) -> Result<T, StoreError> {
        step_aside().await;
        let result = match self.next_trouble() {
            Trouble::Away => Err(StoreError("away".to_owned())),
            Trouble::Silent => {
                act(&mut self.state.lock().unwrap());
                Err(StoreError("timed out".to_owned()))
            }
            _ => Ok(act(&mut self.state.lock().unwrap())),
        };
        step_aside().await;
        result
    }

    fn next_trouble(&self) -> Trouble {
        let mut once = self.once.lock().unwrap();
        match once.take() {
            Some((0, trouble)) => return trouble,
            Some((steps, trouble)) => *once = Some((steps - 1, trouble)),
            None => {}
        }
        let mut trouble = self.trouble.lock().unwrap();
        if let Trouble::Flaky(seed) = *trouble {
            let mut dice = Dice(seed);
            *trouble = Trouble::Flaky(dice.next());
            return [Trouble::None, Trouble::None, Trouble::Away, Trouble::Silent][dice.below(4)];
        }
        *trouble
    }
}

impl State {
    fn note(&mut self, event: Event) {
        self.history.push((running(), event));
    }

    /// Of the open challenge, expired or not.
    fn trail(&mut self, serial: &Serial) -> Option<&mut Trail> {
        let job_id = self.challenges.get(serial)?.job_id.clone();
        self.trails.iter_mut().find(|t| t.job_id == job_id)
    }

    fn end(&mut self, serial: &Serial, end: End, at: Timestamp) {
        if let Some(trail) = self.trail(serial) {
            trail.end = Some((end, at));
        }
    }

    fn shown(&self, trail: &Trail) -> Trail {
        let reports = self.ledger.get(&trail.job_id).map(|(entry, _)| entry.clone()).unwrap_or_default();
        Trail { in_outbox: self.outbox.contains_key(&trail.job_id), reports, ..trail.clone() }
    }

    fn open(&self, serial: &Serial, now: Timestamp) -> Option<Challenge> {
        self.challenges.get(serial).filter(|c| now < c.expires_at).cloned()
    }

    fn serials(&self, subject: &Subject) -> Vec<Serial> {
        let of_subject = |token: &&Token| match subject {
            Subject::User(user) => token.user.as_ref() == Some(user),
            Subject::Serial(serial) => token.serial == *serial,
            Subject::Transaction(id) => {
                let named = |c: &Challenge| c.transaction == *id || c.transaction.root() == *id;
                self.challenges.get(&token.serial).is_some_and(named)
            }
        };
        self.tokens.values().filter(of_subject).map(|t| t.serial.clone()).collect()
    }

    fn count(&mut self, serial: &Serial, now: Timestamp, shown_at: Timestamp) -> Tried {
        let token = self.tokens.get_mut(serial).unwrap();
        let admission = match (token.active, token.is_locked()) {
            (false, _) => Admission::Inactive,
            (true, true) => Admission::Locked,
            (true, false) => Admission::Counted,
        };
        token.fail_count += u32::from(admission == Admission::Counted);
        let token = token.clone();
        let fail_count = token.fail_count;
        if admission == Admission::Counted
            && let Some(trail) = self.trail(serial)
        {
            trail.tries.push(now);
        }
        self.note(Event::Tried { serial: serial.clone(), admission, fail_count });
        Tried { token, challenge: self.open(serial, shown_at), admission }
    }

    fn close(&mut self, root: &TransactionId, now: Timestamp) {
        let siblings = self.challenges.values().filter(|c| c.transaction.root() == *root);
        let siblings: Vec<Serial> = siblings.map(|c| c.serial.clone()).collect();
        for serial in siblings {
            self.end(&serial, End::Sibling, now);
            self.challenges.remove(&serial);
            self.note(Event::Closed { serial });
        }
    }

    fn forgive(&mut self, serial: &Serial) {
        let token = self.tokens.get_mut(serial).unwrap();
        token.fail_count = token.fail_count.saturating_sub(1);
        if let Some(trail) = self.trail(serial) {
            trail.tries.pop();
        }
        self.note(Event::Forgave { serial: serial.clone() });
    }
}

#[async_trait]
impl TokenStore for MemoryStore {
    async fn begin_try(&self, subject: &Subject, now: Timestamp) -> Result<Vec<Tried>, StoreError> {
        let shown_at = if self.tidy.load(Ordering::Relaxed) { now } else { Timestamp::UNIX_EPOCH };
        self.step(|state| {
            state.serials(subject).iter().map(|serial| state.count(serial, now, shown_at)).collect()
        })
        .await
    }

    async fn forgive(&self, serial: &Serial) -> Result<(), StoreError> {
        self.step(|state| state.forgive(serial)).await
    }

    async fn open_challenge(
        &self,
        challenge: &Challenge,
        counter: u64,
        job: &OutboxEntry,
        relay_at: Timestamp,
        asked: &Asked,
    ) -> Result<Opened, StoreError> {
        self.step(|state| {
            let serial = &challenge.serial;
            state.forgive(serial);
            let token = state.tokens.get_mut(serial).unwrap();
            if token.counter + 1 != counter || !token.active {
                state.note(Event::Overtook);
                return Opened::Overtaken(state.open(serial, challenge.created_at));
            }
            token.counter = counter;
            state.end(serial, End::Replaced, challenge.created_at);
            state.trails.push(begun(challenge, asked));
            let before = state.challenges.insert(serial.clone(), challenge.clone());
            state.outbox.insert(job.job_id.clone(), (job.clone(), relay_at));
            state.note(Event::Opened { challenge: challenge.clone(), before, counter });
            Opened::Opened
        })
        .await
    }

    async fn consume(
        &self,
        serial: &Serial,
        transaction: &TransactionId,
        others: &[Serial],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.step(|state| {
            let open = state.open(serial, now).filter(|c| c.transaction == *transaction);
            let token = state.tokens.get_mut(serial).unwrap();
            let Some(challenge) = open.filter(|_| token.active) else {
                state.note(Event::NotConsumed);
                return false;
            };
            token.fail_count = 0;
            if let Some(trail) = state.trail(serial) {
                trail.tries.pop();
            }
            state.end(serial, End::Used, now);
            state.challenges.remove(serial);
            for other in others {
                if let Some(token) = state.tokens.get_mut(other) {
                    token.fail_count = 0;
                }
            }
            state.close(&challenge.transaction.root(), now);
            state.note(Event::Consumed { challenge, now, others: others.to_vec() });
            true
        })
        .await
    }

    async fn put_token(&self, token: &Token) -> Result<bool, StoreError> {
        self.step(|state| {
            let another = |other: &&Token| {
                other.user.is_some() && other.user == token.user && other.serial != token.serial
            };
            if state.tokens.values().filter(another).count() >= MOST_TOKENS {
                return false;
            }
            let mut token = token.clone();
            let now = token.created_at;
            if let Some(old) = state.tokens.get(&token.serial) {
                (token.counter, token.fail_count) = (old.counter + 1, 0);
                token.created_at = old.created_at;
                state.end(&token.serial, End::Changed, now);
                state.challenges.remove(&token.serial);
            }
            state.tokens.insert(token.serial.clone(), token);
            true
        })
        .await
    }

    async fn token(&self, serial: &Serial) -> Result<Option<Token>, StoreError> {
        self.step(|state| state.tokens.get(serial).cloned()).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.step(|_| ()).await
    }
}

#[async_trait]
impl Outbox for MemoryStore {
    async fn lease(
        &self,
        now: Timestamp,
        until: Timestamp,
        most: usize,
    ) -> Result<Vec<OutboxEntry>, StoreError> {
        self.step(|state| {
            let due = state.outbox.values_mut().filter(|(_, at)| *at <= now).take(most);
            due.map(|(entry, at)| {
                *at = until;
                entry.clone()
            })
            .collect()
        })
        .await
    }

    async fn settle(&self, settled: &[Settled]) -> Result<(), StoreError> {
        let mut largest = settled.len().max(self.largest_settle());
        std::mem::swap(&mut *self.largest_settle.lock().unwrap(), &mut largest);
        self.step(|state| {
            for Settled { job_id, confirmed_at } in settled {
                state.outbox.remove(job_id);
                if let Some(trail) = state.trails.iter_mut().find(|t| t.job_id == *job_id) {
                    trail.confirmed_at = trail.confirmed_at.or(*confirmed_at);
                }
            }
        })
        .await
    }

    async fn depth(&self) -> Result<u64, StoreError> {
        self.step(|state| state.outbox.len() as u64).await
    }
}

#[async_trait]
impl Ledger for MemoryStore {
    async fn apply(&self, report: &SendReport, keep_until: Timestamp) -> Result<Applied, StoreError> {
        self.step(|state| {
            let (entry, until) = state
                .ledger
                .entry(report.job_id.clone())
                .or_insert_with(|| (LedgerEntry::default(), keep_until));
            *until = keep_until;
            let place = if report.outcome.is_final() { &mut entry.outcome } else { &mut entry.delivery };
            match place {
                Some(_) => Applied::Repeated,
                None => {
                    *place = Some(report.clone());
                    Applied::New
                }
            }
        })
        .await
    }

    async fn entry(&self, job_id: &JobId, now: Timestamp) -> Result<Option<LedgerEntry>, StoreError> {
        self.step(|state| state.ledger.get(job_id).filter(|(_, until)| now < *until).map(|(e, _)| e.clone()))
            .await
    }

    async fn trails(&self, of: &TrailOf, now: Timestamp, most: usize) -> Result<Vec<Trail>, StoreError> {
        self.step(|state| {
            let owner = |serial: &Serial| state.tokens.get(serial).and_then(|t| t.user.as_ref());
            let wanted = |(trail, asked): &(&Trail, &Asked)| match of {
                TrailOf::Job(id) => trail.job_id == *id,
                TrailOf::Transaction(id) => asked.transaction == *id || asked.transaction.root() == *id,
                TrailOf::Serial(serial) => asked.serial == *serial,
                TrailOf::User(user) => owner(&asked.serial) == Some(user),
            };
            let known = state.trails.iter().rev().filter_map(|t| Some((t, t.asked.as_ref()?)));
            let known = known.filter(|(_, asked)| now < asked.keep_until).filter(wanted);
            let mut shown: Vec<Trail> = known.take(most).map(|(trail, _)| state.shown(trail)).collect();
            if let TrailOf::Transaction(_) = of {
                shown.sort_by_key(|trail| trail.asked.as_ref().map(|asked| asked.transaction.clone()));
            }
            shown
        })
        .await
    }
}

fn begun(challenge: &Challenge, asked: &Asked) -> Trail {
    Trail {
        job_id: challenge.job_id.clone(),
        asked: Some(asked.clone()),
        confirmed_at: None,
        in_outbox: true,
        tries: Vec::new(),
        end: None,
        reports: LedgerEntry::default(),
    }
}

#[async_trait]
impl SettingsStore for MemoryStore {
    async fn settings(&self) -> Result<SealedSettings, StoreError> {
        self.step(|state| state.settings.clone()).await
    }

    async fn settings_revision(&self) -> Result<u64, StoreError> {
        self.step(|state| state.settings.revision).await
    }

    async fn change_settings(&self, seen: u64, changes: &[SealedChange]) -> Result<Option<u64>, StoreError> {
        self.step(|state| {
            let settings = &mut state.settings;
            if settings.revision != seen {
                return None;
            }
            for SealedChange { name, value } in changes {
                match value {
                    Some(value) => drop(settings.values.insert(name.clone(), value.clone())),
                    None => drop(settings.values.remove(name)),
                }
            }
            settings.revision += 1;
            Some(settings.revision)
        })
        .await
    }
}

#[async_trait]
impl Administration for MemoryStore {
    async fn tokens(&self, after: Option<&Serial>, most: usize) -> Result<Vec<Token>, StoreError> {
        self.step(|state| {
            let behind =
                state.tokens.values().filter(|token| after.is_none_or(|after| token.serial > *after));
            behind.take(most).cloned().collect()
        })
        .await
    }

    async fn tokens_of(&self, user: &UserRef) -> Result<Vec<Token>, StoreError> {
        self.step(|state| {
            state.tokens.values().filter(|token| token.user.as_ref() == Some(user)).cloned().collect()
        })
        .await
    }

    async fn change_token(
        &self,
        serial: &Serial,
        change: &TokenChange,
        now: Timestamp,
    ) -> Result<Changed, StoreError> {
        self.step(|state| {
            let Some(token) = state.tokens.get(serial) else { return Changed::Unknown };
            if change.counter.is_some_and(|(is, _)| is != token.counter) {
                return Changed::Overtaken;
            }
            let mut token = token.clone();
            change.apply(&mut token);
            let others =
                |other: &&Token| other.user.is_some() && other.user == token.user && other.serial != *serial;
            if state.tokens.values().filter(others).count() >= MOST_TOKENS {
                return Changed::TooManyTokens;
            }
            state.tokens.insert(serial.clone(), token);
            if change.ends_challenge() {
                state.kill(serial, now);
            }
            Changed::Done
        })
        .await
    }

    async fn remove_token(&self, serial: &Serial, now: Timestamp) -> Result<bool, StoreError> {
        self.step(|state| {
            state.kill(serial, now);
            state.tokens.remove(serial).is_some()
        })
        .await
    }
}

impl State {
    fn kill(&mut self, serial: &Serial, now: Timestamp) {
        self.end(serial, End::Changed, now);
        if let Some(challenge) = self.challenges.remove(serial) {
            self.outbox.remove(&challenge.job_id);
        }
    }
}

#[async_trait]
impl AuditLog for MemoryStore {
    async fn note(&self, records: &[AuditRecord], keep: u64) -> Result<(), StoreError> {
        self.step(|state| {
            for record in records {
                let id =
                    state.audit.last().map_or(0, |entry| entry.id.parse::<u64>().unwrap() + 1).to_string();
                state.audit.push(AuditEntry { id, record: record.clone() });
            }
            let surplus = state.audit.len().saturating_sub(usize::try_from(keep).unwrap());
            state.audit.drain(..surplus);
        })
        .await
    }

    async fn audited(&self, before: Option<&str>, most: usize) -> Result<Vec<AuditEntry>, StoreError> {
        let before: u64 = before.map_or(u64::MAX, |id| id.parse().unwrap_or(0));
        self.step(|state| {
            let older = state.audit.iter().rev().filter(|entry| entry.id.parse::<u64>().unwrap() < before);
            older.take(most).cloned().collect()
        })
        .await
    }
}
