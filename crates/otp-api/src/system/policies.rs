//! setPolicy, getPolicy and delPolicy: LinOTP's policies, as far as they are about SMS.

use std::collections::BTreeMap;
use std::sync::Arc;

use mtan_jobs::Pool;
use mtan_verifier::{Change, OpenSettings, Policies, Policy, Template, UserRef};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tracing::{info, warn};
use zeroize::Zeroizing;

use super::System;
use super::live::Values;
use super::names::Name;
use super::reply::Reply;
use crate::admin::AdminError;
use crate::params::Params;
use crate::policies::{read_otppin, read_switch};

/// Where policies are kept.
const PLACE: &str = "policy/";

/// LinOTP's scopes in which one of our actions lies.
const SCOPES: [&str; 3] = ["authentication", "authorization", "enrollment"];

/// A policy as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    scope: String,
    action: String,
    realm: String,
    active: bool,
}

/// A policy by that name, live.
pub(super) async fn set(system: &System, params: &Params) -> Result<Reply, AdminError> {
    let name = name(params)?;
    let required = |key: &str| params.filled(key)?.ok_or_else(|| AdminError::missing(key));
    let kept = Kept {
        scope: required("scope")?.to_owned(),
        action: required("action")?.to_owned(),
        realm: required("realm")?.to_owned(),
        active: params
            .filled("active")?
            .map_or(Ok(true), read_switch)
            .map_err(|why| AdminError::invalid("active", why))?,
    };
    if !SCOPES.contains(&kept.scope.as_str()) {
        return Err(AdminError::plain(format!("scope: one of {} is expected", SCOPES.join(", "))));
    }
    for key in ["user", "client"] {
        if params.filled(key)?.is_some_and(|text| text.trim() != "*") {
            return Err(AdminError::plain(format!(
                "{key}: * is expected: a policy here is for whole realms"
            )));
        }
    }
    realms(&kept.realm).map_err(|why| AdminError::invalid("realm", why))?;
    let value = serde_json::to_string(&kept).expect("texts become JSON");
    let decide = |settings: &OpenSettings| {
        let pools = pools(system, &settings.values);
        let rules = Rules { pools: &pools, long_validity: system.0.base.long_validity };
        rules.apply(&kept.action, &mut Policy::default()).map_err(AdminError::plain)?;
        let change: Change = (format!("{PLACE}{name}"), Some(Zeroizing::new(value.clone())));
        Ok((vec![change], ()))
    };
    system.change(decide).await?;
    info!(policy = name, "a policy was set");
    let told =
        ["realm", "active", "client", "user", "action", "scope"].map(|key| (key.to_owned(), json!(true)));
    Ok(Reply::new(json!({ format!("setPolicy {name}"): Map::from_iter(told) })))
}

/// The policies, or the one of that `name`; `realm` and `scope` choose too.
pub(super) async fn get(system: &System, params: &Params) -> Result<Reply, AdminError> {
    let (name, realm, scope) = (params.filled("name")?, params.filled("realm")?, params.filled("scope")?);
    let values = system.read().await?.values;
    let wanted = |(known, kept): &(&str, Kept)| {
        name.is_none_or(|name| name == *known)
            && scope.is_none_or(|scope| scope == kept.scope)
            && realm.is_none_or(|realm| kept.is_for(realm))
    };
    let shown = kept(&values).filter(wanted).map(|(name, kept)| {
        let Kept { scope, action, realm, active } = kept;
        let active = if active { "True" } else { "False" };
        let policy = json!({
            "scope": scope, "action": action, "realm": realm, "active": active, "user": "*", "client": "*",
        });
        (name.to_owned(), policy)
    });
    Ok(Reply::new(shown.collect::<Map<String, Value>>()))
}

/// True also where there was none.
pub(super) async fn remove(system: &System, params: &Params) -> Result<Reply, AdminError> {
    let name = name(params)?;
    let place = format!("{PLACE}{name}");
    let decide = |settings: &OpenSettings| {
        let changes: Vec<Change> =
            settings.values.contains_key(&place).then(|| (place.clone(), None)).into_iter().collect();
        Ok((changes, ()))
    };
    system.change(decide).await?;
    info!(policy = name, "a policy was removed");
    Ok(Reply::new(json!({ "delPolicy": { "result": true } })))
}

/// The policies that are set, over `policies`: first those for every realm, then those for single ones, each in the order of
/// their names. What cannot be read is left out and logged.
pub(super) fn compose(policies: &mut Policies, values: &Values, pools: &[Pool], long_validity: bool) {
    let rules = Rules { pools, long_validity };
    let (all, single): (Vec<_>, Vec<_>) =
        kept(values).filter(|(_, kept)| kept.active).partition(|(_, kept)| kept.realm.trim() == "*");
    for (name, kept) in all {
        let places = std::iter::once(&mut policies.default).chain(policies.realms.values_mut());
        places.for_each(|policy| rules.take(name, &kept, policy));
    }
    for (name, kept) in single {
        for realm in realms(&kept.realm).unwrap_or_default() {
            let policy = policies.realms.entry(realm).or_insert_with(|| Arc::clone(&policies.default));
            rules.take(name, &kept, policy);
        }
    }
}

