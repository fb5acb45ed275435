//! What the walk through one section has found so far.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;

use super::error::Fault;

/// The mistakes of one section, and which of its keys the next walk leaves out or fills in because of them.
pub(super) struct Ledger<'a> {
    /// Where the configuration file lies: paths in it start there.
    pub(super) folder: &'a Path,
    faults: RefCell<Vec<Fault>>,
    refused: RefCell<BTreeSet<String>>,
    stand_ins: RefCell<BTreeSet<String>>,
}

impl<'a> Ledger<'a> {
    pub(super) fn new(folder: &'a Path) -> Ledger<'a> {
        Ledger {
            folder,
            faults: RefCell::default(),
            refused: RefCell::default(),
            stand_ins: RefCell::default(),
        }
    }

    /// Notes a mistake once, however often the walk comes by.
    pub(super) fn fault(&self, key: impl Into<String>, message: impl Into<String>) {
        push(&mut self.faults.borrow_mut(), Fault { key: key.into(), message: message.into() });
    }

    /// From now on `path` is read as if it were not there. False if that was so already.
    pub(super) fn refuse(&self, path: &str) -> bool {
        self.refused.borrow_mut().insert(path.to_owned())
    }

    pub(super) fn is_refused(&self, path: &str) -> bool {
        self.refused.borrow().contains(path)
    }

    /// From now on anything is read at `path`, to find the mistakes behind it. False if that was so already.
    pub(super) fn stand_in(&self, path: &str) -> bool {
        self.stand_ins.borrow_mut().insert(path.to_owned())
    }

    pub(super) fn has_stand_in(&self, path: &str) -> bool {
        self.stand_ins.borrow().contains(path)
    }

    pub(super) fn stand_ins(&self) -> Vec<String> {
        self.stand_ins.borrow().iter().cloned().collect()
    }

    pub(super) fn into_faults(self) -> Vec<Fault> {
        self.faults.into_inner()
    }
}

/// Appends a fault that is not there yet.
pub(super) fn push(faults: &mut Vec<Fault>, fault: Fault) {
    if !faults.contains(&fault) {
        faults.push(fault);
    }
}
