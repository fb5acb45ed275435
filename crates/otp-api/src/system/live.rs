//! What follows from the settings: pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use mtan_daemon::Fault;
use mtan_jobs::Pool;
use mtan_queue::SetPool;
use mtan_verifier::{Policies, Policy};
use tracing::warn;
use zeroize::Zeroizing;

use super::names::{CLASS, CONFIG, Name};
use super::provider::Provider;

/// The settings in clear.
pub(super) type Values = BTreeMap<String, Zeroizing<String>>;

/// Where the name of the default provider is kept.
pub(super) const DEFAULT_PROVIDER: &str = "default_provider";
/// The pool that the seed's three keys make.
pub(super) const SEEDS: &str = "default";

/// What the TOML file says.
pub(super) struct Base {
    pub(super) policies: Policies,
    pub(super) pools: Vec<Pool>,
    pub(super) long_validity: bool,
    pub(super) provisional: bool,
}

/// What follows.
pub(super) struct Live {
    pub(super) policies: Policies,
    /// The pools that are set.
    pub(super) pools: Vec<Pool>,
    pub(super) kinds: BTreeMap<String, Vec<SetPool>>,
}

/// Reads a provider and says of what kind it is.
type Check<'a> = &'a dyn Fn(&str, &str) -> Result<&'static str, Vec<Fault>>;

/// The file's rules with what was set over them. What cannot be read (a newer version may have set it) is left out and logged.
pub(super) fn compose(base: &Base, values: &Values, check: Check<'_>) -> Live {
    let mut policies = base.policies.clone();
    for (place, value) in values {
        let Some(name) = Name::of_place(place) else { continue };
        if let Err(why) = set(&mut policies, name, value, base.long_validity) {
            warn!(name = name.as_str(), "a setting counts for nothing: {why}");
        }
    }
    let mut kinds: BTreeMap<String, Vec<SetPool>> = BTreeMap::new();
    let mut pools: Vec<Pool> = Vec::new();
    for (name, provider) in providers(values) {
        let Ok(pool) = name.parse::<Pool>() else { continue };
        match check(&provider.class, &provider.config()) {
            Ok(kind) => {
                kinds.entry(kind.to_owned()).or_default().push(provider.set_pool(&name));
                pools.push(pool);
            }
            Err(faults) => {
                for Fault { key, message } in faults {
                    warn!(pool = name, key, "a provider that is set counts for nothing: {message}");
                }
            }
        }
    }
    let default = values.get(DEFAULT_PROVIDER).and_then(|name| name.parse::<Pool>().ok());
    route(&mut policies, base, &pools, default);
    let all: Vec<Pool> = base.pools.iter().chain(&pools).cloned().collect();
    super::policies::compose(&mut policies, values, &all, base.long_validity);
    Live { policies, pools, kinds }
}

/// Every provider that is set, by its name; the seed's keys are one of the name "default", unless setProvider has set that.
pub(super) fn providers(values: &Values) -> BTreeMap<String, Provider> {
    let mut providers = BTreeMap::new();
    let of_seed = |name: &str| values.get(&format!("config/{name}")).map(|value| value.to_string());
    if let (Some(class), Some(config)) = (of_seed(CLASS), of_seed(CONFIG)) {
        let provider = Provider { class, config, timeout: String::new(), managed: false };
        providers.insert(SEEDS.to_owned(), provider);
    }
    for (place, value) in values {
        let Some(name) = place.strip_prefix("provider/") else { continue };
        match serde_json::from_str(value) {
            Ok(provider) => drop(providers.insert(name.to_owned(), provider)),
            Err(_) => warn!(name, "a provider that is set cannot be read"),
        }
    }
    providers
}

/// Sets `name` where it is as the file's default has it: a realm that has its own keeps it.
fn set(policies: &mut Policies, name: Name, value: &str, long_validity: bool) -> Result<(), String> {
    let mut default = Policy::clone(&policies.default);
    name.set(value, &mut default, long_validity)?;
    let before = std::mem::replace(&mut policies.default, Arc::new(default));
    for realm in policies.realms.values_mut() {
        let mut changed = Policy::clone(realm);
        name.set(value, &mut changed, long_validity)?;
        // as the file has it if setting it in the file's default gives the same as in the realm, but for other rules
        let mut as_default = Policy::clone(realm);
        copy(name, &before, &mut as_default);
        if as_default == **realm {
            *realm = Arc::new(changed);
        }
    }
    Ok(())
}