fn kept(values: &Values) -> impl Iterator<Item = (&str, Kept)> {
    values.iter().filter_map(|(place, value)| {
        let name = place.strip_prefix(PLACE)?;
        match serde_json::from_str(value) {
            Ok(kept) => Some((name, kept)),
            Err(_) => {
                warn!(policy = name, "a policy that is set cannot be read");
                None
            }
        }
    })
}

impl Kept {
    fn is_for(&self, realm: &str) -> bool {
        self.realm.trim() == "*"
            || realms(&self.realm).is_ok_and(|realms| realms.contains(&realm.to_lowercase()))
    }
}

/// What an action may name.
struct Rules<'a> {
    pools: &'a [Pool],
    long_validity: bool,
}

impl Rules<'_> {
    fn take(&self, name: &str, kept: &Kept, policy: &mut Arc<Policy>) {
        let mut changed = Policy::clone(policy);
        match self.apply(&kept.action, &mut changed) {
            Ok(()) => *policy = Arc::new(changed),
            Err(why) => warn!(policy = name, "a policy counts for nothing: {why}"),
        }
    }

    /// Every action of `text`, or the first mistake.
    fn apply(&self, text: &str, policy: &mut Policy) -> Result<(), String> {
        for (name, value) in actions(text)? {
            self.apply_one(&name, value.as_deref(), policy).map_err(|why| format!("{name}: {why}"))?;
        }
        Ok(())
    }

    fn apply_one(&self, name: &str, value: Option<&str>, policy: &mut Policy) -> Result<(), String> {
        let given = || value.ok_or_else(|| "a value is expected".to_owned());
        let switch = || value.map_or(Ok(true), read_switch);
        match name {
            "smstext" => policy.sms_text = Template::new(given()?).map_err(|e| e.to_string())?,
            "sms_provider" => policy.route = self.route(given()?)?,
            "otppin" => policy.otppin = read_otppin(given()?)?,
            "trigger_sms" => policy.trigger_sms = switch()?,
            "caller_text" => policy.caller_text = switch()?,
            "enforce_smstext" => policy.caller_text = !switch()?,
            "detail_on_success" => policy.detail_on_success = switch()?,
            "detail_on_fail" => policy.detail_on_fail = switch()?,
            "MaxFailCount"
            | "DefaultOtpLen"
            | "SMSBlockingTimeout"
            | "SMSProviderTimeout"
            | "PrependPin"
            | "SMS_CHALLENGE_PROMPT" => Name::parse(name)?.set(given()?, policy, self.long_validity)?,
            _ => {
                return Err("this action means nothing here; actions that do: smstext, sms_provider, otppin, trigger_sms, \
                            caller_text, enforce_smstext, detail_on_success, detail_on_fail, MaxFailCount, DefaultOtpLen, \
                            SMSBlockingTimeout, SMSProviderTimeout, PrependPin, SMS_CHALLENGE_PROMPT"
                    .to_owned());
            }
        }
        Ok(())
    }

    /// LinOTP's list of providers, with blanks between.
    fn route(&self, text: &str) -> Result<Vec<Pool>, String> {
        let known = || self.pools.iter().map(Pool::as_str).collect::<Vec<_>>().join(", ");
        let pool = |name: &str| {
            let pool = name.parse().ok().filter(|pool| self.pools.contains(pool));
            pool.ok_or_else(|| format!("no provider is called {name:?}; there are: {}", known()))
        };
        let route: Vec<Pool> = text.split_whitespace().map(pool).collect::<Result<_, _>>()?;
        if route.is_empty() {
            Err(format!("a provider is expected; there are: {}", known()))
        } else {
            Ok(route)
        }
    }
}

/// Those of the file, and those that are set.
fn pools(system: &System, values: &Values) -> Vec<Pool> {
    let set = super::live::providers(values).into_keys().filter_map(|name| name.parse().ok());
    system.0.base.pools.iter().cloned().chain(set).collect()
}

fn name(params: &Params) -> Result<&str, AdminError> {
    let name = params.filled("name")?.ok_or_else(|| AdminError::missing("name"))?;
    let valid = name.len() <= 64 && name.chars().all(|c| c.is_alphanumeric() || "._- ".contains(c));
    if valid {
        Ok(name)
    } else {
        Err(AdminError::invalid("name", "1 to 64 letters, digits, blanks, . _ - are expected"))
    }
}

/// `*`, or names of realms with commas between; lower-case.
fn realms(text: &str) -> Result<Vec<String>, String> {
    if text.trim() == "*" {
        return Ok(Vec::new());
    }
    let realm = |name: &str| UserRef::new("user", name.trim()).map(|user| user.realm().to_owned());
    text.split(',')
        .map(realm)
        .collect::<Result<_, _>>()
        .map_err(|_| "*, or names of realms, are expected".to_owned())
}

