//! The lock file of UUCP, which gnokii, minicom and pppd look at: `/var/lock/LCK..ttyUSB0` with the holder's process id.
//!
//! The file is ten columns of decimal digits and the program's name (Filesystem Hierarchy Standard 3.0 §5.9).

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process;

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

use super::OpenError;

const FOLDER: &str = "/var/lock";

/// Removed when it is dropped.
#[derive(Debug)]
pub(super) struct LockFile(PathBuf);

impl LockFile {
    /// `None` where no such file can be written: it is for the politeness of others, the port itself is locked too.
    pub(super) fn take(port: &Path) -> Result<Option<LockFile>, OpenError> {
        LockFile::take_in(Path::new(FOLDER), port)
    }

    pub(super) fn take_in(folder: &Path, port: &Path) -> Result<Option<LockFile>, OpenError> {
        let Some(name) = port.file_name() else { return Ok(None) };
        let file = folder.join(format!("LCK..{}", name.to_string_lossy()));
        for _ in 0..2 {
            match write(&file) {
                Ok(()) => return Ok(Some(LockFile(file))),
                Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Ok(None),
                Err(_) => {}
            }
            match holder(&file) {
                Some(pid) if is_alive(pid) && pid != process::id() => {
                    return Err(OpenError::busy(port, Some(pid)));
                }
                // left behind by somebody who died, or by ourselves
                _ => drop(fs::remove_file(&file)),
            }
        }
        Ok(None)
    }
}

impl Drop for LockFile {
    fn drop(&mut self) {
        if holder(&self.0) == Some(process::id()) {
            drop(fs::remove_file(&self.0));
        }
    }
}

fn write(file: &Path) -> io::Result<()> {
    let mut open = OpenOptions::new().write(true).create_new(true).open(file)?;
    open.write_all(format!("{:>10} mtan\n", process::id()).as_bytes())
}

fn holder(file: &Path) -> Option<u32> {
    fs::read_to_string(file).ok()?.split_whitespace().next()?.parse().ok()
}

/// kill(2) with signal 0; not by `/proc`, which a service may not see others in.
fn is_alive(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| test_kill_process(pid) != Err(Errno::SRCH))
}
