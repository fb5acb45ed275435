//! setConfig, getConfig, delConfig and setDefault.

use mtan_daemon::Fault;
use mtan_verifier::{Change, Policy};
use serde_json::{Map, Value, json};
use tracing::info;
use zeroize::Zeroizing;

use super::live::Values;
use super::names::{CLASS, CONFIG, DEFAULTS, Name};
use super::reply::Reply;
use super::{Reach, System};
use crate::admin::AdminError;
use crate::params::Params;

/// What stands in the place of a value that may hold a secret.
pub(super) const HIDDEN: &str = "***";

/// Parameters that are no settings.
const OTHERS: [&str; 8] =
    ["session", "httperror", "csrf_token", "key", "value", "type", "description", "client"];

/// Either `key` and `value`, or any number of names with their values.
pub(super) async fn set(system: &System, params: &Params) -> Result<Reply, AdminError> {
    let single = params.filled("key")?;
    let pairs: Vec<(Name, &str)> = match single {
        Some(key) => {
            let value = params.get("value")?.ok_or_else(|| AdminError::missing("value"))?;
            vec![(name(key)?, value)]
        }
        None => {
            let pairs = params.pairs()?.into_iter().filter(|(key, _)| !OTHERS.contains(key));
            pairs.map(|(key, value)| Ok((name(key)?, value))).collect::<Result<_, AdminError>>()?
        }
    };
    if pairs.is_empty() {
        return Err(AdminError::missing("key"));
    }
    keep(system, &pairs).await?;
    let told = |(name, value): &(Name, &str)| {
        let value = if name.is_secret() { HIDDEN } else { value };
        match single {
            Some(key) => (format!("setConfig {key}"), json!(true)),
            None => (format!("setConfig {}:{value}", name.as_str()), json!(true)),
        }
    };
    Ok(Reply::new(pairs.iter().map(told).collect::<Map<String, Value>>()))
}

/// `DefaultMaxFailCount` and `DefaultOtpLen`; LinOTP's other ones are about windows, which mtan does not have.
pub(super) async fn set_default(system: &System, params: &Params) -> Result<Reply, AdminError> {
    let mut pairs = Vec::new();
    for known in DEFAULTS {
        if let Some(value) = params.get(known)? {
            pairs.push((name(known)?, value));
        }
    }
    if pairs.is_empty() {
        let usage = "Usage: DefaultMaxFailCount and DefaultOtpLen can be set. There is no look-ahead and no \
                     synchronization window: only codes that were sent count";
        return Err(AdminError::numbered(77, usage));
    }
    keep(system, &pairs).await?;
    let told = |(name, _): &(Name, &str)| (format!("set {}", name.as_str()), json!(true));
    Ok(Reply::new(pairs.iter().map(told).collect::<Map<String, Value>>()))
}

/// One value, or all of them. What may hold a secret is `***`.
pub(super) async fn get(system: &System, params: &Params) -> Result<Reply, AdminError> {
    let values = system.read().await?.values;
    let shown = |name: Name, value: &str| if name.is_secret() { json!(HIDDEN) } else { json!(value) };
    if let Some(key) = params.filled("key")? {
        let value = match name(key) {
            Ok(name) => values.get(&name.place()).map_or(Value::Null, |value| shown(name, value)),
            Err(_) => Value::Null,
        };
        return Ok(Reply::new(json!({ format!("getConfig {key}"): value })));
    }
    let all = values.iter().filter_map(|(place, value)| {
        let name = Name::of_place(place)?;
        Some((name.as_str().to_owned(), shown(name, value)))
    });
    Ok(Reply::new(all.collect::<Map<String, Value>>()))
}

/// True also where nothing was set, as in LinOTP; then the file's value counts again.
pub(super) async fn remove(system: &System, params: &Params) -> Result<Reply, AdminError> {
    let key = params.filled("key")?.ok_or_else(|| AdminError::missing("key"))?;
    if let Ok(name) = name(key) {
        let decide = |settings: &mtan_verifier::OpenSettings| {
            let is_set = settings.values.contains_key(&name.place());
            let changes: Vec<Change> = is_set.then(|| (name.place(), None)).into_iter().collect();
            Ok((changes, ()))
        };
        system.change(decide).await?;
        info!(name = name.as_str(), "a setting was removed");
    }
    Ok(Reply::new(json!({ format!("delConfig {key}"): true })))
}

fn name(text: &str) -> Result<Name, AdminError> {
    Name::parse(text).map_err(|why| AdminError::plain(format!("{}: {why}", shortened(text))))
}

/// A name that nobody knows may be anything: only what looks like one is repeated.
fn shortened(text: &str) -> &str {
    let plain = text.len() <= 64 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    if plain { text } else { "key" }
}

async fn keep(system: &System, pairs: &[(Name, &str)]) -> Result<(), AdminError> {
    let long = system.0.base.long_validity;
    for (name, value) in pairs {
        let tried = name.set(value, &mut Policy::default(), long);
        tried.map_err(|why| AdminError::invalid(name.as_str(), why))?;
    }
    if pairs.iter().any(|(name, _)| [CLASS, CONFIG].contains(&name.as_str())) {
        reachable(system)?;
    }
    let decide = |settings: &mtan_verifier::OpenSettings| {
        provider_stays_sound(system, &settings.values, pairs)?;
        let change = |(name, value): &(Name, &str)| (name.place(), Some(Zeroizing::new((*value).to_owned())));
        Ok((pairs.iter().map(change).collect::<Vec<Change>>(), ()))
    };
    system.change(decide).await?;
    for (name, _) in pairs {
        info!(name = name.as_str(), "a setting was changed");
    }
    Ok(())
}

/// A provider that nobody hears of would be a promise without hands.
pub(super) fn reachable(system: &System) -> Result<(), AdminError> {
    match system.0.reach {
        Reach::Senders => Ok(()),
        Reach::Nobody => Err(AdminError::plain(
            "no sender would hear of it: make a key with `mtan key new --out provider.key`, name it as provider_key_file in the \
             configuration of this process and of the senders, and start them anew",
        )),
    }
}

/// Class and configuration that are set now fit together, as far as both are there.
fn provider_stays_sound(system: &System, before: &Values, pairs: &[(Name, &str)]) -> Result<(), AdminError> {
    let now = |wanted: &str| {
        let given = pairs.iter().rev().find(|(name, _)| name.as_str() == wanted).map(|(_, value)| *value);
        given.or_else(|| before.get(&format!("config/{wanted}")).map(|value| value.as_str()))
    };
    if !pairs.iter().any(|(name, _)| [CLASS, CONFIG].contains(&name.as_str())) {
        return Ok(());
    }
    let checked = match (now(CLASS), now(CONFIG)) {
        (Some(class), Some(config)) => (system.0.check)(class, config).map(drop),
        (Some(class), None) => super::provider::check_provider(class, "{}").map(drop),
        (None, config) => {
            super::provider::check_provider("HttpSMSProvider", config.unwrap_or("{}")).map(drop)
        }
    };
    checked.map_err(|faults| refused(&faults, CONFIG))
}

/// Every mistake in one sentence, with its key and without a value.
pub(super) fn refused(faults: &[Fault], whole: &str) -> AdminError {
    let told = faults.iter().map(|Fault { key, message }| match key.as_str() {
        "" => format!("{whole}: {message}"),
        key => format!("{key}: {message}"),
    });
    AdminError::plain(told.collect::<Vec<_>>().join("; "))
}
