//! A body from the wire becomes a [`SendJob`], or poison with every fault named.

use std::str::FromStr;

use mtan_sms::{MAX_SEGMENTS, PhoneNumber, SmsText, SmsTextError};
use serde_json::{Map, Value};

use crate::time::parse_time;
use crate::{JobId, Pool, Reference, SendJob, VERSION};

/// The largest body of a job, in bytes.
pub const MAX_BODY: usize = 16 * 1024;

/// The longest route, in pools.
const MAX_ROUTE: usize = 8;

/// One thing that is wrong with a job. Names the place, never the value: that may be a text or a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// JSON pointer (RFC 6901) to the member, `""` for the whole.
    pub pointer: String,
    /// What is expected there.
    pub message: String,
}

/// Why a body is no job, in a form for machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoisonReason {
    /// Over [`MAX_BODY`].
    BodyTooLarge,
    /// No JSON object.
    NotJson,
    /// `v` is not [`VERSION`].
    UnknownVersion,
    /// A member is missing or wrong.
    InvalidJob,
}

impl PoisonReason {
    /// `body_too_large`, `not_json`, `unknown_version`, `invalid_job`.
    pub fn as_str(self) -> &'static str {
        match self {
            PoisonReason::BodyTooLarge => "body_too_large",
            PoisonReason::NotJson => "not_json",
            PoisonReason::UnknownVersion => "unknown_version",
            PoisonReason::InvalidJob => "invalid_job",
        }
    }
}

/// A body that can never become an SMS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Poison {
    /// The reason, for machines.
    pub reason: PoisonReason,
    /// Every fault, for people.
    pub faults: Vec<Fault>,
    /// The job's id where it can be read: then a report is possible.
    pub id: Option<JobId>,
    /// The publisher's reference where it can be read.
    pub reference: Option<Reference>,
}

impl Poison {
    fn whole(reason: PoisonReason, message: impl Into<String>) -> Poison {
        let fault = Fault { pointer: String::new(), message: message.into() };
        Poison { reason, faults: vec![fault], id: None, reference: None }
    }

    /// All faults in one line: `/to: …; /text: …`.
    pub fn summary(&self) -> String {
        let line = |f: &Fault| {
            if f.pointer.is_empty() { f.message.clone() } else { format!("{}: {}", f.pointer, f.message) }
        };
        self.faults.iter().map(line).collect::<Vec<_>>().join("; ")
    }
}

impl SendJob {
    /// Reads a job from its JSON. Unknown members are ignored, every fault is named at once.
    pub fn from_json(body: &[u8]) -> Result<SendJob, Poison> {
        if body.len() > MAX_BODY {
            return Err(Poison::whole(
                PoisonReason::BodyTooLarge,
                format!("at most {MAX_BODY} bytes are expected"),
            ));
        }
        let object = match serde_json::from_slice(body) {
            Ok(Value::Object(object)) => object,
            Ok(_) => return Err(Poison::whole(PoisonReason::NotJson, "a JSON object is expected")),
            Err(e) => {
                let place = format!("line {} column {}", e.line(), e.column());
                return Err(Poison::whole(PoisonReason::NotJson, format!("no JSON: {place}")));
            }
        };
        Reader { object, faults: Vec::new() }.job()
    }
}

struct Reader {
    object: Map<String, Value>,
    faults: Vec<Fault>,
}

impl Reader {
    fn job(mut self) -> Result<SendJob, Poison> {
        let version = match self.object.get("v") {
            None => Some(VERSION),
            Some(v) => v.as_u64(),
        };
        let id = self.parsed::<JobId>("id", Need::Required);
        let reference = self.parsed::<Reference>("reference", Need::Optional);
        if version != Some(VERSION) {
            let fault = Fault { pointer: "/v".into(), message: format!("{VERSION} is expected") };
            return Err(Poison { reason: PoisonReason::UnknownVersion, faults: vec![fault], id, reference });
        }
        let to = self.phone();
        let text = self.text();
        let otp = self.string("otp", Need::Optional).filter(|otp| !otp.is_empty());
        let route = self.route();
        let expires_at = self.time("expires_at");
        match (id, to, text) {
            (Some(id), Some(to), Some(text)) if self.faults.is_empty() => {
                Ok(SendJob { id, to, text, otp, route, expires_at, reference })
            }
            (id, ..) => Err(Poison { reason: PoisonReason::InvalidJob, faults: self.faults, id, reference }),
        }
    }

    fn fault(&mut self, pointer: &str, message: impl Into<String>) {
        self.faults.push(Fault { pointer: format!("/{pointer}"), message: message.into() });
    }

    fn string(&mut self, key: &str, need: Need) -> Option<String> {
        match self.object.get(key) {
            Some(Value::String(text)) => Some(text.clone()),
            None | Some(Value::Null) if need == Need::Optional => None,
            None => {
                self.fault(key, "is required");
                None
            }
            Some(_) => {
                self.fault(key, "a string is expected");
                None
            }
        }
    }

    fn parsed<T: FromStr<Err: ToString>>(&mut self, key: &str, need: Need) -> Option<T> {
        let text = self.string(key, need)?;
        text.parse().map_err(|e: T::Err| self.fault(key, e.to_string())).ok()
    }

    fn phone(&mut self) -> Option<PhoneNumber> {
        let text = self.string("to", Need::Required)?;
        PhoneNumber::parse(&text).map_err(|e| self.fault("to", e.to_string())).ok()
    }

    fn text(&mut self) -> Option<SmsText> {
        let text = self.string("text", Need::Required)?;
        let text: Result<SmsText, SmsTextError> = SmsText::new(text);
        text.map_err(|_| self.fault("text", format!("1 to {MAX_SEGMENTS} SMS segments are expected"))).ok()
    }

    fn route(&mut self) -> Vec<Pool> {
        let items = match self.object.get("route") {
            None | Some(Value::Null) => return Vec::new(),
            Some(Value::Array(items)) => items.clone(),
            Some(_) => {
                self.fault("route", "an array of pool names is expected");
                return Vec::new();
            }
        };
        if items.len() > MAX_ROUTE {
            self.fault("route", format!("at most {MAX_ROUTE} pools are expected"));
            return Vec::new();
        }
        let mut route: Vec<Pool> = Vec::new();
        for (index, item) in items.iter().enumerate() {
            match item.as_str().map(str::parse::<Pool>) {
                Some(Ok(pool)) if route.contains(&pool) => {
                    self.fault(&format!("route/{index}"), "each pool once is expected");
                }
                Some(Ok(pool)) => route.push(pool),
                Some(Err(e)) => self.fault(&format!("route/{index}"), e.to_string()),
                None => self.fault(&format!("route/{index}"), "a pool name is expected"),
            }
        }
        route
    }

    fn time(&mut self, key: &str) -> Option<jiff::Timestamp> {
        let text = self.string(key, Need::Optional)?;
        let time = parse_time(&text);
        if time.is_none() {
            self.fault(key, "a time after RFC 3339 is expected, for example 2026-11-23T18:20:00.000Z");
        }
        time
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    Required,
    Optional,
}
