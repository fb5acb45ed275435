//! A gate that bytes pass one way or not at all.

use std::io;
use std::sync::{PoisonError, RwLock};

use tokio::io::AsyncWriteExt;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::watch;

/// Bytes that are read before they are passed on.
const BLOCK: usize = 16 * 1024;

/// Open or shut, for all connections of a proxy. Once [`shut`](Self::shut) returns, not one byte more passes.
#[derive(Debug)]
pub(super) struct Gate {
    is_open: RwLock<bool>, // asked while a byte passes
    changes: watch::Sender<bool>,
}

impl Gate {
    pub(super) fn new() -> Self {
        Self { is_open: RwLock::new(true), changes: watch::Sender::new(true) }
    }

    pub(super) fn open(&self) {
        self.set(true);
    }

    pub(super) fn shut(&self) {
        self.set(false);
    }

    fn set(&self, is_open: bool) {
        let mut now = self.is_open.write().unwrap_or_else(PoisonError::into_inner);
        *now = is_open;
        self.changes.send_replace(is_open);
    }

    /// Returns when it is open.
    pub(super) async fn opened(&self) {
        // an error would mean that the gate, which we borrow, is gone
        self.changes.subscribe().wait_for(|is_open| *is_open).await.ok();
    }

    /// Does `pass`, which must not wait, if the gate is open all the while.
    fn try_pass<T>(&self, pass: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let is_open = self.is_open.read().unwrap_or_else(PoisonError::into_inner);
        if *is_open { pass() } else { Err(io::ErrorKind::WouldBlock.into()) }
    }

    /// Passes on all that `from` has, up to and with its end.
    ///
    /// # Errors
    /// When either side breaks, and not before the gate is open: a break is news too.
    pub(super) async fn pump(&self, from: ReadHalf<'_>, mut to: WriteHalf<'_>) -> io::Result<()> {
        let passed = self.pass_all(&from, &mut to).await;
        self.opened().await;
        passed?;
        to.shutdown().await
    }

    async fn pass_all(&self, from: &ReadHalf<'_>, to: &mut WriteHalf<'_>) -> io::Result<()> {
        let mut block = vec![0; BLOCK];
        loop {
            from.readable().await?;
            match from.try_read(&mut block) {
                Ok(0) => return Ok(()),
                Ok(length) => self.pass(&block[..length], to).await?,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }

    async fn pass(&self, mut bytes: &[u8], to: &mut WriteHalf<'_>) -> io::Result<()> {
        while !bytes.is_empty() {
            self.opened().await;
            to.writable().await?;
            match self.try_pass(|| to.try_write(bytes)) {
                Ok(length) => bytes = &bytes[length..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
