//! The layers of a configuration at one key: the environment over the file, `<key>_file` in place of `<key>`.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;

use toml::{Table, Value};

use super::error::Fault;
use super::mistake::Place;
use super::nearest::hint;
use super::{TOP_LEVEL, secret};

/// `MTAN__SMS__SMSPROVIDERTIMEOUT=300`, split at the double underscores.
#[derive(Debug)]
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) segments: Vec<String>,
    pub(super) value: String,
}

/// A variable as seen from some key: the segments that still lead further down.
#[derive(Clone, Copy)]
pub(super) struct Var<'a> {
    name: &'a str,
    rest: &'a [String],
    value: &'a str,
}

impl Variable {
    pub(super) fn from_root(&self) -> Var<'_> {
        Var { name: &self.name, rest: &self.segments, value: &self.value }
    }
}

/// What the walk through one section has found so far.
pub(super) struct Ledger<'a> {
    pub(super) folder: &'a Path,
    pub(super) faults: RefCell<Vec<Fault>>,
    /// Keys whose mistake is noted: they are read as if they were not there.
    pub(super) refused: RefCell<BTreeSet<String>>,
    /// Keys that must be there and are not usable: anything is read there, to find the mistakes behind them.
    pub(super) stand_ins: RefCell<BTreeSet<String>>,
}

impl<'a> Ledger<'a> {
    pub(super) fn new(folder: &'a Path) -> Ledger<'a> {
        Ledger { folder, faults: RefCell::default(), refused: RefCell::default(), stand_ins: RefCell::default() }
    }

    /// Notes a mistake once, however often the walk comes by.
    pub(super) fn fault(&self, key: impl Into<String>, message: impl Into<String>) {
        let fault = Fault { key: key.into(), message: message.into() };
        let mut faults = self.faults.borrow_mut();
        if !faults.contains(&fault) {
            faults.push(fault);
        }
    }

    fn refuse(&self, key: &str, message: impl Into<String>) {
        self.fault(key, message);
        self.refused.borrow_mut().insert(key.to_owned());
    }
}

/// One key with what all layers together say there.
#[derive(Clone)]
pub(super) struct Node<'a> {
    pub(super) place: Place,
    pub(super) content: Content<'a>,
}

#[derive(Clone)]
pub(super) enum Content<'a> {
    /// A value of the file, no table.
    Toml(&'a Value),
    /// Text from the environment or a secret's file: it becomes what the reader needs.
    Text(String),
    /// A table of the file with what the environment adds.
    Table { file: Option<&'a Table>, env: Vec<Var<'a>> },
    /// A stand-in for something that is missing: every reader gets its plainest value.
    Anything,
}

/// What each layer says about one key, before one of them wins.
pub(super) struct Slot<'a> {
    pub(super) key: String,
    file: Option<&'a Value>,
    file_pointer: Option<&'a Value>,
    env: Vec<Var<'a>>,
    env_pointer: Vec<Var<'a>>,
}

