//! The pools: `[sms]` makes "default", each `[pools.<name>]` one more; and the order in which they are tried.

use std::fmt;
use std::path::PathBuf;

use crate::provider_json;
use crate::{Config, PoolSection, ProviderConfig, RoutingSection, SmsSection};

/// Above this many seconds a one-time password lives only if `allow_long_validity` says so.
const LONGEST_VALIDITY: u64 = 600;

/// A configured way out.
#[derive(Clone, PartialEq)]
pub struct PoolConfig {
    /// 1 to 32 characters of `a-z 0-9 _ -`, a letter or digit first.
    pub name: String,
    /// Where it stands in the configuration, for messages: `sms` or `pools.backup`.
    pub key: String,
    /// The class of the provider, as it was written.
    pub provider: String,
    /// What the provider needs: the text of a JSON object. It may hold passwords: `Debug` prints `..`.
    pub config: String,
    /// The file that it was read from; `None` for JSON that stands in the configuration.
    pub file: Option<PathBuf>,
    /// How many jobs one sender may have in hand at a time; at least 1.
    pub max_in_flight: u16,
    /// SMS a second over all senders of the pool; `None` = as many as can.
    pub tps: Option<f64>,
    /// How many of them may go at once after a pause; at least 1.
    pub burst: u16,
    /// Failures in a row that open the breaker; at least 1.
    pub breaker_failures: u16,
    /// For how many seconds it is open at first; at least 1.
    pub breaker_seconds: u16,
    /// Whether another pool stands behind it in `[routing] default`.
    pub others_behind: bool,
}

impl fmt::Debug for PoolConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolConfig")
            .field("name", &self.name)
            .field("key", &self.key)
            .field("provider", &self.provider)
            .field("config", &format_args!(".."))
            .field("file", &self.file)
            .field("max_in_flight", &self.max_in_flight)
            .field("tps", &self.tps)
            .field("burst", &self.burst)
            .field("breaker_failures", &self.breaker_failures)
            .field("breaker_seconds", &self.breaker_seconds)
            .field("others_behind", &self.others_behind)
            .finish()
    }
}

/// `[sms]`, with the rules that concern several of its keys checked.
pub fn sms(config: &mut Config) -> SmsSection {
    let sms = config.section::<SmsSection>("sms");
    let key = "sms.SMSProviderTimeout";
    if sms.sms_provider_timeout == 0 {
        config.fault(
            key,
            "at least 1 second is expected: a one-time password that lives 0 seconds is never accepted",
        );
    }
    if sms.sms_provider_timeout > LONGEST_VALIDITY && !sms.allow_long_validity {
        config.fault(
            key,
            "at most 600 seconds are expected, or sms.allow_long_validity = true beside it: NIST SP 800-63B limits \
             an out-of-band secret to ten minutes",
        );
    }
    sms
}

/// The configured pools: "default" first, if `[sms]` has a provider, then `[pools.*]` in the order of the file. Checks
/// `[sms]`, `[pools]` and that `[routing]` names pools; whatever is wrong becomes a fault, and a pool with a fault is left out.
pub fn pools(config: &mut Config) -> Vec<PoolConfig> {
    let sms = sms(config);
    let seed = PoolSection {
        sms_provider: sms.sms_provider,
        sms_provider_config: sms.sms_provider_config,
        max_in_flight: sms.max_in_flight,
        tps: sms.tps,
        burst: sms.burst,
        breaker_failures: sms.breaker_failures,
        breaker_seconds: sms.breaker_seconds,
    };
    // The environment alone makes the pool too; a key of the file that could not be read still stands for it.
    let in_file = config.keys("sms").iter().any(|key| key == "SMSProvider" || key == "SMSProviderConfig");
    let has_default = in_file || seed.sms_provider.is_some() || seed.sms_provider_config.is_some();
    let mut names: Vec<String> = has_default.then(|| "default".to_owned()).into_iter().collect();
    let mut pools: Vec<_> =
        if has_default { pool(config, "default", "sms", seed) } else { None }.into_iter().collect();
    for name in config.keys("pools") {
        let key = format!("pools.{name}");
        if let Err(why) = check_name(&name, has_default) {
            config.fault(&key, why);
        }
        let section = config.section::<PoolSection>(&key);
        pools.extend(pool(config, &name, &key, section));
        names.push(name);
    }
    check_routing(config, &names);
    let route = routing(config, &pools);
    for pool in &mut pools {
        pool.others_behind = route.iter().rev().skip(1).any(|name| *name == pool.name);
    }
    pools
}

