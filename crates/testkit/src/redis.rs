//! A real `redis-server` for one test: own port, own folder, killed, frozen and started again at will.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use crate::tether::Tethered;
use crate::wait::POLL_INTERVAL;
use crate::{free_port, require};

/// From start to the first answer, with room for a loaded machine.
const START_DEADLINE: Duration = Duration::from_secs(20);

/// A `redis-server` on a loopback port of its own. Every write is on disk before it is answered
/// (`appendonly yes`, `appendfsync always`) and nothing is evicted (`noeviction`). Dropped = killed.
#[derive(Debug)]
pub struct RedisServer {
    process: Tethered,
    port: u16,
    folder: TempDir,
}

impl RedisServer {
    /// Starts a server and waits until it answers.
    ///
    /// # Panics
    /// When `redis-server` is missing (with the command that installs it) or does not come up in 20 s.
    pub async fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("mtan-redis-").tempdir().expect("a temporary folder");
        let deadline = Instant::now() + START_DEADLINE;
        loop {
            // another port each time: somebody may have taken the last one between the look and the start
            let port = free_port();
            if let Some(process) = boot(port, folder.path(), deadline).await {
                return Self { process, port, folder };
            }
        }
    }

    /// `redis://127.0.0.1:PORT/`; stays the same over a restart.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The process id of the running server.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// The server's log so far.
    pub fn log(&self) -> String {
        read_log(self.folder.path())
    }

    /// SIGKILL: connections break, new ones are refused, the data stays for [`restart`](Self::restart).
    ///
    /// # Panics
    /// When the process cannot be reaped.
    pub fn kill(&mut self) {
        self.process.kill().expect("our own redis-server can be killed");
    }

    /// Starts it again with the same port and data, killing it first if it still runs; waits for its answer.
    ///
    /// # Panics
    /// When it does not come up in 20 s, with its log.
    pub async fn restart(&mut self) {
        self.kill();
        let deadline = Instant::now() + START_DEADLINE;
        self.process = loop {
            if let Some(process) = boot(self.port, self.folder.path(), deadline).await {
                break process;
            }
            sleep(POLL_INTERVAL).await;
        };
    }

    /// SIGSTOP: connections stay open and nothing answers.
    ///
    /// # Panics
    /// When the signal cannot be sent.
    pub fn freeze(&mut self) {
        self.process.signal(Signal::SIGSTOP).expect("our own redis-server can be stopped");
    }

    /// SIGCONT: what was frozen goes on.
    ///
    /// # Panics
    /// When the signal cannot be sent.
    pub fn thaw(&mut self) {
        self.process.signal(Signal::SIGCONT).expect("our own redis-server can be continued");
    }
}

/// A server that answers on `port`, or `None` if it ended at once, as it does when the port is taken.
async fn boot(port: u16, folder: &Path, deadline: Instant) -> Option<Tethered> {
    let mut process = spawn(port, folder);
    loop {
        let status = match timeout(Duration::from_secs(1), answers(port, process.pid())).await {
            Ok(Ok(true)) => return Some(process),
            Ok(Ok(false)) => "it is loading, or somebody else answers there".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer for a second".to_owned(),
        };
        let ended = process.try_wait().expect("our own child can be waited for");
        if Instant::now() >= deadline {
            panic!(
                "redis-server did not come up on port {port} in {START_DEADLINE:?}: {status}; log:\n{}",
                read_log(folder)
            );
        }
        if ended.is_some() {
            return None;
        }
        sleep(POLL_INTERVAL).await;
    }
}

fn spawn(port: u16, folder: &Path) -> Tethered {
    let mut command = Command::new(require("redis-server", "redis-server"));
    command
        .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--daemonize", "no"])
        .args(["--appendonly", "yes", "--appendfsync", "always", "--save", ""])
        .args(["--maxmemory-policy", "noeviction", "--logfile", "redis.log"])
        .arg("--dir")
        .arg(folder)
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    Tethered::spawn(&mut command, Some(folder)).expect("redis-server starts")
}

/// Whether the process `pid` itself serves commands on `port`: `PING` fails while it loads its data, and
/// `INFO` tells it from a stranger who took the port first.
async fn answers(port: u16, pid: u32) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    stream.write_all(b"PING\r\nINFO server\r\nQUIT\r\n").await?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await?;
    Ok(reply.starts_with("+PONG") && reply.contains(&format!("\nprocess_id:{pid}\r\n")))
}

fn read_log(folder: &Path) -> String {
    fs::read_to_string(folder.join("redis.log")).unwrap_or_else(|error| format!("(no log: {error})"))
}
