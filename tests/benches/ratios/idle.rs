//! Our processes with nothing to do: the memory they hold, and the time from their start until they are ready.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use mtan_testkit::free_port;
use mtan_testkit::process::Process;
use mtan_testkit::rabbit::Vhost;
use tempfile::TempDir;
use tokio::time::sleep;

use crate::table::{aligned, words};
use crate::world::World;

/// The limits to grow into.
const MEMORY_LIMIT: f64 = 25.0;
const READY_LIMIT: Duration = Duration::from_millis(200);

/// Between two looks at `/readyz`.
const LOOK_EVERY: Duration = Duration::from_millis(2);
const PATIENCE: Duration = Duration::from_secs(30);

/// After this with nothing to do, a process is idle.
const REST: Duration = Duration::from_secs(2);

/// What one process took.
pub(crate) struct Idle {
    name: &'static str,
    /// From the start to `/readyz` 200: fastest, median, slowest.
    ready: [Duration; 3],
    /// Median.
    memory: Memory,
}

/// In MiB, out of `/proc/PID/status`.
#[derive(Debug, Clone, Copy)]
struct Memory {
    rss: f64,
    /// Of it, what is the process's own: the rest is the program itself, read from its file.
    anonymous: f64,
    threads: f64,
}

/// One of our processes and how it is started.
struct Program {
    name: &'static str,
    file: PathBuf,
    config: PathBuf,
    folder: PathBuf,
    address: SocketAddr,
}

/// Starts each process as often as there are rounds.
pub(crate) fn measure(world: &World) -> anyhow::Result<Vec<Idle>> {
    let (redis, vhost) = (world.redis()?, world.vhost());
    let folder = tempfile::Builder::new().prefix("mtan-ratios-").tempdir()?;
    let programs = [
        apart(&folder, "mtan-otp-api", &redis, &vhost)?,
        apart(&folder, "mtan-sender-http", &redis, &vhost)?,
        embedded(&folder)?,
    ];
    world.progress.expect(world.arguments.rounds * 3);
    programs.iter().map(|program| measure_one(world, program)).collect()
}

fn measure_one(world: &World, program: &Program) -> anyhow::Result<Idle> {
    // the first start makes keys, files and queues
    world.server.block_on(start(program)).context(program.name)?;
    let (mut ready, mut memory) = (Vec::new(), Vec::new());
    for round in 1..=world.arguments.rounds {
        let (took, held) = world.server.block_on(start(program)).context(program.name)?;
        world.progress.say(&format!(
            "{}, start {round} of {}: ready after {} ms, {:.1} MiB",
            program.name,
            world.arguments.rounds,
            took.as_millis(),
            held.rss
        ));
        world.progress.step();
        ready.push(took);
        memory.push(held);
    }
    ready.sort_unstable();
    memory.sort_by(|a, b| a.rss.total_cmp(&b.rss));
    Ok(Idle {
        name: program.name,
        ready: [ready[0], ready[ready.len() / 2], ready[ready.len() - 1]],
        memory: memory[memory.len() / 2],
    })
}

async fn start(program: &Program) -> anyhow::Result<(Duration, Memory)> {
    let config = program.config.to_str().context("a path in UTF-8")?;
    let begun = Instant::now();
    let mut process = Process::start_in(&program.folder, &program.file, &["--config", config], &[]);
    while !is_ready(program.address) {
        ensure!(process.is_running(), "ended by itself:\n{}", process.lines().join("\n"));
        ensure!(begun.elapsed() < PATIENCE, "not ready in {PATIENCE:?}:\n{}", process.lines().join("\n"));
        sleep(LOOK_EVERY).await;
    }
    let ready = begun.elapsed();
    sleep(REST).await;
    let memory = memory(process.pid())?;
    if ready > READY_LIMIT {
        // what it said tells what it waited for
        writeln!(std::io::stderr(), "{}", process.lines().join("\n"))?;
    }
    process.terminate();
    process.wait(PATIENCE).await;
    Ok((ready, memory))
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

fn memory(pid: u32) -> anyhow::Result<Memory> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let number = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
        let word = line.and_then(|line| line.split_whitespace().next());
        word.and_then(|word| word.parse::<f64>().ok()).with_context(|| format!("{key} in /proc/{pid}/status"))
    };
    Ok(Memory {
        rss: number("VmRSS")? / 1024.0,
        anonymous: number("RssAnon")? / 1024.0,
        threads: number("Threads")?,
    })
}

fn apart(folder: &TempDir, name: &'static str, redis: &str, vhost: &Vhost) -> anyhow::Result<Program> {
    let key = folder.path().join("server.key");
    if !key.exists() {
        mtan_seal::ServerKey::create(&key)?;
    }
    let backends = format!("store = {redis:?}\nqueue = {:?}\nserver_key_file = {key:?}\n", vhost.url);
    program(folder.path(), name, &backends)
}

fn embedded(folder: &TempDir) -> anyhow::Result<Program> {
    program(folder.path(), "mtan", "")
}

fn program(folder: &Path, name: &'static str, backends: &str) -> anyhow::Result<Program> {
    let (folder, address) = (folder.join(name), SocketAddr::from(([127, 0, 0, 1], free_port())));
    std::fs::create_dir(&folder)?;
    let listen = if name == "mtan-sender-http" { "[sender]\nhttp_listen" } else { "[otp_api]\nlisten" };
    let config = folder.join("mtan.toml");
    let text = format!(
        r#"{backends}
{listen} = "{address}"

[sms]
SMSProvider = "smsprovider.HttpSMSProvider.HttpSMSProvider"
SMSProviderConfig = '''{{"URL": "http://127.0.0.1:9/send", "SMS_TEXT_KEY": "text", "SMS_PHONENUMBER_KEY": "to",
    "HTTP_Method": "POST", "RETURN_SUCCESS": "ID"}}'''
"#
    );
    std::fs::write(&config, text)?;
    Ok(Program { name, file: binary(name)?, config, folder, address })
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

/// The table of all processes.
pub(crate) fn table(all: &[Idle]) -> String {
    let mut rows = vec![words([
        "process", "ready ms", "fastest", "slowest", "limit", "", "RSS MiB", "own", "limit", "", "threads",
    ])];
    for Idle { name, ready, memory } in all {
        let [fastest, median, slowest] = ready.map(|time| time.as_millis().to_string());
        let within = |is: bool| if is { "within" } else { "above" }.to_owned();
        rows.push(vec![
            (*name).to_owned(),
            median,
            fastest,
            slowest,
            READY_LIMIT.as_millis().to_string(),
            within(ready[1] <= READY_LIMIT),
            format!("{:.1}", memory.rss),
            format!("{:.1}", memory.anonymous),
            format!("{MEMORY_LIMIT:.0}"),
            within(memory.rss <= MEMORY_LIMIT),
            format!("{:.0}", memory.threads),
        ]);
    }
    aligned(&rows)
}