impl<'a> Node<'a> {
    /// The top of the tree.
    pub(super) fn root(file: &'a Table, variables: &'a [Variable]) -> Node<'a> {
        let env = variables.iter().map(Variable::from_root).collect();
        let place = Place { path: String::new(), origin: None };
        Node { place, content: Content::Table { file: Some(file), env } }
    }

    /// The key `path` from its layers: a variable wins over the file, tables are laid over each other.
    fn layered(path: String, file: Option<&'a Value>, env: Vec<Var<'a>>, ledger: &Ledger<'_>) -> Node<'a> {
        let (here, below): (Vec<_>, Vec<_>) = env.into_iter().partition(|var| var.rest.is_empty());
        if let Some(var) = here.first() {
            let others = here[1..].iter().chain(&below).map(|other| other.name);
            for other in others {
                ledger.fault(path.clone(), format!("given by both {} and {other}", var.name));
            }
            let origin = Some(var.name.to_owned());
            return Node { place: Place { path, origin }, content: Content::Text(var.value.to_owned()) };
        }
        let content = match file {
            Some(value) if below.is_empty() && !value.is_table() => Content::Toml(value),
            _ => Content::Table { file: file.and_then(Value::as_table), env: below },
        };
        Node { place: Place { path, origin: None }, content }
    }

    /// An element of a list in the file.
    pub(super) fn element(&self, index: usize, value: &'a Value, ledger: &Ledger<'_>) -> Node<'a> {
        Node::layered(format!("{}[{index}]", self.place.path), Some(value), Vec::new(), ledger)
    }

    /// An element of a comma-separated list in the environment.
    pub(super) fn text_element(&self, index: usize, text: &str) -> Node<'a> {
        let path = format!("{}[{index}]", self.place.path);
        Node {
            place: Place { path, origin: self.place.origin.clone() },
            content: Content::Text(text.to_owned()),
        }
    }

    /// The keys of this table: those of `fields` and their `_file` forms, or all when `fields` is `None`. What fits
    /// nothing is noted as a mistake.
    pub(super) fn slots(&self, fields: Option<&[&'static str]>, ledger: &Ledger<'_>) -> Vec<Slot<'a>> {
        let mut slots = Vec::new();
        let Content::Table { file, env } = &self.content else { return slots };
        for (key, value) in file.iter().flat_map(|table| table.iter()) {
            match find(key, fields, |a, b| a == b) {
                Some((name, Form::Plain)) => slot(&mut slots, name).file = Some(value),
                Some((name, Form::Pointer)) => slot(&mut slots, name).file_pointer = Some(value),
                None => ledger.fault(self.child(key), unknown(key, fields)),
            }
        }
        for var in env {
            let Some((head, rest)) = var.rest.split_first() else { continue };
            let var = Var { rest, ..*var };
            match find(head, fields, |a, b| folded(a) == folded(b)) {
                Some((name, Form::Plain)) => env_slot(&mut slots, name, fields).env.push(var),
                Some((name, Form::Pointer)) => slot(&mut slots, name).env_pointer.push(var),
                None => ledger.fault(var.name, unknown(head, fields)),
            }
        }
        slots
    }

    /// The node of one slot: the environment wins over the file, and a secret's file is read. `None` when it is
    /// refused; the mistake is noted then.
    pub(super) fn resolve(&self, slot: Slot<'a>, ledger: &Ledger<'_>) -> Option<Node<'a>> {
        let path = self.child(&slot.key);
        if ledger.stand_ins.borrow().contains(&path) {
            return Some(Node::anything(path));
        }
        if ledger.refused.borrow().contains(&path) {
            return None;
        }
        let twice = |both| both && ledger.refused.borrow_mut().insert(path.clone());
        let both_env = !slot.env.is_empty() && !slot.env_pointer.is_empty();
        if twice(both_env) || twice(slot.file.is_some() && slot.file_pointer.is_some()) {
            ledger.fault(path, format!("either {0} or {0}_file is expected, found both", slot.key));
            return None;
        }
        if let Some(var) = slot.env_pointer.first() {
            return self.pointed(path, var.value, &slot.key, ledger);
        }
        match slot.file_pointer {
            Some(Value::String(file)) if slot.env.is_empty() => self.pointed(path, file, &slot.key, ledger),
            Some(_) if slot.env.is_empty() => {
                ledger.fault(format!("{path}_file"), "a path is expected");
                ledger.refused.borrow_mut().insert(path);
                None
            }
            _ => Some(Node::layered(path, slot.file, slot.env, ledger)),
        }
    }

    /// The content of the file that `<key>_file` names.
    fn pointed(&self, path: String, file: &str, key: &str, ledger: &Ledger<'_>) -> Option<Node<'a>> {
        match secret::read(ledger.folder, file) {
            Ok(text) => {
                let origin = Some(format!("{key}_file"));
                Some(Node { place: Place { path, origin }, content: Content::Text(text) })
            }
            Err(why) => {
                ledger.fault(format!("{path}_file"), why);
                ledger.refuse_silently(&path);
                None
            }
        }
    }

    /// A key that is missing, to read on behind it.
    pub(super) fn anything(path: String) -> Node<'a> {
        Node { place: Place { path, origin: None }, content: Content::Anything }
    }

    /// The full name of a key of this table.
    pub(super) fn child(&self, key: &str) -> String {
        if self.place.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.place.path) }
    }

    /// Every text and number at and below this key, to keep them out of messages.
    pub(super) fn values(&self) -> Vec<String> {
        let mut values = Vec::new();
        match &self.content {
            Content::Toml(value) => collect(value, &mut values),
            Content::Text(text) => values.push(text.clone()),
            Content::Table { file, env } => {
                file.iter().flat_map(|table| table.values()).for_each(|value| collect(value, &mut values));
                values.extend(env.iter().map(|var| var.value.to_owned()));
            }
            Content::Anything => {}
        }
        values
    }
}
