//! How far the run is: a bar on a terminal, plain lines elsewhere. On stderr: stdout has the table.

use std::io::{self, IsTerminal, Write};

use indicatif::{ProgressBar, ProgressStyle};

/// The run's progress, in steps.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
}

impl Progress {
    pub(crate) fn start() -> Progress {
        let bar = io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{elapsed_precise} {bar:30} {pos}/{len} {msg}");
            ProgressBar::new(0).with_style(style.expect("a template of known keys"))
        });
        Progress { bar }
    }

    /// So many more steps are to come.
    pub(crate) fn expect(&self, steps: u32) {
        if let Some(bar) = &self.bar {
            bar.inc_length(steps.into());
        }
    }

    /// A step begins.
    pub(crate) fn say(&self, what: &str) {
        match &self.bar {
            Some(bar) => bar.set_message(what.to_owned()),
            // a progress that nobody can read any more is no reason to stop
            None => writeln!(io::stderr(), "{what}").unwrap_or_default(),
        }
    }

    /// A step is done.
    pub(crate) fn step(&self) {
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
    }

    pub(crate) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
