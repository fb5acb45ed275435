//! The configuration: one TOML file for all processes, the environment over it, every mistake at once.

mod environment;
mod error;
mod ledger;
mod mistake;
mod nearest;
mod node;
mod reader;
pub(crate) mod secret;
mod slot;
mod syntax;

use std::fs;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

pub use error::{ConfigError, Fault};
pub(crate) use syntax::position;

use environment::Variable;
use ledger::{Ledger, push};
use node::{Content, Node};
use slot::Names;

/// The names that all processes know at the top of the file. Each process reads those that it needs.
const TOP_LEVEL: &[&str] = &[
    "store",
    "queue",
    "server_key",
    "server_key_file",
    "provider_key",
    "otp_api",
    "admin",
    "sms",
    "pools",
    "routing",
    "token",
    "policy",
    "realms",
    "audit",
    "sender",
    "log",
];

/// The merged configuration and the mistakes found in it so far. Read the sections, then [`Config::finish`].
#[must_use = "the mistakes come to light in finish()"]
pub struct Config {
    file: toml::Table,
    variables: Vec<Variable>,
    folder: PathBuf,
    faults: Vec<Fault>,
}

impl Config {
    /// The configuration of this process: the file `path` (if `None`, the one that `MTAN_CONFIG` names; if that is
    /// not set, no file) and the process environment over it. An error when the file cannot be read or is no TOML.
    pub fn load(path: Option<&Path>) -> Result<Config, ConfigError> {
        let mut faults = Vec::new();
        let variables = environment::of_the_process(&mut faults);
        let named = std::env::var_os("MTAN_CONFIG").filter(|name| !name.is_empty()).map(PathBuf::from);
        let mut config = match path.map(Path::to_owned).or(named) {
            None => Config::parse("", Path::new("."), variables)?,
            Some(path) => Config::read(&path, variables)?,
        };
        config.faults.splice(0..0, faults);
        Ok(config)
    }

    /// The configuration from `text`. `folder` is where the paths in it start, `environment` what goes over it:
    /// `MTAN__…` variables, others are passed over.
    pub fn parse(
        text: &str,
        folder: &Path,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Config, ConfigError> {
        Config::build(text, "the configuration", folder, environment)
    }

    fn read(path: &Path, environment: Vec<(String, String)>) -> Result<Config, ConfigError> {
        let name = path.display().to_string();
        let bytes = fs::read(path).map_err(|e| ConfigError::one(&name, format!("cannot be read: {e}")))?;
        let text = String::from_utf8(bytes).map_err(|_| ConfigError::one(&name, "is not UTF-8"))?;
        Config::build(&text, &name, path.parent().unwrap_or(Path::new("")), environment)
    }

    fn build(
        text: &str,
        name: &str,
        folder: &Path,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Config, ConfigError> {
        let file = syntax::parse(text, name)?;
        let variables =
            environment.into_iter().filter_map(|(name, value)| Variable::new(name, value)).collect();
        Ok(Config { file, variables, folder: folder.to_owned(), faults: Vec::new() })
    }

    /// The section `name`, dotted for one further down (`pools.backup`). Every mistake in it is noted: a wrong type, a
    /// missing key, a key that the struct does not have, whether it denies unknown fields or not. A key with a mistake
    /// is read as if it were not there, so that cross-checks go on; `T::default()` if that cannot be, and if the section
    /// is not there at all.
    pub fn section<T: DeserializeOwned + Default>(&mut self, name: &str) -> T {
        self.walk(|config, ledger| {
            let section = reader::read(&config.lookup(name, ledger)?, ledger)?;
            ledger.stand_ins().is_empty().then_some(section)
        })
        .unwrap_or_default()
    }

    /// A text at the top of the file: `store`, `queue`, `server_key`, `server_key_file`. The first two may also lie in
    /// a file (`store_file`); `server_key_file` is a path by itself and read by who knows key files. Of `server_key` and
    /// `server_key_file` at most one is there: the environment's, if the file names the other.
    ///
    /// # Panics
    /// If `key` is no name of the top.
    pub fn value(&mut self, key: &str) -> Option<String> {
        assert!(TOP_LEVEL.contains(&key), "{key} is no top-level name");
        if self.is_replaced(key) {
            return None;
        }
        self.walk(|config, ledger| reader::read(&config.lookup(key, ledger)?, ledger))
    }

    /// Notes that a cross-check of the caller's failed: `key` in full, `message` without the value. Nothing happens if a
    /// mistake is noted at this key already: what follows from it is no news.
    pub fn fault(&mut self, key: impl Into<String>, message: impl Into<String>) {
        let key = key.into();
        let known = |fault: &Fault| fault.key == key || fault.key.strip_suffix("_file") == Some(&key);
        if !self.faults.iter().any(known) {
            self.faults.push(Fault { key, message: message.into() });
        }
    }

    /// `relative` seen from the file's folder; an absolute path stays.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.folder.join(relative)
    }

    /// Every mistake at once, if there is any; also names at the top (and variables) that nobody knows.
    pub fn finish(mut self) -> Result<(), ConfigError> {
        self.walk(|config, ledger| {
            config.root().slots(Names::Fixed(TOP_LEVEL), ledger);
        });
        if self.faults.is_empty() { Ok(()) } else { Err(ConfigError { faults: self.faults }) }
    }

    /// The keys of the table `name`, in the order of the file, those of the environment behind them.
    pub fn keys(&mut self, name: &str) -> Vec<String> {
        self.walk(|config, ledger| {
            let Some(node) = config.lookup(name, ledger) else { return Vec::new() };
            if !matches!(node.content, Content::Table { .. }) {
                ledger.fault(name, "a table is expected");
            }
            node.slots(Names::Free, ledger).into_iter().map(|slot| slot.key).collect()
        })
    }

    /// The text of a file that the configuration names.
    pub(crate) fn read_file(&self, relative: &str) -> Result<String, String> {
        secret::read(&self.folder, relative)
    }

    fn root(&self) -> Node<'_> {
        Node::root(&self.file, &self.variables)
    }

