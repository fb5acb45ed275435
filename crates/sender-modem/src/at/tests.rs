//! The dialogue with scripted modems.

mod commands;
mod hostile;
mod submissions;

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::*;

/// A modem that writes what the script says. The clock of these tests is tokio's, paused.
pub(crate) struct Script {
    pub(crate) end: DuplexStream,
    pub(crate) read: String,
}

impl Script {
    /// Both ends of the line; the dialogue is past its first ESC.
    pub(crate) async fn settled() -> (Dialogue<DuplexStream>, Script) {
        let (ours, end) = duplex(1 << 16);
        let (mut dialogue, mut script) = (Dialogue::new(ours), Script { end, read: String::new() });
        let (escaped, ()) = tokio::join!(dialogue.escape(), async {
            script.wait_for("AT\r").await;
            // A number: whether the modem answers in words is not known yet.
            script.say("\r\n0\r\n").await;
        });
        escaped.unwrap();
        (dialogue, script)
    }

    /// Reads until `text` has come; then forgets what was read.
    pub(crate) async fn wait_for(&mut self, text: &str) {
        while !self.read.contains(text) {
            let mut chunk = [0; 1024];
            let length = self.end.read(&mut chunk).await.unwrap();
            assert!(length > 0, "the line was closed before {text:?}, after {:?}", self.read);
            self.read.push_str(&String::from_utf8_lossy(&chunk[..length]));
        }
        self.read.clear();
    }

    pub(crate) async fn say(&mut self, text: &str) {
        self.end.write_all(text.as_bytes()).await.unwrap();
    }

    /// One byte at a time, each on its own.
    pub(crate) async fn say_in_bytes(&mut self, text: &str) {
        for byte in text.as_bytes() {
            self.end.write_all(&[*byte]).await.unwrap();
            tokio::task::yield_now().await;
        }
    }
}

/// What `command` comes to when the modem answers `reply`.
pub(crate) async fn answered(command: &Command, reply: &str) -> Result<Answer, AtError> {
    let (mut dialogue, mut script) = Script::settled().await;
    let (answer, ()) = tokio::join!(dialogue.command(command), async {
        script.wait_for("\r").await;
        script.say(reply).await;
    });
    answer
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
