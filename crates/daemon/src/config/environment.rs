//! The environment's layer: `MTAN__SECTION__KEY=value`, matched against the known keys without regard to case.

use std::ffi::OsString;

use super::error::Fault;

const PREFIX: &str = "MTAN__";

/// One variable, split at the double underscores.
#[derive(Debug)]
pub(super) struct Variable {
    name: String,
    segments: Vec<String>,
    value: String,
}

/// A variable as seen from some key: `rest` leads further down.
#[derive(Clone, Copy)]
pub(super) struct Var<'a> {
    pub(super) name: &'a str,
    pub(super) rest: &'a [String],
    pub(super) value: &'a str,
}

impl Variable {
    /// The variable if its name begins as ours do.
    pub(super) fn new(name: String, value: String) -> Option<Variable> {
        let segments = name.strip_prefix(PREFIX)?.split("__").map(str::to_owned).collect();
        Some(Variable { name, segments, value })
    }

    pub(super) fn at_root(&self) -> Var<'_> {
        Var { name: &self.name, rest: &self.segments, value: &self.value }
    }
}

/// The process environment as far as it concerns us; a variable of ours that is not UTF-8 is a fault.
pub(super) fn of_the_process(faults: &mut Vec<Fault>) -> Vec<(String, String)> {
    let ours = |name: OsString, value: OsString| {
        let name = name.into_string().ok().filter(|name| name.starts_with(PREFIX))?;
        Some(match value.into_string() {
            Ok(value) => Ok((name, value)),
            Err(_) => Err(Fault { key: name, message: "UTF-8 is expected".to_owned() }),
        })
    };
    let mut variables = Vec::new();
    for variable in std::env::vars_os().filter_map(|(name, value)| ours(name, value)) {
        match variable {
            Ok(variable) => variables.push(variable),
            Err(fault) => faults.push(fault),
        }
    }
    variables
}

/// Names that a variable may spell alike: case does not count, and `-` cannot be written in most shells.
pub(super) fn folded(name: &str) -> String {
    name.to_lowercase().replace('-', "_")
}
