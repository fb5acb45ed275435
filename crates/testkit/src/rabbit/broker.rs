//! A broker with its port mapper, in a folder of its own.

use std::path::Path;
use std::time::Duration;

use nix::sys::signal::Signal;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use super::node;
use super::setup::Setup;
use super::shared::SHARED_BROKER_VARIABLE;
use super::vhost::{self, Vhost};
use crate::tether::Tethered;
use crate::wait::POLL_INTERVAL;
use crate::{require, wait_until};

/// From start to ready: some 8 s on an idle machine, with room for a loaded one.
const BOOT_DEADLINE: Duration = Duration::from_secs(120);

/// Tries with other ports, each of which somebody may take between the look and the start.
const PORT_TRIES: u32 = 3;

/// A RabbitMQ on loopback ports of its own, with its own `epmd`, cookie, data and logs. A boot takes some
/// 8 s: a test that only needs a broker asks [`shared`](super::shared) for a vhost; one that kills or freezes
/// it starts its own. Runs as root and as an ordinary user. Dropped = killed, with all that it started.
#[derive(Debug)]
pub struct RabbitServer {
    node: Tethered, // dropped before the port mapper and the folder
    _epmd: Tethered,
    setup: Setup,
    boots: u32,
    folder: TempDir,
}

impl RabbitServer {
    /// Starts a broker and waits until it serves AMQP.
    ///
    /// # Panics
    /// When RabbitMQ is missing (with the command that installs it) or does not come up, with its logs.
    pub async fn start() -> Self {
        require("rabbitmq-server", "rabbitmq-server");
        let deadline = Instant::now() + BOOT_DEADLINE;
        for _ in 0..PORT_TRIES {
            if let Some(server) = Self::try_start(deadline).await {
                return server;
            }
        }
        panic!("RabbitMQ ended while booting, {PORT_TRIES} times in a row; its logs are above");
    }

    async fn try_start(deadline: Instant) -> Option<Self> {
        let folder = tempfile::Builder::new().prefix("mtan-rabbit-").tempdir().expect("a temporary folder");
        let setup = Setup::new(folder.path());
        let epmd = start_epmd(&setup).await;
        let Some(node) = node::boot(&setup, 1, deadline).await else {
            eprintln!("RabbitMQ ended while booting; {}", node::logs(&setup, 1));
            return None;
        };
        Some(Self { node, _epmd: epmd, setup, boots: 1, folder })
    }

    /// A vhost that nobody was given before, in this process or another one.
    ///
    /// # Panics
    /// When all of them are used up.
    pub fn vhost(&self) -> Vhost {
        vhost::claim(self.port(), self.folder())
    }

    /// The AMQP port on 127.0.0.1; stays the same over a restart.
    pub fn port(&self) -> u16 {
        self.setup.amqp_port
    }

    /// The folder with all that the broker has: configuration, data, logs, claims.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The process id of the Erlang VM.
    pub fn pid(&self) -> u32 {
        self.node.pid()
    }

    /// The log of the present run, and what it printed.
    pub fn log(&self) -> String {
        node::logs(&self.setup, self.boots)
    }

    /// The environment variable that makes [`shared`](super::shared) in a child process use this broker.
    pub fn environment(&self) -> (&'static str, String) {
        (SHARED_BROKER_VARIABLE, format!("{}:{}", self.port(), self.folder().display()))
    }

    /// SIGKILL for the Erlang VM: connections break, new ones are refused, durable queues stay on disk.
    ///
    /// # Panics
    /// When the process cannot be reaped.
    pub fn kill(&mut self) {
        self.node.kill().expect("our own RabbitMQ can be killed");
    }

    /// SIGTERM: it closes its queues and goes, as for an update. A quorum queue that was made a moment before a SIGKILL may not come
    /// back in RabbitMQ 3.10 (its name is on the disk a little later), so use this where that is not what is tried.
    ///
    /// # Panics
    /// When it takes longer than to boot.
    pub async fn stop(&mut self) {
        self.node.signal(Signal::SIGTERM).expect("our own RabbitMQ can be stopped");
        let deadline = Instant::now() + BOOT_DEADLINE;
        while self.node.try_wait().expect("our own RabbitMQ can be waited for").is_none() {
            assert!(Instant::now() < deadline, "RabbitMQ does not stop; {}", self.log());
            sleep(POLL_INTERVAL).await;
        }
    }

    /// Starts it again with the same port and data, killing it first if it still runs; waits until it serves.
    ///
    /// # Panics
    /// When it does not come up, with its logs.
    pub async fn restart(&mut self) {
        self.kill();
        let deadline = Instant::now() + BOOT_DEADLINE;
        self.node = loop {
            self.boots += 1;
            if let Some(node) = node::boot(&self.setup, self.boots, deadline).await {
                break node;
            }
            if Instant::now() >= deadline {
                panic!("RabbitMQ did not come up again; {}", self.log());
            }
            sleep(POLL_INTERVAL).await;
        };
    }

    /// SIGSTOP for the Erlang VM: connections stay open and nothing answers.
    ///
    /// # Panics
    /// When the signal cannot be sent.
    pub fn freeze(&mut self) {
        self.node.signal(Signal::SIGSTOP).expect("our own RabbitMQ can be stopped");
    }

    /// SIGCONT: what was frozen goes on.
    ///
    /// # Panics
    /// When the signal cannot be sent.
    pub fn thaw(&mut self) {
        self.node.signal(Signal::SIGCONT).expect("our own RabbitMQ can be continued");
    }
}

/// The port mapper has to listen before the node looks for it: else the node starts one that outlives it.
async fn start_epmd(setup: &Setup) -> Tethered {
    let epmd = Tethered::spawn(&mut setup.epmd(), None).expect("epmd starts");
    wait_until("epmd to listen", Duration::from_secs(10), async || {
        TcpStream::connect(("127.0.0.1", setup.epmd_port)).await.map(drop).map_err(|error| error.to_string())
    })
    .await;
    epmd
}
