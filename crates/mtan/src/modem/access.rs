//! Which modems are meant and what they need: from the command line, a configuration, or both.

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use mtan_daemon::{Config, ConfigError, Fault};
use mtan_sender::{ProviderKind, Way};
use mtan_sender_modem::ModemConfig;
use mtan_sender_modem::desk;
use mtan_sender_modem::gnokiirc::Line;
use serde_json::{Map, Value};

/// What stands for a port where the configuration names it.
const NO_PORT: &str = "/dev/null";

/// The longest text that is read from standard input.
const MAX_TEXT: u64 = 64 * 1024;

#[derive(Args)]
pub(super) struct Access {
    /// A file that holds the SIM's PIN; a wrong one is never tried twice, and none when one try is left
    #[arg(long, value_name = "FILE")]
    pin_file: Option<PathBuf>,
    /// The number of the service centre, in place of the SIM's
    #[arg(long, value_name = "NUMBER")]
    smsc: Option<String>,
    /// The DeviceSMSProvider pool of the configuration that is meant; default: its first
    #[arg(long, value_name = "NAME")]
    pool: Option<String>,
    /// How many seconds the network may take to register the modem
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    register_within: u64,
}

/// What the person wrote wrong. Never shows a value.
#[derive(Debug)]
pub(super) struct Mistake(Vec<String>);

/// The modems that are meant, each port that is there, and what they need.
pub(super) struct Modems {
    pub(super) config: ModemConfig,
    pub(super) lines: Vec<Line>,
}

impl Access {
    pub(super) fn register_within(&self) -> Duration {
        Duration::from_secs(self.register_within)
    }

    /// The command line goes over the configuration, key by key.
    pub(super) fn modems(
        &self,
        config: Option<&Path>,
        ports: &[String],
        balance: Option<&str>,
    ) -> Result<Modems, Mistake> {
        let own = self.own(ports, balance)?;
        let configured = match config {
            Some(_) => pool(config, self.pool.as_deref())?,
            None if self.pool.is_some() => return Err(Mistake::new("--pool", "needs --config FILE")),
            None => None,
        };
        let (config, lines) = match configured {
            Some(configured) if ports.is_empty() => {
                let lines = desk::ports(configured.lines.iter());
                (over(own, configured), lines)
            }
            Some(configured) => {
                let lines = desk::ports_of(&own.lines, &configured.lines);
                (over(own, configured), lines)
            }
            None if ports.is_empty() => {
                let why = "is required, or a configuration with a DeviceSMSProvider (--config FILE); `mtan modem scan` finds modems";
                return Err(Mistake::new("PORT", why));
            }
            None => {
                let lines = desk::ports(own.lines.iter());
                (own, lines)
            }
        };
        match lines.is_empty() {
            true => {
                Err(Mistake::new("PORT", "no port of this machine matches; `mtan modem scan` finds modems"))
            }
            false => Ok(Modems { config, lines }),
        }
    }

    /// What the command line says, by the rules of a configuration's own keys.
    fn own(&self, ports: &[String], balance: Option<&str>) -> Result<ModemConfig, Mistake> {
        let text = |path: PathBuf| Value::from(path.to_string_lossy().into_owned());
        let ports = if ports.is_empty() { &[NO_PORT.to_owned()] } else { ports };
        let mut keys = Map::from_iter([("PORTS".to_owned(), Value::from(ports))]);
        keys.extend(self.pin_file.clone().map(|file| ("PIN_file".to_owned(), text(file))));
        keys.extend(self.smsc.clone().map(|number| ("SMSC".to_owned(), Value::from(number))));
        keys.extend(balance.map(|code| ("BALANCE".to_owned(), Value::from(code))));
        keys.extend(state().map(|folder| ("STATE".to_owned(), text(folder))));
        let read = ModemConfig::from_json(&Value::Object(keys).to_string(), Path::new(""));
        read.map_err(|faults| Mistake(faults.into_iter().map(of_argument).collect()))
    }
}

/// Ports to look at, as a configuration's PORTS.
pub(super) fn ports(texts: &[String]) -> Result<Vec<Line>, Mistake> {
    let json = Value::Object(Map::from_iter([("PORTS".to_owned(), Value::from(texts))]));
    let read = ModemConfig::from_json(&json.to_string(), Path::new(""));
    let config = read.map_err(|faults| Mistake(faults.into_iter().map(of_argument).collect()))?;
    Ok(desk::ports(config.lines.iter()))
}

/// The text itself, or what standard input has: an argument can be seen by every user of the machine.
pub(super) fn text(argument: &str) -> Result<String, Mistake> {
    if argument != "-" {
        return Ok(argument.to_owned());
    }
    let mut text = String::new();
    let read = std::io::stdin().take(MAX_TEXT).read_to_string(&mut text);
    read.map_err(|e| Mistake::new("TEXT", format!("standard input cannot be read: {e}")))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

fn over(own: ModemConfig, configured: ModemConfig) -> ModemConfig {
    let mut config = configured;
    config.pin = own.pin.or(config.pin);
    config.smsc = own.smsc.or(config.smsc);
    config.balance = own.balance.or(config.balance);
    config
}

/// The pool of modems that is meant; `None` if the configuration has none and none was asked for by name.
fn pool(path: Option<&Path>, name: Option<&str>) -> Result<Option<ModemConfig>, Mistake> {
    let mut config = Config::load(path)?;
    let (mut devices, mut found) = (Vec::new(), None);
    for pool in mtan_daemon::pools(&mut config) {
        if Way::kind(&mut config, &pool) != Some(ProviderKind::Device) {
            continue;
        }
        if found.is_none() && name.is_none_or(|name| name == pool.name) {
            match ModemConfig::from_json(&pool.config, &config.path("")) {
                Ok(modems) => found = Some(modems),
                Err(faults) => faults.into_iter().for_each(|Fault { key, message }| {
                    let key = if key.is_empty() { key } else { format!(".{key}") };
                    config.fault(format!("{}.SMSProviderConfig{key}", pool.key), message);
                }),
            }
        }
        devices.push(pool.name);
    }
    config.finish()?;
    match name {
        Some(_) if found.is_none() => {
            let names = if devices.is_empty() { "none".to_owned() } else { devices.join(", ") };
            Err(Mistake::new("--pool", format!("no such pool of modems; configured are: {names}")))
        }
        _ => Ok(found),
    }
}

/// Where a person's own tries of PINs are remembered; a configuration has its STATE.
fn state() -> Option<PathBuf> {
    let from = |name| std::env::var_os(name).filter(|path| !path.is_empty()).map(PathBuf::from);
    let folder = from("XDG_STATE_HOME").or_else(|| Some(from("HOME")?.join(".local/state")))?;
    Some(folder.join("mtan/modem"))
}

/// A key's name on the command line.
fn of_argument(fault: Fault) -> String {
    let name = match fault.key.as_str() {
        "PORTS" => "PORT",
        "PIN_file" => "--pin-file",
        "SMSC" => "--smsc",
        "BALANCE" => "--balance",
        other => other,
    };
    format!("{name}: {}", fault.message)
}

impl Mistake {
    pub(super) fn new(argument: &str, why: impl fmt::Display) -> Mistake {
        Mistake(vec![format!("{argument}: {why}")])
    }
}

impl From<ConfigError> for Mistake {
    fn from(error: ConfigError) -> Mistake {
        Mistake(vec![format!("the configuration is not usable:\n{error}")])
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}
