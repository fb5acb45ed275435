//! From bytes to lines: every line end that modems use, bounded, and the prompt where one is awaited.

use std::collections::VecDeque;

/// The longest line that is read, in bytes; a longer one is dropped as a whole.
pub const MAX_LINE: usize = 2048;

/// What may come next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Awaited {
    /// Lines only: a `>` is a character as any other.
    Lines,
    /// Lines, or a prompt: `>` at the start of a line.
    Prompt,
}

/// What was read.
#[derive(PartialEq, Eq)]
pub enum Token {
    /// A line that is not empty, without its end, control characters and the blanks around it.
    Line(String),
    /// The modem waits for the body of a message.
    Prompt,
}

/// The reader: bytes are pushed in as they come, in any fragments, and tokens taken out.
#[derive(Default)]
pub struct Lines {
    input: VecDeque<u8>,
    line: Vec<u8>,
    too_long: bool,
}

impl Lines {
    /// Takes bytes that have come.
    pub fn push(&mut self, bytes: &[u8]) {
        self.input.extend(bytes);
    }

    /// The next token of what was pushed; `None` when more bytes are needed. CR and LF end a line, each of them alone too.
    pub fn next(&mut self, awaited: Awaited) -> Option<Token> {
        while let Some(byte) = self.input.pop_front() {
            match byte {
                b'\r' | b'\n' => {
                    if let Some(line) = self.end() {
                        return Some(Token::Line(line));
                    }
                }
                b'>' if awaited == Awaited::Prompt && self.is_at_start() => return Some(Token::Prompt),
                b' ' if self.is_at_start() => {}
                // Echoed ESC and Ctrl-Z, NULs of a port that was just opened.
                0..0x20 | 0x7f => {}
                byte if self.line.len() < MAX_LINE => self.line.push(byte),
                _ => self.too_long = true,
            }
        }
        None
    }

    /// Forgets a line that has only begun.
    pub fn clear(&mut self) {
        self.line.clear();
        self.too_long = false;
    }

    /// Forgets a prompt that nobody awaited: the prompt that is awaited now need not have a line end before it.
    pub(crate) fn forget_prompt(&mut self) {
        if self.line.iter().all(|byte| b"> ".contains(byte)) {
            self.clear();
        }
    }

    fn is_at_start(&self) -> bool {
        self.line.is_empty() && !self.too_long
    }

    fn end(&mut self) -> Option<String> {
        let (line, too_long) = (std::mem::take(&mut self.line), std::mem::take(&mut self.too_long));
        let line = String::from_utf8_lossy(&line).trim().to_owned();
        (!line.is_empty() && !too_long).then_some(line)
    }
}
