//! A real mail server for one test: Exim on a port of its own, with folders of its own, delivering into a maildir.

use std::fs::{self, Permissions};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use crate::tether::Tethered;
use crate::wait::POLL_INTERVAL;
use crate::{free_port, require, wait_until};

/// From start to the first banner, and from a mail to its file, with room for a loaded machine.
const DEADLINE: Duration = Duration::from_secs(30);

/// The user that Debian's package runs Exim as where root starts it: Exim delivers nothing as root.
const USER: &str = "Debian-exim";

/// An `exim4` that takes mail for [`EximServer::DOMAIN`], delivers it into a maildir, and relays nothing. Dropped =
/// killed.
#[derive(Debug)]
pub struct EximServer {
    _process: Tethered, // dropped before the folder
    port: u16,
    folder: TempDir,
}

impl EximServer {
    /// The domain of the addresses that it takes; any local part.
    pub const DOMAIN: &str = "gateway.test";

    /// Starts one and waits until it greets.
    ///
    /// # Panics
    /// When `exim4` is missing (with the command that installs it) or does not come up in 30 s.
    pub async fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("mtan-exim-").tempdir().expect("a temporary folder");
        let deadline = Instant::now() + DEADLINE;
        loop {
            // another port each time: somebody may have taken the last one between the look and the start
            let port = free_port();
            prepare(folder.path(), port);
            if let Some(process) = boot(port, folder.path(), deadline).await {
                return Self { _process: process, port, folder };
            }
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// The files in its maildir: mails as they were delivered, with the headers that it adds.
    pub fn mails(&self) -> Vec<Vec<u8>> {
        let files = fs::read_dir(self.folder.path().join("mail/new")).into_iter().flatten();
        let mut paths: Vec<PathBuf> = files.flatten().map(|file| file.path()).collect();
        paths.sort();
        paths.iter().filter_map(|path| fs::read(path).ok()).collect()
    }

    /// Waits until at least `n` mails were delivered.
    ///
    /// # Panics
    /// After 30 s, with its log.
    pub async fn wait_for_mails(&self, n: usize) -> Vec<Vec<u8>> {
        wait_until(&format!("{n} delivered mails"), DEADLINE, async || {
            let mails = self.mails();
            if mails.len() >= n { Ok(mails) } else { Err(format!("{}; log:\n{}", mails.len(), self.log())) }
        })
        .await
    }

    /// Its log so far.
    pub fn log(&self) -> String {
        read_log(self.folder.path())
    }
}

/// Its configuration and folders. Where root starts it, it works as [`USER`], who must be able to write there.
fn prepare(folder: &Path, port: u16) {
    let everybody = |path: &Path, mode| {
        fs::set_permissions(path, Permissions::from_mode(mode)).expect("the folder is ours");
    };
    everybody(folder, 0o755);
    for name in ["spool", "log", "mail"] {
        let path = folder.join(name);
        fs::create_dir_all(&path).expect("a folder in ours");
        everybody(&path, 0o777);
    }
    let file = folder.join("exim.conf");
    fs::write(&file, configuration(folder, port)).expect("a file in our folder");
    everybody(&file, 0o644); // Exim refuses one that others can write
}

fn configuration(folder: &Path, port: u16) -> String {
    let folder = folder.display();
    let domain = EximServer::DOMAIN;
    let host = host(port);
    let process = fs::metadata("/proc/self").expect("there is /proc");
    let (process_user, delivery_user) = match process.uid() {
        0 => (String::new(), format!("user = {USER}")),
        uid => (
            format!("exim_user = {uid}\nexim_group = {}\ndeliver_drop_privilege", process.gid()),
            String::new(),
        ),
    };
    format!(
        "primary_hostname = {host}
spool_directory = {folder}/spool
log_file_path = {folder}/log/%s
pid_file_path = {folder}/exim.pid
keep_environment =
{process_user}
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
tls_advertise_hosts =
acl_smtp_rcpt = recipient
acl_smtp_data = content
begin acl
recipient:
  accept domains = {domain}
  deny message = relaying denied
content:
  deny message = a message needs Message-ID, Date and From
       condition = ${{if or {{{{!def:h_Message-ID:}}{{!def:h_Date:}}{{!def:h_From:}}}}}}
  deny !verify = header_syntax
  accept
begin routers
all:
  driver = accept
  domains = {domain}
  transport = maildir
begin transports
maildir:
  driver = appendfile
  directory = {folder}/mail
  maildir_format
  {delivery_user}
"
    )
}

/// The name in its banner: nobody else's.
fn host(port: u16) -> String {
    format!("exim-{}-{port}.test", std::process::id())
}

/// A server that greets on `port`, or `None` if it ended at once, as it does when the port is taken.
async fn boot(port: u16, folder: &Path, deadline: Instant) -> Option<Tethered> {
    let mut process = spawn(folder);
    loop {
        let status = match timeout(Duration::from_secs(2), banner(port)).await {
            Ok(Ok(banner)) if banner.contains(&host(port)) => return Some(process),
            Ok(Ok(banner)) => format!("somebody else answers there: {banner}"),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no banner for two seconds".to_owned(),
        };
        let ended = process.try_wait().expect("our own child can be waited for");
        if Instant::now() >= deadline {
            panic!(
                "exim4 did not come up on port {port} in {DEADLINE:?}: {status}; log:\n{}",
                read_log(folder)
            );
        }
        if ended.is_some() {
            return None;
        }
        sleep(POLL_INTERVAL).await;
    }
}

fn spawn(folder: &Path) -> Tethered {
    let output = fs::File::create(folder.join("output")).expect("a file in our folder");
    let mut command = Command::new(require("exim4", "exim4-daemon-light"));
    command
        .arg("-C")
        .arg(folder.join("exim.conf"))
        .arg("-bdf")
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(output);
    Tethered::spawn(&mut command, Some(folder)).expect("exim4 starts")
}

async fn banner(port: u16) -> std::io::Result<String> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).await?;
    Ok(line)
}

/// Everything that it wrote down.
fn read_log(folder: &Path) -> String {
    let files = ["output", "log/main", "log/reject", "log/panic"];
    files.iter().filter_map(|name| fs::read_to_string(folder.join(name)).ok()).collect()
}
