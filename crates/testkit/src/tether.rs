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
        self.child.try_wait()
    }

    /// Sends a signal to the child itself; nothing when it has ended and was reaped.
    pub(crate) fn signal(&mut self, signal: Signal) -> io::Result<()> {
        if self.try_wait()?.is_some() {
            return Ok(());
        }
        let pid = i32::try_from(self.child.id()).map_err(io::Error::other)?;
        signal::kill(Pid::from_raw(pid), signal).map_err(io::Error::from)
    }

    /// SIGKILL, and waits until the process is gone. Does nothing the second time.
    pub(crate) fn kill(&mut self) -> io::Result<ExitStatus> {
        self.child.kill()?; // not reaped yet: the watch cannot hit another process with this id
        self.watch.kill()?;
        self.watch.wait()?;
        self.child.wait()
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
