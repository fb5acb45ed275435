//! A claim book in memory, as the contract has it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use mtan_jobs::{Claim, ClaimBook, ClaimError, JobId, Owner, SendReport, Unknown};

use crate::world::{Diary, Moody};

#[derive(Clone, Default)]
struct Entry {
    lease: Option<(Owner, Timestamp)>,
    unknowns: u32,
    report: Option<SendReport>,
    reported: bool,
    kept_until: Option<Timestamp>,
}

#[derive(Clone)]
pub(crate) struct Book {
    entries: Arc<Mutex<HashMap<JobId, Entry>>>,
    pub(crate) mood: Moody,
    /// How it takes the note that reports went out.
    pub(crate) note_mood: Moody,
    /// The calls with such notes that it took.
    notes: Arc<Mutex<Vec<Vec<JobId>>>>,
    diary: Diary,
}

impl Book {
    pub(crate) fn new(diary: Diary) -> Book {
        let (mood, note_mood) = (Moody::default(), Moody::default());
        Book { entries: Arc::default(), mood, note_mood, notes: Arc::default(), diary }
    }

    async fn on<T>(&self, id: &JobId, act: impl FnOnce(&mut Entry) -> T) -> Result<T, ClaimError> {
        self.mood.feel().await.map_err(|()| ClaimError("away".into()))?;
        Ok(act(self.entries.lock().unwrap().entry(id.clone()).or_default()))
    }

    /// Somebody else settles and reports the job.
    pub(crate) fn settle_by_other(&self, report: &SendReport) {
        let entry = Entry { report: Some(report.clone()), reported: true, ..Entry::default() };
        self.entries.lock().unwrap().insert(report.job_id.clone(), entry);
    }

    /// The jobs whose reports were noted, call by call.
    pub(crate) fn notes(&self) -> Vec<Vec<JobId>> {
        self.notes.lock().unwrap().clone()
    }

    pub(crate) fn is_noted(&self, id: &str) -> bool {
        self.entries.lock().unwrap().get(&id.parse::<JobId>().unwrap()).is_some_and(|entry| entry.reported)
    }

    pub(crate) fn unknowns(&self, id: &str) -> u32 {
        self.entries.lock().unwrap()[&id.parse::<JobId>().unwrap()].unknowns
    }

    /// Until when the last claim of the job is kept, in seconds of Unix time.
    pub(crate) fn kept_until(&self, id: &str) -> Option<i64> {
        self.entries.lock().unwrap()[&id.parse::<JobId>().unwrap()].kept_until.map(Timestamp::as_second)
    }
}

#[async_trait]
impl ClaimBook for Book {
    async fn claim(
        &self,
        id: &JobId,
        owner: &Owner,
        now: Timestamp,
        lease: Duration,
        keep_until: Timestamp,
    ) -> Result<Claim, ClaimError> {
        assert!(keep_until > now);
        self.on(id, |entry| {
            if let Some(report) = &entry.report {
                return Claim::Settled { report: report.clone(), reported: entry.reported };
            }
            match &entry.lease {
                Some((_, until)) if *until > now => return Claim::Busy { until: *until },
                Some(_) => entry.unknowns += 1,
                None => {}
            }
            entry.lease = Some((owner.clone(), now + lease));
            entry.kept_until = Some(keep_until);
            Claim::Taken { unknowns: entry.unknowns }
        })
        .await
    }

    async fn renew(
        &self,
        id: &JobId,
        owner: &Owner,
        now: Timestamp,
        lease: Duration,
    ) -> Result<bool, ClaimError> {
        self.on(id, |entry| match &mut entry.lease {
            Some((holder, until)) if holder == owner => {
                *until = now + lease;
                true
            }
            _ => false,
        })
        .await
    }

    async fn release(&self, id: &JobId, owner: &Owner, unknown: Unknown) -> Result<(), ClaimError> {
        self.on(id, |entry| {
            if entry.lease.as_ref().is_some_and(|(holder, _)| holder == owner) {
                entry.lease = None;
                entry.unknowns += u32::from(unknown == Unknown::Yes);
            }
        })
        .await
    }

    async fn settle(&self, report: &SendReport, _: Timestamp) -> Result<(), ClaimError> {
        self.on(&report.job_id, |entry| {
            self.diary.note("settle");
            entry.report.get_or_insert_with(|| report.clone());
            entry.lease = None;
        })
        .await
    }

    async fn reported(&self, ids: &[JobId]) -> Result<(), ClaimError> {
        self.note_mood.feel().await.map_err(|()| ClaimError("away".into()))?;
        for id in ids {
            self.on(id, |entry| entry.reported = true).await?;
        }
        self.notes.lock().unwrap().push(ids.to_vec());
        Ok(())
    }
}