    /// Runs `read` with a ledger, and keeps the mistakes that it notes.
    fn walk<T>(&mut self, read: impl FnOnce(&Config, &Ledger<'_>) -> T) -> T {
        let ledger = Ledger::new(&self.folder);
        let found = read(self, &ledger);
        for fault in ledger.into_faults() {
            push(&mut self.faults, fault);
        }
        found
    }

    fn lookup<'a>(&'a self, path: &str, ledger: &Ledger<'_>) -> Option<Node<'a>> {
        let (mut node, mut names) = (self.root(), Names::Fixed(TOP_LEVEL));
        for segment in path.split('.') {
            let slot = node.slots(names, ledger).into_iter().find(|slot| slot.key == segment)?;
            node = node.resolve(slot, ledger)?;
            names = Names::Free;
        }
        Some(node)
    }

    /// Whether `key` is the one of the two server key names that gives way to the other.
    fn is_replaced(&mut self, key: &str) -> bool {
        const PAIR: [&str; 2] = ["server_key", "server_key_file"];
        let Some(this) = PAIR.iter().position(|name| *name == key) else { return false };
        let layer = |config: &Config, ledger: &Ledger<'_>, name: &str| {
            let slots = config.root().slots(Names::Fixed(TOP_LEVEL), ledger);
            slots.iter().find(|slot| slot.key == name).map(|slot| slot.is_from_environment())
        };
        let layers = self.walk(|config, ledger| PAIR.map(|name| layer(config, ledger, name)));
        match (layers[this], layers[1 - this]) {
            (Some(this_layer), Some(other_layer)) if this_layer == other_layer => {
                self.fault("server_key", "either server_key or server_key_file is expected, found both");
                false
            }
            (Some(this_is_env), Some(_)) => !this_is_env,
            _ => false,
        }
    }
}

/// Whether `path` is `key` or a key or element below it.
fn is_at_or_below(path: &str, key: &str) -> bool {
    path.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}