/// The order in which `pools` are tried: `[routing] default`, or all as they come. Names that are no pools are left out;
/// [`pools`] has made them faults.
pub fn routing(config: &mut Config, pools: &[PoolConfig]) -> Vec<String> {
    let order = config.section::<RoutingSection>("routing").default;
    let all = pools.iter().map(|pool| pool.name.clone());
    if order.is_empty() {
        return all.collect();
    }
    order.into_iter().filter(|name| pools.iter().any(|pool| pool.name == *name)).collect()
}

fn check_routing(config: &mut Config, pools: &[String]) {
    let order = config.section::<RoutingSection>("routing").default;
    for (i, name) in order.iter().enumerate() {
        let key = format!("routing.default[{i}]");
        if !pools.contains(name) {
            config.fault(&key, unknown_pool(name, pools));
        }
        if order[..i].contains(name) {
            config.fault(&key, "this pool is named before already");
        }
    }
}

/// A pool's name is no secret: it is shown, for it may stand there in another case or with a blank.
fn unknown_pool(name: &str, pools: &[String]) -> String {
    let known = pools.join(", ");
    let nearest = pools.iter().min_by_key(|pool| strsim::damerau_levenshtein(pool, name));
    match nearest.filter(|pool| strsim::damerau_levenshtein(pool, name) <= 2) {
        Some(nearest) => {
            format!("no pool is called {name:?}; did you mean {nearest}? Configured are: {known}")
        }
        None => format!("no pool is called {name:?}; configured are: {known}"),
    }
}

fn check_name(name: &str, has_default: bool) -> Result<(), &'static str> {
    let first = name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    let rest = |b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
    if !first || name.len() > 32 || !name.bytes().all(rest) {
        return Err("a pool is named by 1 to 32 characters of a-z 0-9 _ -, a letter or digit first");
    }
    if name == "default" && has_default {
        return Err("there is a pool of this name already: [sms] makes it");
    }
    Ok(())
}

fn pool(config: &mut Config, name: &str, key: &str, section: PoolSection) -> Option<PoolConfig> {
    let PoolSection { sms_provider, sms_provider_config, max_in_flight, tps, burst, .. } = section;
    if burst.is_some() && tps.is_none() {
        config.fault(format!("{key}.burst"), format!("is nothing without {key}.tps beside it"));
    }
    if sms_provider.is_none() {
        let why = "is missing: a pool needs the class of a provider, such as HttpSMSProvider";
        config.fault(format!("{key}.SMSProvider"), why);
    }
    let config_key = format!("{key}.SMSProviderConfig");
    if sms_provider_config.is_none() {
        config.fault(&config_key, "is missing: a pool needs the JSON object of its provider");
    }
    let (json, file) = json_text(config, &config_key, sms_provider_config?)?;
    let (name, key) = (name.to_owned(), key.to_owned());
    Some(PoolConfig {
        name,
        key,
        provider: sms_provider?,
        config: json,
        file,
        max_in_flight,
        tps,
        burst: burst.unwrap_or_else(|| second_of(tps)),
        breaker_failures: section.breaker_failures,
        breaker_seconds: section.breaker_seconds,
        others_behind: false, // known once all pools are
    })
}

/// The SMS of one second, at least 1.
fn second_of(tps: Option<f64>) -> u16 {
    // a rate above that is within bounds; its burst is the most there can be
    tps.map_or(1, |tps| tps.ceil().clamp(1.0, u16::MAX.into()) as u16)
}

/// The text from its place, checked to be a JSON object, and the file if it is one.
fn json_text(
    config: &mut Config,
    key: &str,
    provider_config: ProviderConfig,
) -> Option<(String, Option<PathBuf>)> {
    let (text, file) = match provider_config {
        ProviderConfig::Text(text) => (Ok(text), None),
        ProviderConfig::File(file) => (config.read_file(&file), Some(config.path(&file))),
    };
    // some editors put a byte order mark first
    let text = text.map(|text| text.trim_start_matches('\u{feff}').to_owned());
    let text = text.map_err(|why| config.fault(key, why)).ok()?;
    let place = file.as_ref().map_or_else(String::new, |file| format!("{}: ", file.display()));
    provider_json::check(&text).map_err(|why| config.fault(key, format!("{place}{why}"))).ok()?;
    Some((text, file))
}
