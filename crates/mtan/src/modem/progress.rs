//! What is going on, on a terminal; nothing at all where the output goes elsewhere.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use mtan_sender_modem::gnokiirc::Place;

use super::page;

/// Gone when it ends: what stays on the terminal is the answer.
pub(super) struct Progress(ProgressBar);

impl Progress {
    pub(super) fn of(steps: usize, what: &'static str) -> Progress {
        let bar = ProgressBar::new(u64::try_from(steps).unwrap_or(u64::MAX)).with_message(what);
        Progress::begin(bar, "{bar:30} {pos} of {len} {msg}, {elapsed}")
    }

    pub(super) fn of_one(port: &Place) -> Progress {
        let bar = ProgressBar::new_spinner().with_message(format!("asking {}", page::port(port)));
        Progress::begin(bar, "{spinner} {msg}, {elapsed}")
    }

    fn begin(bar: ProgressBar, template: &str) -> Progress {
        bar.set_style(ProgressStyle::with_template(template).expect("a template that is known"));
        bar.enable_steady_tick(Duration::from_millis(120));
        Progress(bar)
    }

    pub(super) fn step(&self) {
        self.0.inc(1);
    }

    pub(super) fn end(self) {
        self.0.finish_and_clear();
    }
}
