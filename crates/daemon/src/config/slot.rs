//! Which keys a table has: those of the file, those of the environment, and `<key>_file` in place of `<key>`.

use toml::Value;

use super::TOP_LEVEL;
use super::environment::{Var, folded};
use super::ledger::Ledger;
use super::nearest::hint;
use super::node::{Content, Node};
use crate::sections::SMS_KEYS;

/// The keys that a table may have.
#[derive(Clone, Copy)]
pub(super) enum Names {
    /// These and, for each `k` of them, `k_file`.
    Fixed(&'static [&'static str]),
    /// Any.
    Free,
}

/// What each layer says about one key, before one of them wins.
pub(super) struct Slot<'a> {
    pub(super) key: String,
    pub(super) file: Option<&'a Value>,
    pub(super) env: Vec<Var<'a>>,
    file_pointer: Option<&'a Value>,
    env_pointer: Vec<Var<'a>>,
}

/// `key` itself, or `key_file`.
enum Form {
    Plain,
    Pointer,
}

impl<'a> Slot<'a> {
    fn new(key: &str) -> Slot<'a> {
        Slot { key: key.to_owned(), file: None, env: Vec::new(), file_pointer: None, env_pointer: Vec::new() }
    }

    /// Whether the environment says something here.
    pub(super) fn is_from_environment(&self) -> bool {
        !self.env.is_empty() || !self.env_pointer.is_empty()
    }

    /// The path of the file that holds the value, and who named it; `None` when the value is given directly. The
    /// environment wins over the file, whichever form each uses; both forms in one layer are a mistake.
    pub(super) fn pointer(&self) -> Result<Option<(&'a str, String)>, String> {
        let both = || Err(format!("either {0} or {0}_file is expected, found both", self.key));
        match (self.env.is_empty(), self.env_pointer.first()) {
            (false, Some(_)) => return both(),
            (false, None) => return Ok(None),
            (true, Some(var)) if var.rest.is_empty() => return Ok(Some((var.value, var.name.to_owned()))),
            (true, Some(var)) => return Err(format!("{} names no known key", var.name)),
            (true, None) => {}
        }
        match (self.file, self.file_pointer) {
            (_, None) => Ok(None),
            (Some(_), Some(_)) => both(),
            (None, Some(Value::String(path))) => Ok(Some((path, format!("{}_file", self.key)))),
            (None, Some(_)) => Err("the path of a file is expected".to_owned()),
        }
    }
}

impl<'a> Node<'a> {
    /// The keys of this table, in the order of the file. What fits no name is noted as a mistake.
    pub(super) fn slots(&self, names: Names, ledger: &Ledger<'_>) -> Vec<Slot<'a>> {
        let mut slots = Vec::new();
        let Content::Table { file, env } = &self.content else { return slots };
        for (key, value) in file.iter().flat_map(|table| table.iter()) {
            match names.find(key) {
                Some((name, Form::Plain)) => slot(&mut slots, name).file = Some(value),
                Some((name, Form::Pointer)) => slot(&mut slots, name).file_pointer = Some(value),
                None => ledger.fault(self.child(key), format!("no such key{}", self.advice(key, names))),
            }
        }
        for var in env {
            let Some((head, rest)) = var.rest.split_first() else { continue };
            let (below, known) = (Var { rest, ..*var }, names.find_folded(head, &slots));
            match known {
                Some((name, Form::Plain)) => slot(&mut slots, &name).env.push(below),
                Some((name, Form::Pointer)) => slot(&mut slots, &name).env_pointer.push(below),
                None => ledger.fault(var.name, format!("names no known key{}", self.advice(head, names))),
            }
        }
        slots
    }

    /// What may have been meant by an unknown key.
    fn advice(&self, key: &str, names: Names) -> String {
        let at_top = self.place.path.is_empty();
        if at_top && SMS_KEYS.contains(&key) {
            return "; it belongs into the section [sms]".to_owned();
        }
        if !at_top && TOP_LEVEL.contains(&key) {
            return "; it belongs above the first [section]".to_owned();
        }
        match names {
            Names::Fixed(fields) => hint(key, fields.iter().copied()),
            Names::Free => String::new(),
        }
    }
}

impl Names {
    /// The key of the file, letter by letter.
    fn find(self, key: &str) -> Option<(&str, Form)> {
        let Names::Fixed(fields) = self else { return Some((key, Form::Plain)) };
        if fields.contains(&key) {
            return Some((key, Form::Plain));
        }
        let name = key.strip_suffix("_file").filter(|name| fields.contains(name))?;
        Some((name, Form::Pointer))
    }

    /// The key that a segment of a variable means. Where any name goes, the file's spelling comes first.
    fn find_folded(self, segment: &str, slots: &[Slot<'_>]) -> Option<(String, Form)> {
        let segment = folded(segment);
        let Names::Fixed(fields) = self else {
            let spelled = slots.iter().find(|slot| folded(&slot.key) == segment).map(|slot| slot.key.clone());
            return Some((spelled.unwrap_or(segment), Form::Plain));
        };
        let field =
            |name: &str| fields.iter().find(|field| folded(field) == name).map(|field| (*field).to_owned());
        let plain = field(&segment).map(|name| (name, Form::Plain));
        plain.or_else(|| Some((field(segment.strip_suffix("_file")?)?, Form::Pointer)))
    }
}

fn slot<'s, 'a>(slots: &'s mut Vec<Slot<'a>>, key: &str) -> &'s mut Slot<'a> {
    let at = slots.iter().position(|slot| slot.key == key).unwrap_or_else(|| {
        slots.push(Slot::new(key));
        slots.len() - 1
    });
    &mut slots[at]
}
