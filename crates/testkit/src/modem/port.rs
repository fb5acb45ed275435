//! The modem's tty: a pseudo terminal whose other end anybody may open, with a name that stays over a replug.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::fs::{Mode, OFlags, fcntl_getfl, fcntl_setfl, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, QueueSelector, ioctl_tiocnxcl, tcflush, tcgetattr, tcsetattr};
use tokio::net::unix::pipe::{Receiver, Sender};

/// One tty that is plugged in. Dropped = unplugged: whoever has it open reads an end of file.
#[derive(Debug)]
pub(super) struct Port {
    // tokio's pipes are no more than a registered descriptor with read and write, and that without `unsafe`
    hears: Receiver,
    speaks: Sender,
    visits: Receiver,
    tty: Arc<OwnedFd>,
    name: PathBuf,
    visitors: usize,
    openings: usize,
    closed: bool,
}

/// The tty's own end, held open: the number of a closed tty would be given to the next one at once, and a real
/// device never comes back under the name that a program still has open.
#[derive(Debug)]
pub(super) struct Kept(#[expect(dead_code, reason = "held, not used")] Arc<OwnedFd>);

/// What comes from the client's side.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    Bytes(Vec<u8>),
    /// The last program that had it open has closed it.
    Closed,
}

impl Port {
    /// A new tty in raw mode.
    pub(super) fn plug() -> io::Result<Self> {
        let modem = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&modem)?;
        unlockpt(&modem)?;
        let name = ptsname(&modem, Vec::new())?;
        let name = PathBuf::from(name.into_string().map_err(io::Error::other)?);
        let tty = open(&name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty())?;
        let mut mode = tcgetattr(&tty)?;
        mode.make_raw();
        tcsetattr(&tty, OptionalActions::Now, &mode)?;
        fcntl_setfl(&modem, fcntl_getfl(&modem)? | OFlags::NONBLOCK)?;
        let visits = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        inotify::add_watch(
            &visits,
            &name,
            WatchFlags::OPEN | WatchFlags::CLOSE_WRITE | WatchFlags::CLOSE_NOWRITE,
        )?;
        Ok(Self {
            hears: Receiver::from_owned_fd_unchecked(modem.try_clone()?)?,
            speaks: Sender::from_owned_fd_unchecked(modem)?,
            visits: Receiver::from_owned_fd_unchecked(visits)?,
            tty: Arc::new(tty),
            name,
            visitors: 0,
            openings: 0,
            closed: false,
        })
    }

    /// Its present name, such as `/dev/pts/7`.
    pub(super) fn name(&self) -> &Path {
        &self.name
    }

    /// Keeps the name taken when this is dropped.
    pub(super) fn keep(&self) -> Kept {
        Kept(Arc::clone(&self.tty))
    }

    /// How many descriptors of other programs are open.
    pub(super) fn visitors(&self) -> usize {
        self.visitors
    }

    /// How often it was opened since this was asked last.
    pub(super) fn new_openings(&mut self) -> usize {
        std::mem::take(&mut self.openings)
    }

    /// The next bytes, or that everybody has gone. What nobody read is thrown away then, as the driver of a real
    /// port does, and so is a TIOCEXCL that a killed program has left behind.
    pub(super) async fn arrival(&mut self) -> io::Result<Arrival> {
        loop {
            if std::mem::take(&mut self.closed) {
                return Ok(Arrival::Closed);
            }
            tokio::select! {
                biased; // who closed and opened again before he wrote has closed first
                ready = self.visits.readable() => {
                    ready?;
                    self.count_visitors()?;
                }
                ready = self.hears.readable() => {
                    ready?;
                    let mut buffer = [0; 4096];
                    match self.hears.try_read(&mut buffer) {
                        Ok(length) => return Ok(Arrival::Bytes(buffer[..length].to_vec())),
                        Err(error) if is_passing(&error) => {}
                        Err(error) => return Err(error),
                    }
                }
            }
        }
    }

    /// Writes all of it; waits while the client does not read. With nobody there it waits only as long as the
    /// tty's own buffer has room, and the rest is lost.
    pub(super) async fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.speaks.try_write(bytes) {
                Ok(length) => bytes = &bytes[length..],
                Err(error) if is_passing(&error) && self.visitors == 0 => return Ok(()),
                Err(error) if is_passing(&error) => {
                    let left = tokio::select! {
                        ready = self.speaks.writable() => ready.map(|()| false)?,
                        ready = self.visits.readable() => ready.map(|()| true)?,
                    };
                    if left {
                        self.count_visitors()?;
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads what inotify has, and cleans up when the last visitor has left.
    fn count_visitors(&mut self) -> io::Result<()> {
        let mut buffer = [0; 4096];
        let length = match self.visits.try_read(&mut buffer) {
            Ok(length) => length,
            Err(error) if is_passing(&error) => return Ok(()),
            Err(error) => return Err(error),
        };
        let mut everybody_left = false;
        // inotify(7): wd, mask, cookie, len, 32 bits each; a file that is watched itself has no name behind them
        for event in buffer[..length].as_chunks::<16>().0 {
            let mask = u32::from_ne_bytes([event[4], event[5], event[6], event[7]]);
            let happened = ReadFlags::from_bits_retain(mask);
            if happened.contains(ReadFlags::OPEN) {
                self.visitors += 1;
                self.openings += 1;
            } else if happened.intersects(ReadFlags::CLOSE_WRITE | ReadFlags::CLOSE_NOWRITE) {
                self.visitors = self.visitors.saturating_sub(1);
                everybody_left |= self.visitors == 0; // also if somebody has come again since
            }
        }
        self.closed |= everybody_left;
        if everybody_left && self.visitors == 0 {
            ioctl_tiocnxcl(&*self.tty)?;
            tcflush(&*self.tty, QueueSelector::IFlush)?;
        }
        Ok(())
    }
}

fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// A name that always leads to the modem while it is plugged in, as `/dev/serial/by-id/…` does.
#[derive(Debug)]
pub(super) struct Link(pub(super) PathBuf);

impl Link {
    /// Leads to `tty` from now on; the change is seen at once and whole.
    pub(super) fn lead_to(&self, tty: &Path) -> io::Result<()> {
        let mut fresh = self.0.clone().into_os_string();
        fresh.push(".new");
        remove(Path::new(&fresh))?;
        symlink(tty, &fresh)?;
        fs::rename(&fresh, &self.0)
    }

    /// The modem is not there any more.
    pub(super) fn remove(&self) -> io::Result<()> {
        remove(&self.0)
    }
}

fn remove(link: &Path) -> io::Result<()> {
    match fs::remove_file(link) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
