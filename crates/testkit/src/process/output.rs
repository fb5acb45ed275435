//! What a process prints, line by line.

use std::fmt;
use std::io::{BufRead, BufReader, Read};
use std::process::{ChildStderr, ChildStdout};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

/// The lines of all runs of a process. Displayed for a person, with the runs told apart.
#[derive(Debug, Default)]
pub(super) struct Output {
    run: usize,
    lines: Arc<Mutex<Vec<Line>>>,
    readers: Vec<JoinHandle<()>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stream {
    Stdout,
    Stderr,
}

#[derive(Debug)]
struct Line {
    run: usize,
    stream: Stream,
    text: String,
}

impl Output {
    /// A new run begins: what is read from here on belongs to it.
    pub(super) fn begin(&mut self, stdout: ChildStdout, stderr: ChildStderr) {
        self.run += 1;
        self.readers = vec![self.read(stdout, Stream::Stdout), self.read(stderr, Stream::Stderr)];
    }

    /// Whether the last line of this run has been read.
    pub(super) fn is_complete(&self) -> bool {
        self.readers.iter().all(JoinHandle::is_finished)
    }

    /// The lines of this run, without their line ends.
    pub(super) fn lines(&self, wanted: impl Fn(Stream) -> bool) -> Vec<String> {
        lock(&self.lines)
            .iter()
            .filter(|line| line.run == self.run && wanted(line.stream))
            .map(|line| line.text.clone())
            .collect()
    }

    /// A thread and not a task: it goes on reading while the test's runtime is busy, so that the process never
    /// waits for us.
    fn read(&self, pipe: impl Read + Send + 'static, stream: Stream) -> JoinHandle<()> {
        let (run, lines) = (self.run, Arc::clone(&self.lines));
        thread::spawn(move || {
            for text in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
                let text = String::from_utf8_lossy(&text).trim_end_matches('\r').to_owned();
                lock(&lines).push(Line { run, stream, text });
            }
        })
    }
}

impl fmt::Display for Output {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "output (1 = stdout, 2 = stderr):")?;
        let mut run = 1;
        for line in lock(&self.lines).iter() {
            if line.run != run {
                run = line.run;
                write!(formatter, "\n--- start {run}")?;
            }
            let stream = if line.stream == Stream::Stdout { 1 } else { 2 };
            write!(formatter, "\n{stream}| {}", line.text)?;
        }
        Ok(())
    }
}

fn lock(lines: &Mutex<Vec<Line>>) -> MutexGuard<'_, Vec<Line>> {
    lines.lock().unwrap_or_else(PoisonError::into_inner)
}
