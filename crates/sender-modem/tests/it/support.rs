//! A provider for a test, its jobs, and short words for its verdicts.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use mtan_jobs::{Clock, SendJob, SystemClock};
use mtan_sender::{About, Provider, Verdict};
use mtan_sender_modem::{ModemConfig, ModemProvider};
use mtan_testkit::modem::ModemSim;
use mtan_testkit::wait_until;
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) const NUMBER: &str = "+491701234567";
pub(crate) const LONG: Duration = Duration::from_secs(30);

/// A pool and the folder with its state.
pub(crate) struct Pool {
    pub(crate) provider: Arc<ModemProvider>,
    pub(crate) folder: TempDir,
    keys: Value,
    by_id: std::path::PathBuf,
}

impl Pool {
    /// Of `modems`, by their stable names, with `keys` beside.
    pub(crate) fn of(modems: &[&ModemSim], keys: Value) -> Pool {
        let ports: Vec<_> = modems.iter().map(|modem| modem.path().to_str().unwrap()).collect();
        let by_id = modems.first().map_or_else(|| "/nowhere".into(), |modem| modem.folder().to_owned());
        Pool::at(json!(ports), keys, by_id)
    }

    pub(crate) fn at(ports: Value, keys: Value, by_id: std::path::PathBuf) -> Pool {
        let mut all = json!({ "PORTS": ports, "STATE": "state" });
        for (key, value) in keys.as_object().unwrap() {
            all[key] = value.clone();
        }
        let folder = TempDir::new().unwrap();
        let provider = provider(&all, folder.path(), &by_id);
        Pool { provider, folder, keys: all, by_id }
    }

    /// As after a crash of the process: the same keys and files.
    pub(crate) fn restart(self) -> Pool {
        let Pool { provider: gone, folder, keys, by_id } = self;
        drop(gone);
        Pool { provider: provider(&keys, folder.path(), &by_id), folder, keys, by_id }
    }

    /// Takes a place and sends, as the loop does.
    pub(crate) async fn send(&self, job: &SendJob) -> Verdict {
        let place = self.provider.place(LONG).await.unwrap();
        let verdict = self.provider.send(job, in_time()).await;
        drop(place);
        verdict
    }

    pub(crate) async fn sends(&self, id: &str) {
        let verdict = self.send(&job(id)).await;
        assert!(word(&verdict).starts_with("accepted"), "{}", word(&verdict));
    }

    /// Waits until a modem is ready.
    pub(crate) async fn until_ready(&self) {
        drop(self.provider.place(LONG).await.unwrap());
    }

    /// Waits until what `/readyz` says holds `words`.
    pub(crate) async fn until_it_says(&self, words: &str) -> String {
        wait_until(words, LONG, async || {
            let says = self.provider.describe();
            if says.contains(words) { Ok(says) } else { Err(says) }
        })
        .await
    }
}

fn provider(keys: &Value, folder: &Path, by_id: &Path) -> Arc<ModemProvider> {
    let config = ModemConfig::from_json(&keys.to_string(), folder).unwrap();
    let provider = ModemProvider::with_names(config, Arc::new(SystemClock), by_id.to_owned());
    provider.start(&mtan_jobs::Pool::default_pool(), None);
    Arc::new(provider)
}

pub(crate) fn job(id: &str) -> SendJob {
    text(id, NUMBER, &format!("Your code is 123456 ({id})"))
}

pub(crate) fn text(id: &str, to: &str, text: &str) -> SendJob {
    let body = json!({ "id": id, "to": to, "text": text, "otp": "123456" });
    SendJob::from_json(body.to_string().as_bytes()).unwrap()
}

pub(crate) fn in_time() -> Timestamp {
    SystemClock.now() + Duration::from_secs(300)
}

/// `accepted`, `retry gateway_busy`, `rejected gateway_rejected`, `unknown no_answer`, each with its detail.
pub(crate) fn word(verdict: &Verdict) -> String {
    let (word, detail) = match verdict {
        Verdict::Accepted { detail, .. } => ("accepted".to_owned(), detail),
        Verdict::Retry { code, detail, .. } => (format!("retry {code}"), detail),
        Verdict::Rejected { about: About::Gateway, code, detail } => (format!("rejected {code}"), detail),
        Verdict::Rejected { about: About::Job, code, detail } => (format!("rejected unfit {code}"), detail),
        Verdict::Rejected { about: About::Number, code, detail } => {
            (format!("rejected number {code}"), detail)
        }
        Verdict::Unknown { code, detail } => (format!("unknown {code}"), detail),
    };
    detail.as_ref().map_or(word.clone(), |detail| format!("{word}: {detail}"))
}