/// LinOTP's `action`: names, each perhaps with a value, with commas between; a value in quotes may have commas.
fn actions(text: &str) -> Result<BTreeMap<String, Option<String>>, String> {
    let (mut actions, mut rest) = (BTreeMap::new(), text.trim());
    while !rest.is_empty() {
        let end = rest.find(['=', ',']).unwrap_or(rest.len());
        let name = rest[..end].trim().to_owned();
        let (value, behind) = match rest[end..].strip_prefix('=') {
            Some(behind) => {
                let (value, behind) = value(behind.trim_start())?;
                (Some(value), behind)
            }
            None => (None, &rest[end..]),
        };
        if name.is_empty() {
            return Err("action: name=value, with commas between, is expected".to_owned());
        }
        actions.insert(name, value);
        rest = match behind.trim_start().strip_prefix(',') {
            Some(behind) => behind.trim_start(),
            None if behind.trim().is_empty() => "",
            None => return Err("action: a comma is expected behind a value".to_owned()),
        };
    }
    if actions.is_empty() { Err("action: name=value is expected".to_owned()) } else { Ok(actions) }
}

/// A value, and what stands behind it.
fn value(text: &str) -> Result<(String, &str), String> {
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'));
    if let Some(quote) = quote {
        let inner = &text[1..];
        let end = inner.find(quote).ok_or("action: a quotation mark has no end")?;
        return Ok((inner[..end].to_owned(), &inner[end + 1..]));
    }
    let end = text.find(',').unwrap_or(text.len());
    Ok((text[..end].trim().to_owned(), &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use mtan_verifier::OtpPin;

    fn pools() -> Vec<Pool> {
        vec!["default".parse().unwrap(), "backup".parse().unwrap()]
    }

    fn applied(action: &str) -> Result<Policy, String> {
        let (pools, mut policy) = (pools(), Policy::default());
        Rules { pools: &pools, long_validity: false }.apply(action, &mut policy).map(|()| policy)
    }

    #[test]
    fn every_action_is_read_as_linotp_writes_it() {
        let policy = applied(
            "smstext='Your code: <otp>, really', sms_provider=backup default,otppin=only_otp, trigger_sms, \
             detail_on_success,detail_on_fail=true,MaxFailCount = 5,DefaultOtpLen=8,SMSBlockingTimeout=60,PrependPin=False",
        );
        let expected = Policy {
            sms_text: Template::new("Your code: <otp>, really").unwrap(),
            route: vec!["backup".parse().unwrap(), "default".parse().unwrap()],
            otppin: OtpPin::OnlyOtp,
            trigger_sms: true,
            detail_on_success: true,
            detail_on_fail: true,
            max_fail_count: 5,
            digits: mtan_hotp::Digits::new(8).unwrap(),
            blocking: std::time::Duration::from_secs(60),
            prepend_pin: false,
            ..Policy::default()
        };
        assert_eq!(policy, Ok(expected));
        assert_eq!(applied("otppin=2").unwrap().otppin, OtpPin::OnlyOtp);
    }

    #[test]
    fn each_mistake_says_what_is_expected() {
        for (action, words) in [
            ("", "name=value"),
            (",", "name=value"),
            ("=x", "name=value"),
            ("smstext", "smstext: a value is expected"),
            ("smstext='x", "no end"),
            ("smstext='x' y", "a comma is expected"),
            ("otppin=3", "ignore_pin"),
            ("otppin=password", "token_pin or only_otp"),
            ("sms_provider=gone", "there are: default, backup"),
            ("sms_provider= ", "there are: default, backup"),
            ("DefaultOtpLen=9", "6, 7 or 8"),
            ("autosms", "this action means nothing here"),
            ("trigger_sms=perhaps", "trigger_sms"),
        ] {
            let why = applied(action).unwrap_err();
            assert!(why.contains(words), "{action}: {why}");
        }
    }

    fn values(policies: &[(&str, &str, &str, bool)]) -> Values {
        let one = |(name, action, realm, active): &(&str, &str, &str, bool)| {
            let kept = Kept {
                scope: "authentication".into(),
                action: (*action).into(),
                realm: (*realm).into(),
                active: *active,
            };
            (format!("{PLACE}{name}"), Zeroizing::new(serde_json::to_string(&kept).unwrap()))
        };
        policies.iter().map(one).collect()
    }

    #[test]
    fn a_realms_own_policy_wins_over_that_of_all_and_a_sleeping_one_counts_for_nothing() {
        let mut policies = Policies::default();
        let values = values(&[
            ("a", "MaxFailCount=3", "Work", true),
            ("b", "MaxFailCount=7,trigger_sms", "*", true),
            ("c", "MaxFailCount=1", "*", false),
            ("d", "autosms", "*", true),
        ]);
        compose(&mut policies, &values, &pools(), false);
        assert_eq!((policies.default.max_fail_count, policies.default.trigger_sms), (7, true));
        let work = &policies.realms["work"];
        assert_eq!((work.max_fail_count, work.trigger_sms), (3, true));
    }
}
