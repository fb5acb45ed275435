//! Log lines on stderr: level and format from `[log]`, libraries quiet.

use std::io::{self, IsTerminal};

use serde::Deserialize;
use serde::de::{Deserializer, Error, Unexpected};
use tracing::{Level, Metadata, warn};
use tracing_subscriber::filter::{EnvFilter, LevelFilter, filter_fn};
use tracing_subscriber::prelude::*;
use tracing_subscriber::{Layer, Registry, fmt};

/// `[log]`: what is written to stderr.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogSection {
    /// A level, or levels for single targets as in `info,mtan_queue=debug`. Default `info`. The environment's `RUST_LOG`
    /// wins.
    #[serde(deserialize_with = "level")]
    pub level: String,
    /// `text` for people (default), `json` for collectors.
    pub format: LogFormat,
}

/// How a log line looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One line a person reads; coloured on a terminal unless `NO_COLOR` is set.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl Default for LogSection {
    fn default() -> LogSection {
        LogSection { level: "info".to_owned(), format: LogFormat::Text }
    }
}

/// Libraries whose lines are `warn` and above unless somebody asks by name, and `info` at most even then: below that
/// they show frames, headers and addresses, and with these codes, texts and passwords.
const QUIET: [&str; 10] =
    ["lapin", "amq_protocol", "redis", "reqwest", "hyper", "hyper_util", "h2", "rustls", "lettre", "tower"];

/// Starts the log of this process. The first call counts; a process that has a log already keeps it.
pub fn init_logs(section: &LogSection) {
    let rust_log = std::env::var("RUST_LOG").ok().filter(|level| !level.trim().is_empty());
    let (filter, refused) = filter(section, rust_log.as_deref());
    let lines = fmt::layer().with_writer(io::stderr);
    let lines: Box<dyn Layer<_> + Send + Sync> = match section.format {
        LogFormat::Text => lines.with_ansi(colours()).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).boxed(),
    };
    let log = Registry::default().with(filter).with(filter_fn(below_ceiling)).with(lines);
    if log.try_init().is_ok() && refused {
        warn!("RUST_LOG is no filter and passed over");
    }
}

/// The filter, and whether `rust_log` had to be passed over.
fn filter(section: &LogSection, rust_log: Option<&str>) -> (EnvFilter, bool) {
    // the first directives give way to later ones for the same target
    let quiet = QUIET.map(|library| format!("{library}=warn")).join(",");
    let parse = |level: &str| EnvFilter::try_new(format!("{quiet},{level}")).ok();
    if let Some(filter) = rust_log.and_then(parse) {
        return (filter, false);
    }
    (parse(&section.level).unwrap_or_else(|| EnvFilter::new(format!("{quiet},info"))), rust_log.is_some())
}

fn below_ceiling(line: &Metadata<'_>) -> bool {
    let library = line.target().split("::").next().unwrap_or_default();
    !(QUIET.contains(&library) && *line.level() > Level::INFO)
}

fn colours() -> bool {
    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// A filter in which every word is a level or `target=level`. `EnvFilter` alone takes `inof` for a target.
fn level<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    const EXPECTED: &str =
        "a level (off, error, warn, info, debug, trace) or target=level, or several with commas,";
    let text = String::deserialize(deserializer)?;
    let is_level =
        |word: &str| !word.is_empty() && word.parse::<LevelFilter>().is_ok() && word.parse::<u8>().is_err();
    let good = |word: &str| is_level(word.rsplit_once('=').map_or(word, |(_, level)| level).trim());
    if text.split(',').all(good) && EnvFilter::try_new(&text).is_ok() {
        Ok(text)
    } else {
        Err(D::Error::invalid_value(Unexpected::Other("text"), &EXPECTED))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    use crate::Config;

    fn section(text: &str) -> Result<LogSection, String> {
        let mut config = Config::parse(text, Path::new("."), []).unwrap();
        let section = config.section("log");
        config.finish().map(|()| section).map_err(|error| error.to_string())
    }

    #[test]
    fn levels_and_targets_are_taken_and_typing_slips_are_not() {
        for good in ["info", "WARN", "off", "info,mtan_queue=debug", "mtan_sender=trace, warn"] {
            assert_eq!(section(&format!("[log]\nlevel = '{good}'")).unwrap().level, good);
        }
        for bad in ["inof", "info;debug", "mtan_queue=loud", "", "info,", "3"] {
            let error = section(&format!("[log]\nlevel = '{bad}'")).unwrap_err();
            assert!(error.starts_with("log.level: a level (off, error, "), "{bad}: {error}");
        }
        assert_eq!(section("[log]\nformat = 'json'").unwrap().format, LogFormat::Json);
        assert_eq!(
            section("[log]\nformat = 'jsn'").unwrap_err(),
            "log.format: one of text, json is expected; did you mean json?"
        );
    }

    #[test]
    fn rust_log_wins_unless_it_is_no_filter() {
        let section = LogSection { level: "error".to_owned(), format: LogFormat::Text };
        let shown = |rust_log| {
            let (filter, refused) = filter(&section, rust_log);
            (filter.to_string(), refused)
        };
        assert!(shown(None).0.ends_with("error") && !shown(None).1);
        assert!(shown(Some("debug")).0.ends_with("debug") && !shown(Some("debug")).1);
        assert!(shown(Some("a=b=c")).0.ends_with("error") && shown(Some("a=b=c")).1);
        assert!(shown(Some("redis=info")).0.contains("redis=info"));
        assert!(!shown(Some("redis=info")).0.contains("redis=warn"));
    }
}
