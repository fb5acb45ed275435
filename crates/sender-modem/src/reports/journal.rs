//! What is awaited, on disk: a line of JSON for each change, written anew when most lines are out of date.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use tracing::warn;

use super::matching::{Awaiting, Entry};

/// Lines beyond twice what is awaited, before the file is written anew.
const SLACK: usize = 1000;

pub(super) struct Journal {
    path: PathBuf,
    /// `None` where it cannot be written.
    file: Option<File>,
    lines: usize,
}

impl Journal {
    /// And what stands in it. A line that is no entry, such as one that a crash has cut, is passed over.
    pub(super) fn open(folder: &Path, name: &str) -> (Journal, Vec<Entry>) {
        let path = folder.join(name);
        let text = fs::read_to_string(&path).unwrap_or_default();
        let entries: Vec<Entry> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let file = fs::create_dir_all(folder).and_then(|()| append_to(&path));
        let file = file.inspect_err(|error| {
            warn!(path = %path.display(), %error, "awaited delivery reports will not outlive a restart: STATE cannot be written");
        });
        let mut journal = Journal { path, file: file.ok(), lines: text.lines().count() };
        if !text.is_empty() && !text.ends_with('\n') {
            journal.append("\n");
        }
        (journal, entries)
    }

    /// Not synced: a power cut may cost a report or tell one twice, which harms nothing.
    pub(super) fn write(&mut self, entry: &Entry, awaiting: &mut Awaiting, now: i64) {
        self.append(&line(entry));
        self.lines += 1;
        if self.lines > awaiting.len() * 2 + SLACK {
            awaiting.forget(now);
            self.write_anew(awaiting);
        }
    }

    fn append(&mut self, text: &str) {
        let Some(file) = &mut self.file else { return };
        if let Err(error) = file.write_all(text.as_bytes()) {
            warn!(path = %self.path.display(), %error, "an awaited delivery report is not written down");
        }
    }

    fn write_anew(&mut self, awaiting: &Awaiting) {
        if self.file.is_none() {
            return;
        }
        let text: String = awaiting.entries().map(|entry| line(&entry)).collect();
        let fresh = self.path.with_extension("new");
        let written = write_private(&fresh, &text).and_then(|()| fs::rename(&fresh, &self.path));
        match written.and_then(|()| append_to(&self.path)) {
            Ok(file) => self.file = Some(file),
            Err(error) => warn!(path = %self.path.display(), %error, "not written anew"),
        }
        // also after a failure: the next try is not at the next line
        self.lines = awaiting.len();
    }
}

fn line(entry: &Entry) -> String {
    serde_json::to_string(entry).expect("strings and numbers always serialise") + "\n"
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}
