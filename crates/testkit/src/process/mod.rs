//! One of our own programs, started for a story: its own folder, its output at hand, killed at will.

mod output;

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::tether::Tethered;
use crate::wait::POLL_INTERVAL;
use output::{Output, Stream};

/// From start to a line that says so, with room for a loaded machine.
const LINE_DEADLINE: Duration = Duration::from_secs(30);

/// A program that runs in a working folder of its own with nothing of our environment but `PATH`: its `HOME`
/// is that folder. It cannot outlive the handle, nor this process. Its output is shown when something here
/// panics, and when it is dropped by a test that fails.
pub struct Process {
    tether: Tethered, // dropped before the folder
    plan: Plan,
    output: Output,
}

/// What a restart needs.
struct Plan {
    program: PathBuf,
    args: Vec<String>,
    env: Vec<(String, String)>,
    folder: Folder,
}

enum Folder {
    Temporary(TempDir),
    Given(PathBuf),
}

impl Process {
    /// Starts `program` in a temporary folder, which goes with the handle.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(program: impl AsRef<Path>, args: &[&str], env: &[(&str, &str)]) -> Self {
        let folder = tempfile::Builder::new().prefix("mtan-process-").tempdir().expect("a temporary folder");
        Self::start_plan(Plan::new(program.as_ref(), args, env, Folder::Temporary(folder)))
    }

    /// Starts `program` in a folder that exists and stays, for instance with its configuration in it.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start_in(
        folder: impl AsRef<Path>,
        program: impl AsRef<Path>,
        args: &[&str],
        env: &[(&str, &str)],
    ) -> Self {
        Self::start_plan(Plan::new(program.as_ref(), args, env, Folder::Given(folder.as_ref().to_owned())))
    }

    fn start_plan(plan: Plan) -> Self {
        let mut output = Output::default();
        let tether = plan.run(&mut output);
        Self { tether, plan, output }
    }

    /// Starts it again as before, in the same folder, killing it first if it still runs.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn restart(&mut self) {
        self.kill();
        self.tether = self.plan.run(&mut self.output);
    }

    /// Its working folder.
    pub fn folder(&self) -> &Path {
        self.plan.folder()
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.tether.pid()
    }

    /// Whether it has not ended yet.
    ///
    /// # Panics
    /// When the system does not tell.
    pub fn is_running(&mut self) -> bool {
        self.status().is_none()
    }

    /// The lines of stdout and stderr since the last start, in the order in which they came.
    pub fn lines(&self) -> Vec<String> {
        self.output.lines(|_| true)
    }

    /// The lines of stdout since the last start.
    pub fn stdout(&self) -> Vec<String> {
        self.output.lines(|stream| stream == Stream::Stdout)
    }

    /// The lines of stderr since the last start.
    pub fn stderr(&self) -> Vec<String> {
        self.output.lines(|stream| stream == Stream::Stderr)
    }

    /// The first line since the last start that has `part` in it; waits for it.
    ///
    /// # Panics
    /// After 30 s, or as soon as the process has ended without it, with the output.
    pub async fn wait_for_line(&mut self, part: &str) -> String {
        let deadline = Instant::now() + LINE_DEADLINE;
        loop {
            let ended = self.status().filter(|_| self.output.is_complete()); // asked before the last look
            if let Some(line) = self.lines().into_iter().find(|line| line.contains(part)) {
                return line;
            }
            if let Some(status) = ended {
                panic!("{self:?} ended ({status}) without the line {part:?}; {}", self.output);
            }
            if Instant::now() >= deadline {
                panic!("waited {LINE_DEADLINE:?} for the line {part:?} of {self:?}; {}", self.output);
            }
            sleep(POLL_INTERVAL).await;
        }
    }

    /// How it ended; waits for that, and until the last line of its output is there.
    ///
    /// # Panics
    /// When it still runs after `timeout`, with the output.
    pub async fn wait(&mut self, timeout: Duration) -> ExitStatus {
        let deadline = Instant::now() + timeout;
        loop {
            let status = self.status();
            if let Some(status) = status.filter(|_| self.output.is_complete()) {
                return status;
            }
            if Instant::now() >= deadline {
                // a grandchild may hold the pipe open: that is no reason to hide how the process itself ended
                return status
                    .unwrap_or_else(|| panic!("{self:?} still runs after {timeout:?}; {}", self.output));
            }
            sleep(POLL_INTERVAL).await;
        }
    }

    /// SIGTERM: asks it to drain and stop. A signal to a process that has ended does nothing.
    ///
    /// # Panics
    /// When the signal cannot be sent; so the others.
    pub fn terminate(&mut self) {
        self.signal(Signal::SIGTERM);
    }

    /// SIGINT, as Ctrl-C sends it.
    pub fn interrupt(&mut self) {
        self.signal(Signal::SIGINT);
    }

    /// SIGHUP: asks it to read its configuration again.
    pub fn hang_up(&mut self) {
        self.signal(Signal::SIGHUP);
    }

    /// SIGSTOP: its connections stay open and nothing answers.
    pub fn freeze(&mut self) {
        self.signal(Signal::SIGSTOP);
    }

    /// SIGCONT: what was frozen goes on.
    pub fn thaw(&mut self) {
        self.signal(Signal::SIGCONT);
    }

    /// SIGKILL, for what it has started in its process group too; it is gone when this returns.
    ///
    /// # Panics
    /// When it cannot be reaped.
    pub fn kill(&mut self) {
        self.tether.kill().expect("our own child can be killed");
    }

    fn signal(&mut self, signal: Signal) {
        self.tether.signal(signal).expect("our own child takes signals");
    }

    fn status(&mut self) -> Option<ExitStatus> {
        self.tether.try_wait().expect("our own child can be waited for")
    }
}

impl Plan {
    fn new(program: &Path, args: &[&str], env: &[(&str, &str)], folder: Folder) -> Self {
        Self {
            // a relative path means ours, not one in the child's folder; a bare name is looked up in PATH
            program: if program.components().count() > 1 {
                std::path::absolute(program).expect("the program has a path")
            } else {
                program.to_owned()
            },
            args: args.iter().map(|&arg| arg.to_owned()).collect(),
            env: env.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect(),
            folder,
        }
    }

    fn folder(&self) -> &Path {
        match &self.folder {
            Folder::Temporary(folder) => folder.path(),
            Folder::Given(folder) => folder,
        }
    }

    fn run(&self, output: &mut Output) -> Tethered {
        let mut command = Command::new(&self.program);
        command
            .args(&self.args)
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .env("HOME", self.folder())
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .current_dir(self.folder())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let removed_with_us = match &self.folder {
            Folder::Temporary(folder) => Some(folder.path()),
            Folder::Given(_) => None,
        };
        let mut tether = Tethered::spawn(&mut command, removed_with_us)
            .unwrap_or_else(|error| panic!("{} does not start: {error}", self.program.display()));
        let child = tether.child_mut();
        output.begin(
            child.stdout.take().expect("stdout is piped"),
            child.stderr.take().expect("stderr is piped"),
        );
        tether
    }
}

/// Program and process id; no arguments and no environment, as there may be passwords in them.
impl fmt::Debug for Process {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} (process {})", self.plan.program.display(), self.pid())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{self:?}: {}", self.output);
        }
    }
}
