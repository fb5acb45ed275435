//! The shipped profiles: what HttpSMSProvider must know about a gateway that is known, as data.

mod apply;
mod shelf;

use mtan_daemon::Fault;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// A shipped set of keys for one gateway: `"PROFILE": "twilio"`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// What PROFILE names.
    #[serde(skip)]
    pub name: &'static str,
    /// The gateway, for people.
    pub title: String,
    /// Where the gateway's own documentation is.
    pub documentation: String,
    /// What the person must give, or may.
    pub needs: Vec<Need>,
    /// What else is good to know, a sentence each.
    #[serde(default)]
    pub notes: Vec<String>,
    /// Keys of HttpSMSProvider. `{NAME}` in a string stands for the key NAME of `needs`.
    pub config: Map<String, Value>,
    /// How the gateway reports delivery; `None` where it cannot be told with the request.
    #[serde(default)]
    pub dlr: Option<Dlr>,
}

/// A key that the person gives.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Need {
    /// A key of HttpSMSProvider such as `USERNAME`, a member of one such as `PARAMETER.from`, or a name of the profile's
    /// own such as `API_KEY`.
    pub key: String,
    /// Another key that does as well.
    #[serde(default)]
    pub or: Option<String>,
    /// What it is.
    pub is: String,
    /// What it may look like.
    #[serde(default)]
    pub example: Option<String>,
    /// Whether it may be left out.
    #[serde(default)]
    pub optional: bool,
    /// Whether nobody else may see it.
    #[serde(default)]
    pub secret: bool,
    /// Whether it is a host name, with or without a port.
    #[serde(default)]
    pub host: bool,
}

/// Delivery reports, where a person asks for them by `"DLR": true`: what the request takes more, and how the callback reads.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dlr {
    /// Further members of PARAMETER, HEADERS or BODY, with `<dlr_url>` in them.
    pub request: Map<String, Value>,
    /// The block DLR of HttpSMSProvider.
    #[serde(rename = "DLR")]
    pub block: Map<String, Value>,
}

/// Keys of HttpSMSProvider, and what is wrong with them so far; faults are seen from the object's top.
pub type Applied = (Map<String, Value>, Vec<Fault>);

impl Profile {
    /// All of them, by name.
    pub fn all() -> Vec<Profile> {
        shelf::NAMES.iter().map(|(name, text)| Profile::read(name, text)).collect()
    }

    /// The one of that name. The error names the nearest.
    pub fn named(name: &str) -> Result<Profile, UnknownProfile> {
        let found = shelf::NAMES.iter().find(|(known, _)| *known == name);
        found
            .map(|(name, text)| Profile::read(name, text))
            .ok_or_else(|| UnknownProfile { nearest: nearest(name) })
    }

    fn read(name: &'static str, text: &str) -> Profile {
        let profile = serde_json::from_str(text).expect("a test reads every shipped profile");
        Profile { name, ..profile }
    }

    /// The profile's keys under those of `own`: own ones win, PARAMETER and HEADERS member by member, and an own `null`
    /// takes a key away. The faults name what is missing; the keys are there all the same, so that a reader can find the
    /// other mistakes too.
    pub fn apply(&self, own: &Map<String, Value>) -> Applied {
        apply::apply(self, own)
    }

    /// What a person would write: every key that must be given, with an example.
    pub fn sample(&self) -> Map<String, Value> {
        let mut sample = Map::from_iter([("PROFILE".to_owned(), json!(self.name))]);
        for need in self.needs.iter().filter(|need| !need.optional) {
            let value = json!(need.example.as_deref().unwrap_or("your-secret"));
            match need.key.split_once('.') {
                None => sample.insert(need.key.clone(), value),
                Some((key, member)) => match sample.entry(key).or_insert_with(|| json!({})) {
                    Value::Object(object) => object.insert(member.to_owned(), value),
                    _ => None,
                },
            };
        }
        sample
    }
}

/// The keys that `own` stands for: those of its PROFILE and its own, with what is wrong so far; without a PROFILE itself. An
/// error where nobody knows what is meant by the other keys. Faults are seen from the object's top.
pub(crate) fn expand(mut own: Map<String, Value>) -> Result<Applied, Vec<Fault>> {
    let fault = |message: String| vec![Fault { key: "PROFILE".to_owned(), message }];
    match own.remove("PROFILE") {
        None => Ok((own, Vec::new())),
        Some(Value::String(name)) => Profile::named(&name)
            .map(|profile| profile.apply(&own))
            .map_err(|unknown| fault(unknown.to_string())),
        Some(_) => Err(fault("the name of a profile is expected; `mtan gateway list` names all".to_owned())),
    }
}

/// A name that no profile has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no such profile; did you mean {nearest}? `mtan gateway list` names all")]
pub struct UnknownProfile {
    /// The name of the profile that is nearest to what was given.
    pub nearest: &'static str,
}

fn nearest(name: &str) -> &'static str {
    // other names under which people know them
    const ALSO: [(&str, &str); 4] =
        [("nexmo", "vonage"), ("bird", "messagebird"), ("sms77", "seven"), ("clx", "sinch")];
    let name = name.to_lowercase();
    let known = shelf::NAMES.iter().map(|(known, _)| (*known, *known)).chain(ALSO);
    let distance = |(known, _): &(&str, &str)| strsim::damerau_levenshtein(known, &name);
    known.min_by_key(distance).map(|(_, profile)| profile).expect("there are profiles")
}

#[cfg(test)]
mod tests;