/// The one rule of `name`, from one policy to another.
fn copy(name: Name, from: &Policy, to: &mut Policy) {
    match name.as_str() {
        super::names::TIMEOUT => to.validity = from.validity,
        "SMSBlockingTimeout" => to.blocking = from.blocking,
        "SMS_CHALLENGE_PROMPT" => to.prompt.clone_from(&from.prompt),
        "DefaultOtpLen" => to.digits = from.digits,
        "DefaultMaxFailCount" => to.max_fail_count = from.max_fail_count,
        "PrependPin" => to.prepend_pin = from.prepend_pin,
        _ => {}
    }
}

/// The default provider is the route, as in LinOTP; else the file's route stays, and without one the set pools are it, `default`
/// first.
fn route(policies: &mut Policies, base: &Base, set: &[Pool], default: Option<Pool>) {
    let known = |pool: &Pool| set.contains(pool) || base.pools.contains(pool);
    let of_file = policies.default.route.clone();
    let route = match default.filter(known) {
        Some(default) => vec![default],
        None if set.is_empty() || !(base.provisional || of_file.is_empty()) => return,
        None => {
            let mut route = set.to_vec();
            route.sort_by_key(|pool| *pool != Pool::default_pool());
            route
        }
    };
    for policy in std::iter::once(&mut policies.default).chain(policies.realms.values_mut()) {
        if policy.route == of_file {
            Arc::make_mut(policy).route.clone_from(&route);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::provider::check_provider;

    fn values(pairs: &[(&str, &str)]) -> Values {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), Zeroizing::new((*value).to_owned()))).collect()
    }

    fn base(route: &[&str]) -> Base {
        let pools: Vec<Pool> = route.iter().map(|name| name.parse().unwrap()).collect();
        let policies = Policies::from(Policy { route: pools.clone(), ..Policy::default() });
        Base { policies, pools, long_validity: false, provisional: false }
    }

    fn composed(base: &Base, pairs: &[(&str, &str)]) -> Live {
        compose(base, &values(pairs), &check_provider)
    }

    fn route(live: &Live) -> Vec<&str> {
        live.policies.default.route.iter().map(Pool::as_str).collect()
    }

    const HTTP: &str = r#"{"class":"HttpSMSProvider","config":"{}","timeout":"5"}"#;

    #[test]
    fn without_settings_everything_is_as_the_file_has_it() {
        let base = base(&["default", "backup"]);
        let live = composed(&base, &[]);
        assert_eq!(live.policies, base.policies);
        assert!(live.pools.is_empty() && live.kinds.is_empty());
    }

    #[test]
    fn the_seeds_keys_make_a_pool_and_a_route_where_there_is_none() {
        let both = [
            ("config/SMSProvider", "smsprovider.SmtpSMSProvider.SmtpSMSProvider"),
            ("config/SMSProviderConfig", "{}"),
        ];
        let live = composed(&base(&[]), &both);
        assert_eq!(route(&live), ["default"]);
        assert_eq!(live.kinds["smtp"][0].name, "default");
        let live = composed(&base(&[]), &both[..1]);
        assert!(live.pools.is_empty(), "one of the two makes none");
    }

    #[test]
    fn the_default_provider_is_the_route_and_without_one_the_files_stays() {
        let base = base(&["default", "backup"]);
        let set = ("provider/other", HTTP);
        assert_eq!(route(&composed(&base, &[set])), ["default", "backup"]);
        assert_eq!(route(&composed(&base, &[set, ("default_provider", "other")])), ["other"]);
        assert_eq!(route(&composed(&base, &[("default_provider", "backup")])), ["backup"]);
        assert_eq!(route(&composed(&base, &[("default_provider", "gone")])), ["default", "backup"]);
    }

    #[test]
    fn a_realm_keeps_what_it_has_of_its_own() {
        let mut base = base(&["default"]);
        let own = Policy { prompt: "mine".into(), ..Policy::clone(&base.policies.default) };
        base.policies.realms.insert("work".into(), Arc::new(own));
        let live = composed(&base, &[("config/SMS_CHALLENGE_PROMPT", "new"), ("config/DefaultOtpLen", "8")]);
        assert_eq!(live.policies.default.prompt, "new");
        assert_eq!(live.policies.realms["work"].prompt, "mine");
        assert_eq!(live.policies.realms["work"].digits.get(), 8);
    }

    #[test]
    fn what_cannot_be_read_takes_nothing_else_with_it() {
        let live = composed(
            &base(&[]),
            &[
                ("provider/a", "{"),
                ("provider/b", HTTP),
                ("provider/not a pool", HTTP),
                ("config/DefaultOtpLen", "x"),
                ("later/x", "y"),
            ],
        );
        assert_eq!(route(&live), ["b"]);
    }
}
