//! Our programs as processes of their own: configured, started, looked at.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use mtan_testkit::free_port;
use mtan_testkit::process::Process;
use mtan_testkit::rabbit::Vhost;
use tokio::time::sleep;

/// Between two looks at `/readyz`.
const LOOK_EVERY: Duration = Duration::from_millis(2);
const PATIENCE: Duration = Duration::from_secs(30);

/// In MiB, out of `/proc/PID/status`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    pub(crate) rss: f64,
    /// The most that it was.
    pub(crate) peak: f64,
    /// Of `rss`, what is the process's own: the rest is the program itself, read from its file.
    pub(crate) anonymous: f64,
    pub(crate) threads: f64,
}

/// One of our processes and how it is started.
pub(crate) struct Program {
    pub(crate) name: &'static str,
    file: PathBuf,
    config: PathBuf,
    folder: PathBuf,
    address: SocketAddr,
}

impl Program {
    /// With a folder of its own in `folder`, and a configuration of `backends` and its `[sms]`.
    pub(crate) fn new(
        folder: &Path,
        name: &'static str,
        backends: &str,
        sms: &str,
    ) -> anyhow::Result<Program> {
        let (folder, address) = (folder.join(name), SocketAddr::from(([127, 0, 0, 1], free_port())));
        std::fs::create_dir(&folder)?;
        let listen = match name {
            "mtan-sender-http" => "[sender]\nhttp_listen",
            "mtan-sender-smtp" => "[sender]\nsmtp_listen",
            _ => "[otp_api]\nlisten",
        };
        let config = folder.join("mtan.toml");
        std::fs::write(&config, format!("{backends}\n{listen} = \"{address}\"\n\n[sms]\n{sms}\n"))?;
        Ok(Program { name, file: binary(name)?, config, folder, address })
    }

    /// Starts it and waits until it is ready.
    pub(crate) async fn start(&self) -> anyhow::Result<Process> {
        let config = self.config.to_str().context("a path in UTF-8")?;
        let begun = Instant::now();
        let mut process = Process::start_in(&self.folder, &self.file, &["--config", config], &[]);
        while !is_ready(self.address) {
            ensure!(process.is_running(), "ended by itself:\n{}", process.lines().join("\n"));
            ensure!(begun.elapsed() < PATIENCE, "not ready in {PATIENCE:?}:\n{}", process.lines().join("\n"));
            sleep(LOOK_EVERY).await;
        }
        Ok(process)
    }
}

/// Drains it.
pub(crate) async fn stop(mut process: Process) {
    process.terminate();
    process.wait(PATIENCE).await;
}

/// The lines of a configuration that name store, queue and server key; the key is made where `folder` has none.
pub(crate) fn backends(folder: &Path, redis: &str, vhost: &Vhost) -> anyhow::Result<String> {
    let key = folder.join("server.key");
    if !key.exists() {
        mtan_seal::ServerKey::create(&key)?;
    }
    Ok(format!("store = {redis:?}\nqueue = {:?}\nserver_key_file = {key:?}\n", vhost.url))
}

/// Whether `/readyz` answers 200; a process that does not listen yet is not ready.
fn is_ready(address: SocketAddr) -> bool {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200 "))
}

pub(crate) fn memory(pid: u32) -> anyhow::Result<Memory> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let number = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
        let word = line.and_then(|line| line.split_whitespace().next());
        word.and_then(|word| word.parse::<f64>().ok()).with_context(|| format!("{key} in /proc/{pid}/status"))
    };
    Ok(Memory {
        rss: number("VmRSS")? / 1024.0,
        peak: number("VmHWM")? / 1024.0,
        anonymous: number("RssAnon")? / 1024.0,
        threads: number("Threads")?,
    })
}

/// Where one of our programs lies: beside the folder of this one.
fn binary(name: &str) -> anyhow::Result<PathBuf> {
    let here = std::env::current_exe()?;
    let file = here.ancestors().nth(2).context("this program lies in target/PROFILE/deps")?.join(name);
    if !file.exists() {
        bail!("{} is not built: `cargo xtask bench` builds it", file.display());
    }
    Ok(file)
}
