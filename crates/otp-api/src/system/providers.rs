//! setProvider, getProvider, delProvider, setDefaultProvider, testProvider and getProviderDef.

use mtan_jobs::Pool;
use mtan_verifier::{Change, OpenSettings};
use serde_json::{Map, Value, json};
use tracing::info;
use zeroize::Zeroizing;

use super::System;
use super::config::{HIDDEN, reachable, refused};
use super::live::{DEFAULT_PROVIDER, SEEDS, providers};
use super::names::{CLASS, CONFIG, Name};
use super::provider::{CLASSES, Provider, time_out};
use super::reply::Reply;
use crate::admin::AdminError;
use crate::params::Params;
use crate::policies::read_switch;

/// `imported_default` is what LinOTP calls the provider of the seed's three keys.
const IMPORTED: &str = "imported_default";

/// A pool of that name, live; `default=true` makes it the route.
pub(super) async fn set(system: &System, params: &Params) -> Result<Reply, AdminError> {
    sms(params)?;
    let name = pool(params)?;
    let class = params.filled("class")?.ok_or_else(|| AdminError::missing("class"))?;
    let timeout = params.filled("timeout")?.ok_or_else(|| AdminError::missing("timeout"))?;
    time_out(timeout).map_err(|expected| AdminError::invalid("timeout", expected))?;
    let default = params.filled("default")?.map_or(Ok(false), read_switch);
    let default = default.map_err(|why| AdminError::invalid("default", why))?;
    let provider = Provider {
        class: class.to_owned(),
        config: params.filled("config")?.unwrap_or("{}").to_owned(),
        timeout: timeout.to_owned(),
        managed: params.filled("managed")?.is_some(),
    };
    (system.0.check)(&provider.class, &provider.config()).map_err(|faults| refused(&faults, "config"))?;
    reachable(system)?;
    let kept = serde_json::to_string(&provider).expect("texts become JSON");
    let decide = |_: &OpenSettings| {
        let mut changes: Vec<Change> = vec![(place(&name), Some(Zeroizing::new(kept.clone())))];
        if default {
            changes.push((DEFAULT_PROVIDER.to_owned(), Some(Zeroizing::new(name.to_string()))));
        }
        Ok((changes, ()))
    };
    system.change(decide).await?;
    info!(pool = %name, default, "a provider was set");
    Ok(Reply::new(true))
}

/// What is set, without its configuration: that holds passwords.
pub(super) async fn get(system: &System, params: &Params) -> Result<Reply, AdminError> {
    sms(params)?;
    let values = system.read().await?.values;
    let wanted = params.filled("name")?.map(renamed);
    let default = values.get(DEFAULT_PROVIDER).map_or(SEEDS, |name| name.as_str()).to_owned();
    let shown = providers(&values).into_iter().filter(|(name, _)| wanted.is_none_or(|wanted| name == wanted));
    let shown = shown.map(|(name, provider)| {
        let keys = serde_json::from_str::<Map<String, Value>>(&provider.config).unwrap_or_default();
        let hidden: Map<String, Value> = keys.keys().map(|key| (key.clone(), json!(HIDDEN))).collect();
        let mut shown = json!({
            "Class": provider.class,
            "Config": Value::Object(hidden).to_string(),
            "Timeout": provider.timeout,
            "Default": name == default,
        });
        if provider.managed {
            shown["Managed"] = json!(true);
        }
        (name, shown)
    });
    Ok(Reply::new(shown.collect::<Map<String, Value>>()))
}

/// A pool of the file that has this name comes back. The default one stays as long as there are others, as in LinOTP.
pub(super) async fn remove(system: &System, params: &Params) -> Result<Reply, AdminError> {
    sms(params)?;
    let name = pool(params)?;
    let decide = |settings: &OpenSettings| {
        let set = providers(&settings.values);
        if !set.contains_key(name.as_str()) {
            return Ok((Vec::new(), Some("no provider of this name is set")));
        }
        let is_default =
            settings.values.get(DEFAULT_PROVIDER).is_some_and(|default| **default == name.as_str());
        if is_default && set.len() > 1 {
            return Ok((Vec::new(), Some("Default provider could not be deleted!")));
        }
        let mut places = vec![place(&name)];
        if name.as_str() == SEEDS {
            places.extend([CLASS, CONFIG].map(|key| Name::parse(key).expect("a name of its own").place()));
        }
        if is_default {
            places.push(DEFAULT_PROVIDER.to_owned());
        }
        let there = places.into_iter().filter(|place| settings.values.contains_key(place));
        Ok((there.map(|place| (place, None)).collect(), None))
    };
    if let Some(why) = system.change(decide).await? {
        return Ok(Reply::new(false).saying(why));
    }
    info!(pool = %name, "a provider was removed");
    Ok(Reply::new(true))
}

/// From now on SMS take this pool only; one of the file may be it too.
pub(super) async fn set_default(system: &System, params: &Params) -> Result<Reply, AdminError> {
    sms(params)?;
    let name = pool(params)?;
    let decide = |settings: &OpenSettings| {
        let known =
            system.0.base.pools.contains(&name) || providers(&settings.values).contains_key(name.as_str());
        if !known {
            return Err(AdminError::plain(
                "no provider of this name is set, and no pool of the TOML file is called so",
            ));
        }
        let value = Some(Zeroizing::new(name.to_string()));
        Ok((vec![(DEFAULT_PROVIDER.to_owned(), value)], ()))
    };
    system.change(decide).await?;
    info!(pool = %name, "the default provider was set");
    Ok(Reply::new(true))
}

/// Reads the provider's configuration again, as its sender does; nothing is sent.
pub(super) async fn test(system: &System, params: &Params) -> Result<Reply, AdminError> {
    sms(params)?;
    let name = pool(params)?;
    let values = system.read().await?.values;
    let set = providers(&values);
    let provider =
        set.get(name.as_str()).ok_or_else(|| AdminError::plain("no provider of this name is set"))?;
    match (system.0.check)(&provider.class, &provider.config()) {
        Ok(_) => Ok(Reply::new(true).saying("the configuration can be read; nothing was sent")),
        Err(faults) => Err(refused(&faults, "config")),
    }
}

/// The classes there are.
pub(super) fn definitions(params: &Params) -> Result<Reply, AdminError> {
    sms(params)?;
    let class = params.filled("class")?;
    let known = CLASSES.into_iter().filter(|(name, _)| class.is_none_or(|class| class == *name));
    let definition = |(name, kind): (&str, &str)| {
        (name.to_owned(), json!({ "class": name, "sender": kind, "config": "a JSON object" }))
    };
    Ok(Reply::new(known.map(definition).collect::<Map<String, Value>>()))
}

/// LinOTP has providers of other kinds too.
fn sms(params: &Params) -> Result<(), AdminError> {
    match params.filled("type")? {
        Some("sms") => Ok(()),
        None => Err(AdminError::missing("type")),
        Some(_) => Err(AdminError::invalid("type", "sms is expected")),
    }
}

fn pool(params: &Params) -> Result<Pool, AdminError> {
    let name = params.filled("name")?.ok_or_else(|| AdminError::missing("name"))?;
    let expected = "1 to 32 characters of a-z 0-9 _ -, a letter or digit first, are expected";
    renamed(name).parse().map_err(|_| AdminError::invalid("name", expected))
}

fn renamed(name: &str) -> &str {
    if name == IMPORTED { SEEDS } else { name }
}

fn place(name: &Pool) -> String {
    format!("provider/{name}")
}
