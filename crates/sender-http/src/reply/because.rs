//! By which rule a reply was judged, for a person who tries a configuration out.

use mtan_sender::Verdict;

use super::{Found, Reply, found};
use crate::config::{ReplyRules, StatusRules, Success};

impl Reply {
    /// Why `verdict`, which [`Reply::verdict`] gave, is what it is: one sentence, with nothing of the reply in it.
    pub(crate) fn because(&self, rules: &ReplyRules, verdict: &Verdict) -> String {
        let status = self.status;
        if let Some(code) = self.refusal(rules, verdict) {
            return format!("HTTP {status}, and REFUSALS.{code} is found in the reply");
        }
        let found = found(&rules.success, &self.text());
        let words = words(&rules.success, &found);
        let is_2xx = (200..300).contains(&status) || rules.status == StatusRules::Ignore;
        match (found, verdict) {
            (Found::Success(_), Verdict::Unknown { .. }) => {
                format!("{words}, but HTTP {status} says that the gateway failed")
            }
            (Found::Success(_), _) => words.to_owned(),
            _ if rules.status.own(status).is_some() => format!("STATUS says what HTTP {status} means"),
            (Found::Failure, _) if is_2xx => format!("HTTP {status}, but {words}"),
            _ if !is_2xx => format!("HTTP {status} says so by itself"),
            (_, Verdict::Unknown { .. }) => {
                format!("HTTP {status} with an HTML page, and nothing is configured that tells a success")
            }
            _ if words.is_empty() => format!("HTTP {status} says so by itself"),
            _ => format!("HTTP {status}, and {words}"),
        }
    }
}

/// What the deciding key has to do with the reply.
fn words(success: &Success, found: &Found) -> &'static str {
    let good = matches!(found, Found::Success(_));
    let bad = matches!(found, Found::Failure);
    match success {
        Success::Matches(_) if good => "RETURN_SUCCESS_REGEX is found in the reply",
        Success::Matches(_) => "RETURN_SUCCESS_REGEX is not found in the reply",
        Success::MatchesNot(_) if bad => "RETURN_FAIL_REGEX is found in the reply",
        Success::MatchesNot(_) => "RETURN_FAIL_REGEX is not found in the reply",
        Success::BeginsWith(_) if good => "the reply begins with RETURN_SUCCESS",
        Success::BeginsWith(_) => "the reply does not begin with RETURN_SUCCESS",
        Success::BeginsNotWith(_) if bad => "the reply begins with RETURN_FAIL",
        Success::BeginsNotWith(_) => "the reply does not begin with RETURN_FAIL",
        Success::Json(_) if good => "SUCCESS_JSON is true of the reply",
        Success::Json(_) => "SUCCESS_JSON is not true of the reply",
        Success::Status => "",
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use jiff::Timestamp;
    use mtan_jobs::SendJob;
    use serde_json::{Value, json};

    use super::*;
    use crate::HttpConfig;

    /// The verdict, and why.
    fn judged(mut keys: Value, status: u16, body: &str) -> String {
        keys["URL"] = json!("http://gw/");
        let config = HttpConfig::from_json(&keys.to_string(), Path::new(".")).unwrap();
        let job = json!({ "id": "job-1", "to": "+491701234567", "text": "a text" });
        let job = SendJob::from_json(job.to_string().as_bytes()).unwrap();
        let reply = Reply { status, retry_after: None, body: body.as_bytes().to_vec() };
        let verdict = reply.verdict(&config.reply, &job, Timestamp::UNIX_EPOCH);
        format!("{} {}: {}", verdict.as_str(), verdict.code(), reply.because(&config.reply, &verdict))
    }

    #[test]
    fn the_rule_that_decided_is_named() {
        let refusals = json!({ "gateway_busy": "slow down", "number_rejected": "^ERR: 105", "gateway_auth_failed": "^ERR: 001" });
        let words = json!({ "RETURN_SUCCESS": "ID", "REFUSALS": refusals });
        for (keys, status, body, expected) in [
            (words.clone(), 200, "ID: 1", "accepted gateway_accepted: the reply begins with RETURN_SUCCESS"),
            (
                words.clone(),
                200,
                "ERR: 9",
                "rejected gateway_rejected: HTTP 200, but the reply does not begin with RETURN_SUCCESS",
            ),
            (
                words.clone(),
                200,
                "ERR: 105",
                "rejected number_rejected: HTTP 200, and REFUSALS.number_rejected is found in the reply",
            ),
            (
                words.clone(),
                500,
                "ERR: 001",
                "rejected gateway_auth_failed: HTTP 500, and REFUSALS.gateway_auth_failed is found in the reply",
            ),
            (
                words.clone(),
                403,
                "ERR: 001, slow down",
                "retry gateway_busy: HTTP 403, and REFUSALS.gateway_busy is found in the reply",
            ),
            (words.clone(), 401, "", "rejected gateway_auth_failed: HTTP 401 says so by itself"),
            (
                words.clone(),
                503,
                "ID: slow down",
                "unknown no_answer: the reply begins with RETURN_SUCCESS, but HTTP 503 says that the gateway failed",
            ),
            (words, 200, "ID: slow down", "accepted gateway_accepted: the reply begins with RETURN_SUCCESS"),
            (json!({}), 200, "x", "accepted gateway_accepted: HTTP 200 says so by itself"),
            (
                json!({}),
                200,
                "<html>",
                "unknown no_answer: HTTP 200 with an HTML page, and nothing is configured that tells a success",
            ),
            (
                json!({ "RETURN_FAIL": "ERR" }),
                200,
                "x",
                "accepted gateway_accepted: HTTP 200, and the reply does not begin with RETURN_FAIL",
            ),
            (
                json!({ "SUCCESS_JSON": "/id" }),
                200,
                "{}",
                "rejected gateway_rejected: HTTP 200, but SUCCESS_JSON is not true of the reply",
            ),
            (
                json!({ "STATUS": { "409": "retry" } }),
                409,
                "x",
                "retry gateway_busy: STATUS says what HTTP 409 means",
            ),
        ] {
            assert_eq!(judged(keys.clone(), status, body), expected, "{keys} {status} {body}");
        }
    }
}
