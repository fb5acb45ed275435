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
        self.wait_for_any(&[text]).await;
    }

    /// Reads until one of `texts` has come, and takes what was read up to its end.
    pub(crate) async fn wait_for_any(&mut self, texts: &[&str]) -> String {
        loop {
            let ends = texts.iter().filter_map(|text| Some(self.read.find(text)? + text.len()));
            if let Some(end) = ends.min() {
                return self.read.drain(..end).collect();
            }
            let mut chunk = [0; 1024];
            let length = self.end.read(&mut chunk).await.unwrap();
            assert!(length > 0, "the line was closed before {texts:?}, after {:?}", self.read);
            self.read.push_str(&String::from_utf8_lossy(&chunk[..length]));
        }
    }

    /// What was written and nobody has waited for.
    pub(crate) async fn pending(&mut self) -> String {
        let mut chunk = [0; 1024];
        let read = tokio::time::timeout(Duration::from_millis(1), self.end.read(&mut chunk)).await;
        self.read.push_str(&String::from_utf8_lossy(&chunk[..read.map_or(0, Result::unwrap)]));
        std::mem::take(&mut self.read)
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
