//! One key of the configuration with what all layers say there: the environment over the file.

use toml::{Table, Value};

use super::environment::{Var, Variable};
use super::ledger::Ledger;
use super::mistake::Place;
use super::secret;
use super::slot::Slot;

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
    /// Text from the environment or from a secret's file: it becomes what the reader needs.
    Text(String),
    /// A table of the file with what the environment adds.
    Table { file: Option<&'a Table>, env: Vec<Var<'a>> },
    /// A stand-in for something that is missing: a reader gets its plainest value.
    Anything,
}

impl<'a> Node<'a> {
    /// The top of the tree.
    pub(super) fn root(file: &'a Table, variables: &'a [Variable]) -> Node<'a> {
        let env = variables.iter().map(Variable::at_root).collect();
        Node::at(String::new(), None, Content::Table { file: Some(file), env })
    }

    /// The key `path` from its layers: a variable wins over the file's value, tables are laid over each other.
    fn layered(path: String, file: Option<&'a Value>, env: Vec<Var<'a>>, ledger: &Ledger<'_>) -> Node<'a> {
        let (here, below): (Vec<_>, Vec<_>) = env.into_iter().partition(|var| var.rest.is_empty());
        if let Some((var, others)) = here.split_first() {
            for other in others.iter().chain(&below) {
                ledger.fault(path.clone(), format!("{} and {} exclude each other", var.name, other.name));
            }
            return Node::at(path, Some(var.name.to_owned()), Content::Text(var.value.to_owned()));
        }
        let content = match file {
            Some(value) if below.is_empty() && !value.is_table() => Content::Toml(value),
            _ => Content::Table { file: file.and_then(Value::as_table), env: below },
        };
        Node::at(path, None, content)
    }

    fn at(path: String, origin: Option<String>, content: Content<'a>) -> Node<'a> {
        Node { place: Place { path, origin }, content }
    }

    /// The node of one of this table's keys. `None` when it is refused; the mistake is noted then.
    pub(super) fn resolve(&self, slot: Slot<'a>, ledger: &Ledger<'_>) -> Option<Node<'a>> {
        let path = self.child(&slot.key);
        if ledger.has_stand_in(&path) {
            return Some(Node::at(path, None, Content::Anything));
        }
        if ledger.is_refused(&path) {
            return None;
        }
        let resolved = match slot.pointer() {
            Ok(None) => return Some(Node::layered(path, slot.file, slot.env, ledger)),
            Ok(Some((file, origin))) => secret::read(ledger.folder, file).map(|text| (text, origin)),
            Err(why) => Err(why),
        };
        match resolved {
            Ok((text, origin)) => Some(Node::at(path, Some(origin), Content::Text(text))),
            Err(why) => {
                ledger.refuse(&path);
                ledger.fault(format!("{path}_file"), why);
                None
            }
        }
    }

    /// A stand-in for the key `key`, for a reader that insists on it.
    pub(super) fn stand_in(&self, key: &str) -> Node<'a> {
        Node::at(self.child(key), None, Content::Anything)
    }

    /// The elements of a list: of the file, or the comma-separated text of a variable.
    pub(super) fn elements(&self, ledger: &Ledger<'_>) -> Option<Vec<Node<'a>>> {
        let path = |i: usize| format!("{}[{i}]", self.place.path);
        match &self.content {
            Content::Toml(Value::Array(values)) => {
                let element = |(i, value)| Node::layered(path(i), Some(value), Vec::new(), ledger);
                Some(values.iter().enumerate().map(element).collect())
            }
            Content::Text(text) => {
                let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
                let origin = &self.place.origin;
                let element =
                    |(i, part): (_, &str)| Node::at(path(i), origin.clone(), Content::Text(part.into()));
                Some(parts.enumerate().map(element).collect())
            }
            Content::Anything => Some(Vec::new()),
            _ => None,
        }
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

fn collect(value: &Value, values: &mut Vec<String>) {
    match value {
        Value::String(text) => values.push(text.clone()),
        Value::Array(list) => list.iter().for_each(|value| collect(value, values)),
        Value::Table(table) => table.values().for_each(|value| collect(value, values)),
        Value::Boolean(_) => {}
        Value::Integer(_) | Value::Float(_) | Value::Datetime(_) => values.push(value.to_string()),
    }
}
