//! A terminal on the modem's tty.

use std::time::Duration;

use mtan_testkit::modem::ModemSim;
use rustix::fs::{Mode, OFlags, open};
use tokio::io::AsyncWriteExt;
use tokio::net::unix::pipe::{Receiver, Sender};
use tokio::time::timeout;

/// +491234567890, "hellohello": the address of TS 23.040 §9.1.2.5's kind, the text of TS 23.038 §6.1.2.
pub(crate) const SUBMIT: &str = "0011000C919421436587090000AA0AE8329BFD4697D9EC37";
/// Its octets without the service centre's.
pub(crate) const SUBMIT_LENGTH: usize = 23;

/// Room for a loaded machine.
const DEADLINE: Duration = Duration::from_secs(10);
/// Long enough for an answer that is not to come.
const SILENCE: Duration = Duration::from_millis(200);

pub(crate) struct Client {
    hears: Receiver,
    speaks: Sender,
}

impl Client {
    pub(crate) fn open(sim: &ModemSim) -> Self {
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let tty = open(sim.path(), flags, Mode::empty()).unwrap();
        let hears = Receiver::from_owned_fd_unchecked(tty.try_clone().unwrap()).unwrap();
        Self { hears, speaks: Sender::from_owned_fd_unchecked(tty).unwrap() }
    }

    pub(crate) async fn write(&mut self, text: &str) {
        self.speaks.write_all(text.as_bytes()).await.unwrap();
    }

    /// A command line and all of its answer.
    pub(crate) async fn ask(&mut self, command: &str) -> String {
        self.say(&format!("{command}\r")).await
    }

    /// Text and all of the answer, which ends with a result code or a prompt.
    pub(crate) async fn say(&mut self, text: &str) -> String {
        self.write(text).await;
        self.answer().await
    }

    pub(crate) async fn answer(&mut self) -> String {
        let ends = ["\r\nOK\r\n", "ERROR\r\n", "> ", "\r0\r", "\r4\r", "\n0\r", "\n4\r"];
        self.until(|answer| {
            ends.iter().any(|end| answer.ends_with(end))
                || (answer.contains("ERROR: ") && answer.ends_with("\r\n"))
        })
        .await
    }

    /// Everything up to where `done` is satisfied.
    pub(crate) async fn until(&mut self, done: impl Fn(&str) -> bool) -> String {
        let mut answer = Vec::new();
        let read = timeout(DEADLINE, async {
            loop {
                let text = String::from_utf8_lossy(&answer).into_owned();
                if done(&text) {
                    return text;
                }
                assert!(self.read(&mut answer).await, "the end after {text:?}");
            }
        });
        let read = read.await;
        read.unwrap_or_else(|_| panic!("no more after {:?}", String::from_utf8_lossy(&answer)))
    }

    /// Whether nothing comes for a while.
    pub(crate) async fn is_silent(&mut self) -> bool {
        let mut heard = Vec::new();
        timeout(SILENCE, self.read(&mut heard)).await.is_err() && heard.is_empty()
    }

    /// Whether the tty goes away, whatever it still says.
    pub(crate) async fn is_gone(&mut self) -> bool {
        let mut heard = Vec::new();
        timeout(DEADLINE, async { while self.read(&mut heard).await {} }).await.is_ok()
    }

    async fn read(&mut self, into: &mut Vec<u8>) -> bool {
        loop {
            let mut buffer = [0; 1024];
            self.hears.readable().await.unwrap();
            match self.hears.try_read(&mut buffer) {
                Ok(0) => return false,
                Ok(length) => {
                    into.extend(&buffer[..length]);
                    return true;
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => return false, // EIO: unplugged
            }
        }
    }
}
