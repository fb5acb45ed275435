//! A child process on a tether: it ends when its handle is dropped, and also when this process dies.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;

/// The watch: a shell that reads a pipe whose only writer is this process. The kernel closes the pipe however
/// this process ends, `kill -9` included; the watch then kills the child's process group ($1) and removes its
/// folder ($2). No `PR_SET_PDEATHSIG`: that follows the thread that forked, and test threads come and go.
const WATCH: &str = r#"
read -r _
kill -9 "-$1" 2>/dev/null
[ -n "$2" ] || exit 0
for _ in 1 2 3 4 5; do
  rm -rf "$2" 2>/dev/null && exit 0
  sleep 0.2
done
"#;

/// A child that cannot outlive its owner.
#[derive(Debug)]
pub(crate) struct Tethered {
    child: Child,
    watch: Child,
}

impl Tethered {
    /// Starts `command` as the leader of its own process group. `folder` is removed if this process dies
    /// before it lets go of the child.
    pub(crate) fn spawn(command: &mut Command, folder: Option<&Path>) -> io::Result<Self> {
        let mut child = command.process_group(0).stdin(Stdio::null()).spawn()?;
        match watch(child.id(), folder) {
            Ok(watch) => Ok(Self { child, watch }),
            Err(error) => {
                child.kill()?;
                child.wait()?;
                Err(error)
            }
        }
    }

    /// The process id. It is not given to another process before this handle has reaped the child.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The child, for its pipes.
    pub(crate) fn child_mut(&mut self) -> &mut Child {
        &mut self.child
    }

    /// How it ended, or `None` while it runs.
    pub(crate) fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        let ended = self.child.try_wait()?;
        if ended.is_some() {
            self.end_watch()?; // the id is free from here on: the watch must not hit who gets it next
        }
        Ok(ended)
    }

    /// Sends a signal to the child itself; nothing when it has ended and was reaped.
    pub(crate) fn signal(&mut self, signal: Signal) -> io::Result<()> {
        if self.try_wait()?.is_some() {
            return Ok(());
        }
        signal::kill(self.nix_pid()?, signal).map_err(io::Error::from)
    }

    /// SIGKILL for the child and what it has started in its group, and waits until the child is gone. Does
    /// nothing the second time.
    pub(crate) fn kill(&mut self) -> io::Result<ExitStatus> {
        if let Some(ended) = self.try_wait()? {
            return Ok(ended);
        }
        signal::killpg(self.nix_pid()?, Signal::SIGKILL)?; // not reaped yet: the id is still the child's own
        self.end_watch()?;
        self.child.wait()
    }

    fn end_watch(&mut self) -> io::Result<()> {
        self.watch.kill()?;
        self.watch.wait().map(drop)
    }

    fn nix_pid(&self) -> io::Result<Pid> {
        i32::try_from(self.child.id()).map(Pid::from_raw).map_err(io::Error::other)
    }
}

impl Drop for Tethered {
    fn drop(&mut self) {
        if let Err(error) = self.kill() {
            eprintln!("testkit: process {} could not be stopped: {error}", self.child.id());
        }
    }
}

fn watch(pid: u32, folder: Option<&Path>) -> io::Result<Child> {
    Command::new("/bin/sh")
        .args(["-c", WATCH, "tether", &pid.to_string()])
        .arg(folder.unwrap_or(Path::new("")))
        .current_dir("/")
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}
