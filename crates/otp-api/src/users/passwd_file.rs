//! The users of a realm in a flat file, read again when it changes.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use tokio::time::Instant;

use super::passwd::parse;
use super::{Profile, ResolverError, UserResolver};

/// Time between two looks at the file.
const LOOK_EVERY: Duration = Duration::from_secs(1);

type Everybody = Arc<BTreeMap<String, Profile>>;

/// A file in LinOTP's passwd format. A change is seen within a second; one with mistakes is told in the log, line by line,
/// and changes nothing.
pub struct PasswdFile {
    path: PathBuf,
    look_every: Duration,
    users: RwLock<Everybody>,
    seen: Mutex<Seen>,
}

/// The last look.
struct Seen {
    at: Instant,
    stamp: Stamp,
}

/// What is different when a file was written anew.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp(Option<(SystemTime, u64)>);

impl PasswdFile {
    /// Reads the file; the errors are sentences, each with its line.
    pub fn open(path: PathBuf) -> Result<PasswdFile, Vec<String>> {
        // before reading: a change between the two is then seen at the next look
        let stamp = stamp(&path);
        let users = read(&path)?;
        let seen = Seen { at: Instant::now(), stamp };
        Ok(PasswdFile {
            path,
            look_every: LOOK_EVERY,
            users: RwLock::new(Arc::new(users)),
            seen: Mutex::new(seen),
        })
    }

    /// Everybody, after a look at the file if the last one is old enough.
    async fn now(&self) -> Everybody {
        if self.is_due() {
            let (path, last) = (self.path.clone(), self.last());
            let looked = tokio::task::spawn_blocking(move || {
                let stamp = stamp(&path);
                (stamp != last).then(|| (stamp, read(&path)))
            });
            match looked.await {
                Ok(Some((stamp, read))) => self.take(stamp, read),
                Ok(None) => {}
                Err(error) => tracing::error!(%error, "a file of users could not be looked at"),
            }
        }
        Arc::clone(&self.users.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether it is time for a look; says so to one of many that ask.
    fn is_due(&self) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let due = seen.at.elapsed() >= self.look_every;
        if due {
            seen.at = Instant::now();
        }
        due
    }

    fn last(&self) -> Stamp {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).stamp
    }

    fn take(&self, stamp: Stamp, read: Result<BTreeMap<String, Profile>, Vec<String>>) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).stamp = stamp;
        match read {
            Ok(users) => {
                tracing::info!(file = %self.path.display(), users = users.len(), "users read again");
                *self.users.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(users);
            }
            Err(mistakes) => {
                for mistake in mistakes {
                    tracing::error!(file = %self.path.display(), "the users stay as they were: {mistake}");
                }
            }
        }
    }
}

#[async_trait]
impl UserResolver for PasswdFile {
    async fn find(&self, user: &str) -> Result<Option<Profile>, ResolverError> {
        Ok(self.now().await.get(user).cloned())
    }

    async fn everybody(&self) -> Result<Vec<Profile>, ResolverError> {
        Ok(self.now().await.values().cloned().collect())
    }
}

fn stamp(path: &PathBuf) -> Stamp {
    let data = fs::metadata(path).ok();
    Stamp(data.and_then(|data| Some((data.modified().ok()?, data.len()))))
}

fn read(path: &PathBuf) -> Result<BTreeMap<String, Profile>, Vec<String>> {
    let text = fs::read_to_string(path);
    let text = text.map_err(|error| vec![format!("{} cannot be read: {error}", path.display())])?;
    parse(&text).map_err(|mistakes| {
        mistakes.into_iter().map(|mistake| format!("{}: {mistake}", path.display())).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("passwd");
        fs::write(&path, text).unwrap();
        (folder, path)
    }

    #[tokio::test]
    async fn a_change_is_seen_and_a_broken_one_changes_nothing() {
        let (_folder, path) = written("alice:x:1:1:Alice,,+491701234567,\n");
        let file = PasswdFile { look_every: Duration::ZERO, ..PasswdFile::open(path.clone()).unwrap() };
        let names = async || {
            let everybody = file.everybody().await.unwrap();
            everybody.into_iter().map(|profile| profile.username).collect::<Vec<_>>()
        };
        assert_eq!(names().await, ["alice"]);
        assert_eq!(file.find("alice").await.unwrap().unwrap().mobile, "+491701234567");
        assert_eq!(file.find("bob").await, Ok(None));
        fs::write(&path, "alice:x:1:1:\nbob:x:2:2:\n").unwrap();
        assert_eq!(names().await, ["alice", "bob"]);
        for broken in ["bob\n", "\n\nbob:x\n"] {
            fs::write(&path, broken).unwrap();
            assert_eq!(names().await, ["alice", "bob"]);
        }
        fs::remove_file(&path).unwrap();
        assert_eq!(names().await, ["alice", "bob"], "a file that is gone takes nobody with it");
        fs::write(&path, "carla:x:3:3:\n").unwrap();
        assert_eq!(names().await, ["carla"]);
    }

    #[test]
    fn a_file_with_mistakes_is_refused_with_its_name_and_lines() {
        let (_folder, path) = written("alice\nbob\n");
        let mistakes = PasswdFile::open(path.clone()).err().unwrap();
        assert_eq!(mistakes.len(), 2);
        assert!(mistakes[1].starts_with(&format!("{}: line 2: ", path.display())), "{mistakes:?}");
        let gone = PasswdFile::open(path.with_extension("gone")).err().unwrap();
        assert!(gone[0].contains("cannot be read"), "{gone:?}");
    }
}
