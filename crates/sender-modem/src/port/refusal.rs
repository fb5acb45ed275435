//! Why a port cannot be opened, in words for the person who plugged the modem in.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use tokio_serial::ErrorKind;

/// Why a port cannot be opened. `Display` says what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// There is nothing of that name: not plugged in, or under another name.
    #[error("{0} is not there: is the modem plugged in? `mtan modem scan` finds modems")]
    Missing(String),
    /// The process may not open it.
    #[error("{port} may not be opened by this user: {remedy}")]
    Forbidden {
        /// The port.
        port: String,
        /// What to do.
        remedy: String,
    },
    /// Somebody else has it.
    #[error("{port} is in use{by}")]
    Busy {
        /// The port.
        port: String,
        /// By whom, as far as can be seen, and what to do.
        by: String,
    },
    /// Anything else.
    #[error("{port} cannot be opened: {why}")]
    Other {
        /// The port.
        port: String,
        /// The system's words.
        why: String,
    },
}

impl OpenError {
    pub(super) fn of_port(port: &Path, real: &Path, error: &tokio_serial::Error) -> OpenError {
        let name = port.display().to_string();
        match error.kind() {
            ErrorKind::Io(io::ErrorKind::NotFound) => OpenError::Missing(name),
            ErrorKind::Io(io::ErrorKind::PermissionDenied) => {
                OpenError::Forbidden { port: name, remedy: remedy(real) }
            }
            // TIOCEXCL, and the lock on the file
            ErrorKind::NoDevice | ErrorKind::Io(io::ErrorKind::WouldBlock) if real.exists() => {
                OpenError::busy(real, None)
            }
            _ if error.description.contains("exclusive lock") => OpenError::busy(real, None),
            _ if !real.exists() => OpenError::Missing(name),
            _ => OpenError::Other { port: name, why: error.description.clone() },
        }
    }

    pub(super) fn of_connection(address: &str, error: &io::Error) -> OpenError {
        OpenError::Other { port: format!("tcp:{address}"), why: error.to_string() }
    }

    /// `pid` has it, or whoever is found.
    pub(super) fn busy(real: &Path, pid: Option<u32>) -> OpenError {
        let pid = pid.or_else(|| holder(real));
        let by = match pid.map(|pid| (pid, program(pid))) {
            // whose files they are, only root may see; whether it runs, everybody
            None => match processes().find(|pid| program(*pid).is_some_and(|name| is_modem_manager(&name))) {
                Some(pid) => format!(", most likely{}", by_modem_manager(pid)),
                None => ": another program has it (`sudo fuser -v` names it)".to_owned(),
            },
            Some((pid, Some(name))) if is_modem_manager(&name) => by_modem_manager(pid),
            Some((pid, Some(name))) => format!(" by {name} (process {pid})"),
            Some((pid, None)) => format!(" by process {pid}"),
        };
        OpenError::Busy { port: real.display().to_string(), by }
    }
}

fn is_modem_manager(program: &str) -> bool {
    program.starts_with("ModemManager")
}

fn by_modem_manager(pid: u32) -> String {
    format!(
        " by ModemManager (process {pid}): `systemctl stop ModemManager`, or let it leave this modem alone by the udev rule in \
         deploy/udev/70-mtan-modem.rules"
    )
}

/// The group that may open it.
fn remedy(real: &Path) -> String {
    let group = fs::metadata(real).ok().and_then(|about| group_name(about.gid()));
    match group.as_deref() {
        None | Some("root") => format!(
            "give it a group by a udev rule (deploy/udev/70-mtan-modem.rules); now it belongs to {}",
            group.as_deref().unwrap_or("nobody known")
        ),
        Some(group) => {
            format!(
                "it belongs to the group {group}: `sudo usermod -aG {group} USER`, and log in again (a service: SupplementaryGroups={group})"
            )
        }
    }
}

fn group_name(gid: u32) -> Option<String> {
    let groups = fs::read_to_string("/etc/group").ok()?;
    let line = groups.lines().find(|line| line.split(':').nth(2) == Some(&gid.to_string()))?;
    line.split(':').next().map(str::to_owned)
}

/// Another process that has it open, as far as we may look: root sees all, others see their own.
pub(super) fn holder(real: &Path) -> Option<u32> {
    processes().find(|pid| *pid != std::process::id() && open_files(*pid).any(|file| file == real))
}

fn processes() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn open_files(pid: u32) -> impl Iterator<Item = PathBuf> {
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().filter_map(Result::ok);
    descriptors.filter_map(|descriptor| fs::read_link(descriptor.path()).ok())
}

fn program(pid: u32) -> Option<String> {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
    Some(name.trim().to_owned())
}
