//! A JSON object becomes parameters; unlike a map it keeps repeated members, so that they can be refused.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use crate::params::{Pair, Unreadable};

/// The members of the object. Text stands for itself, a whole number for its digits, `null` for a member that is not there.
pub(crate) fn object(body: &[u8]) -> Result<Vec<Pair>, Unreadable> {
    let members: Members =
        serde_json::from_slice(body).map_err(|_| Unreadable("the body is no JSON object"))?;
    Ok(members.0)
}

struct Members(Vec<Pair>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Members, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some((key, value)) = map.next_entry::<String, Value>()? {
                    let value = match value {
                        Value::Null => continue,
                        Value::String(text) => Some(text),
                        Value::Number(number) if !number.is_f64() => Some(number.to_string()),
                        _ => None,
                    };
                    members.push(Pair { key, value });
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Object)
    }
}
