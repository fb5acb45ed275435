//! What became of PINs that were tried, on disk, so that no restart tries one blindly again: three wrong ones lock a SIM.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::set_up::{PinMemory, PinPast};

/// A file with a line for each PIN that was tried and not accepted: a digest of it and its SIM, and what became of it.
pub(crate) struct Pins {
    path: PathBuf,
    turn: tokio::sync::Mutex<()>,
}

impl Pins {
    pub(crate) fn new(folder: &Path) -> Pins {
        Pins { path: folder.join("refused-pins"), turn: tokio::sync::Mutex::new(()) }
    }

    /// Several keepers, pools and processes may note something at a time. Unlocked as it is dropped.
    fn lock(&self) -> io::Result<File> {
        fs::create_dir_all(self.path.parent().unwrap_or(Path::new(".")))?;
        let mut open = OpenOptions::new();
        let lock = open
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(self.path.with_extension("lock"))?;
        lock.lock()?;
        Ok(lock)
    }

    /// Only a file that is not there is an empty one.
    fn read(&self) -> io::Result<BTreeMap<String, String>> {
        let text = match fs::read_to_string(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            text => text?,
        };
        let lines = text.lines().filter_map(|line| line.split_once(' '));
        Ok(lines.map(|(digest, past)| (digest.to_owned(), past.to_owned())).collect())
    }

    fn write(&self, pins: &BTreeMap<String, String>) -> io::Result<()> {
        let fresh = self.path.with_extension("new");
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
        pins.iter().try_for_each(|(digest, past)| writeln!(file, "{digest} {past}"))?;
        file.sync_all()?;
        fs::rename(&fresh, &self.path)
    }
}

impl PinMemory for Pins {
    fn past(&self, sim: &str, pin: &str) -> io::Result<PinPast> {
        Ok(match self.read()?.get(&digest(sim, pin)).map(String::as_str) {
            None => PinPast::Clean,
            Some("entered") => PinPast::Entered,
            Some(_) => PinPast::Refused,
        })
    }

    fn note(&self, sim: &str, pin: &str, past: PinPast) -> io::Result<()> {
        let _lock = self.lock()?;
        let mut pins = self.read()?;
        match past {
            PinPast::Clean => pins.remove(&digest(sim, pin)),
            PinPast::Entered => pins.insert(digest(sim, pin), "entered".to_owned()),
            PinPast::Refused => pins.insert(digest(sim, pin), "refused".to_owned()),
        };
        self.write(&pins)
    }

    fn turn(&self) -> &tokio::sync::Mutex<()> {
        &self.turn
    }
}

fn digest(sim: &str, pin: &str) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(format!("mtan pin {pin} of {sim}")))
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn what_became_of_a_pin_is_remembered_over_a_restart_and_not_written_down() {
        let folder = TempDir::new().unwrap();
        let state = folder.path().join("state");
        let pins = Pins::new(&state);
        assert_eq!(pins.past("8949", "1234").unwrap(), PinPast::Clean);
        pins.note("8949", "1234", PinPast::Refused).unwrap();
        pins.note("8949", "5678", PinPast::Entered).unwrap();
        pins.note("8949", "9999", PinPast::Entered).unwrap();
        pins.note("8949", "9999", PinPast::Clean).unwrap();
        let pins = Pins::new(&state);
        assert_eq!(pins.past("8949", "1234").unwrap(), PinPast::Refused);
        assert_eq!(pins.past("8950", "1234").unwrap(), PinPast::Clean, "another SIM");
        assert_eq!(pins.past("8949", "5678").unwrap(), PinPast::Entered);
        assert_eq!(pins.past("8949", "9999").unwrap(), PinPast::Clean);
        assert!(!fs::read_to_string(state.join("refused-pins")).unwrap().contains("1234"));
    }

    #[test]
    fn where_nothing_can_be_noted_it_says_so() {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("file"), "").unwrap();
        let pins = Pins::new(&folder.path().join("file/state"));
        assert!(pins.note("8949", "1234", PinPast::Entered).is_err());
    }

    #[test]
    fn a_memory_that_cannot_be_read_is_no_empty_one() {
        let folder = TempDir::new().unwrap();
        let pins = Pins::new(folder.path());
        pins.note("8949", "1234", PinPast::Refused).unwrap();
        // as unreadable as another user's file, also for root
        fs::write(folder.path().join("refused-pins"), b"\xff\xfe").unwrap();
        assert!(pins.past("8949", "1234").is_err());
        assert!(pins.note("8949", "5678", PinPast::Entered).is_err(), "nor is it written over");
    }
}
