//! Which PINs a SIM has refused, on disk, so that no restart tries one again: three wrong ones lock the SIM.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};

/// The file of refused PINs, a digest a line.
pub(crate) struct Pins {
    path: PathBuf,
    /// Two keepers may write at a time.
    writing: Mutex<()>,
}

impl Pins {
    pub(crate) fn new(folder: &Path) -> Pins {
        Pins { path: folder.join("refused-pins"), writing: Mutex::new(()) }
    }

    /// Whether `pin` was refused, or tried by a process that died before it knew.
    pub(crate) fn was_refused(&self, pin: &str) -> bool {
        self.read().contains(&digest(pin))
    }

    /// Notes `pin` as refused. False: it could not be noted.
    pub(crate) fn remember(&self, pin: &str) -> bool {
        self.change(|pins| pins.insert(digest(pin)))
    }

    /// The SIM took it after all.
    pub(crate) fn forget(&self, pin: &str) {
        self.change(|pins| pins.remove(&digest(pin)));
    }

    fn read(&self) -> BTreeSet<String> {
        fs::read_to_string(&self.path).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    fn change(&self, change: impl FnOnce(&mut BTreeSet<String>) -> bool) -> bool {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut pins = self.read();
        change(&mut pins);
        let written = self.write(&pins);
        if let Err(error) = &written {
            tracing::warn!(path = %self.path.display(), %error, "refused PINs cannot be noted");
        }
        written.is_ok()
    }

    fn write(&self, pins: &BTreeSet<String>) -> io::Result<()> {
        fs::create_dir_all(self.path.parent().unwrap_or(Path::new(".")))?;
        let fresh = self.path.with_extension("new");
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
        pins.iter().try_for_each(|pin| writeln!(file, "{pin}"))?;
        file.sync_all()?;
        fs::rename(&fresh, &self.path)
    }
}

fn digest(pin: &str) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(format!("mtan refused pin {pin}")))
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn a_refused_pin_is_remembered_over_a_restart_and_not_written_down() {
        let folder = TempDir::new().unwrap();
        let state = folder.path().join("state");
        let pins = Pins::new(&state);
        assert!(!pins.was_refused("1234"));
        assert!(pins.remember("1234") && pins.remember("5678"));
        pins.forget("5678");
        let pins = Pins::new(&state);
        assert!(pins.was_refused("1234") && !pins.was_refused("5678"));
        assert!(!fs::read_to_string(state.join("refused-pins")).unwrap().contains("1234"));
    }

    #[test]
    fn where_nothing_can_be_noted_it_says_so() {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("file"), "").unwrap();
        assert!(!Pins::new(&folder.path().join("file/state")).remember("1234"));
    }
}
