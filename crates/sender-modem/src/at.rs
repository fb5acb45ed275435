//! The AT dialogue with a modem over any stream: one command at a time, and what the modem says by itself in between.

mod command;
mod dialogue;
mod error;
mod line;
mod prompt;
mod result;
mod urc;

pub use command::{Command, LOCAL};
pub use dialogue::{Answer, Dialogue, Wire};
pub use error::{AtError, Refusal};
pub use line::{Awaited, Lines, MAX_LINE, Token};
pub use prompt::{Prompt, SubmitError};
pub use result::FinalResult;
pub use urc::{Domain, Urc, UrcReader};

#[cfg(test)]
pub(crate) mod tests;
