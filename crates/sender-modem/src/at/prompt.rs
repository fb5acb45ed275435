//! A modem that waits for the body of a message.

use std::time::Duration;

use tokio::time::Instant;
use zeroize::Zeroizing;

use super::command::Command;
use super::dialogue::{Answer, Dialogue, Heard, Wire, refused, timed_out};
use super::error::AtError;
use super::line::Awaited;
use super::result::FinalResult;

const CTRL_Z: u8 = 0x1a;

/// How long the port may take for the body.
const BODY: Duration = Duration::from_secs(10);

/// How long after `+CMGS: n` the `OK` is waited for.
const AFTERWARDS: Duration = Duration::from_secs(5);

/// The prompt has come. Dropped without [`Prompt::submit`], it makes the next command begin with ESC.
pub struct Prompt<'a, S> {
    dialogue: &'a mut Dialogue<S>,
}

/// Why a body came to nothing: whether Ctrl-Z was out makes all the difference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// It was not submitted.
    #[error("not submitted: {0}")]
    Before(AtError),
    /// It was submitted and refused.
    #[error("{0}")]
    Refused(AtError),
    /// It may have been submitted, and no answer came that says more.
    #[error("submitted, and then: {0}")]
    After(AtError),
}

impl<'a, S: Wire> Prompt<'a, S> {
    pub(super) fn new(dialogue: &'a mut Dialogue<S>) -> Prompt<'a, S> {
        Prompt { dialogue }
    }

    /// Writes `body` and Ctrl-Z, and waits for the result. Information of `command` (`+CMGS: n`) is success whatever comes
    /// behind it; `OK` without it is an answer without lines, for some modems say so to a failure too.
    pub async fn submit(mut self, command: &Command, body: &str) -> Result<Answer, SubmitError> {
        self.write_body(command, body).await.map_err(SubmitError::Before)?;
        let until = Instant::now() + command.time_out;
        let end = self.dialogue.write(&[CTRL_Z], until).await.map_err(SubmitError::After)?;
        if !end {
            return Err(SubmitError::After(timed_out(command)));
        }
        self.result(command, body, until).await
    }

    /// Leaves the entry with ESC.
    pub async fn cancel(self) -> Result<(), AtError> {
        self.dialogue.escape().await
    }

    async fn result(self, command: &Command, body: &str, mut until: Instant) -> Result<Answer, SubmitError> {
        let mut answer = Answer::default();
        let mut has_information = false;
        loop {
            let heard = self.dialogue.hear(command, Some(body), Awaited::Lines, until).await;
            match heard {
                Ok(Heard::Information(line)) => {
                    answer.push(line);
                    has_information = true;
                    until = Instant::now() + AFTERWARDS;
                }
                Ok(Heard::Final(result)) => {
                    self.dialogue.settled = true;
                    return match result {
                        FinalResult::Refused(refusal) if !has_information => {
                            Err(SubmitError::Refused(refused(command, refusal)))
                        }
                        _ => Ok(answer),
                    };
                }
                Ok(Heard::Aside | Heard::Prompt) => {}
                Ok(Heard::Silence) | Err(_) if has_information => return Ok(answer),
                Ok(Heard::Silence) => return Err(SubmitError::After(timed_out(command))),
                Err(error) => return Err(SubmitError::After(error)),
            }
        }
    }

    async fn write_body(&mut self, command: &Command, body: &str) -> Result<(), AtError> {
        let bytes = Zeroizing::new(body.as_bytes().to_vec());
        match self.dialogue.write(&bytes, Instant::now() + BODY).await? {
            true => Ok(()),
            false => Err(timed_out(command)),
        }
    }
}
