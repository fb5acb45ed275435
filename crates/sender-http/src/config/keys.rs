//! Which keys there are.

/// Keys that are read.
pub(super) const KNOWN: &[&str] = &[
    "URL",
    "PARAMETER",
    "SMS_TEXT_KEY",
    "SMS_PHONENUMBER_KEY",
    "HTTP_Method",
    "USERNAME",
    "PASSWORD",
    "PROXY",
    "RETURN_SUCCESS",
    "RETURN_FAIL",
    "TIMEOUT",
    "AMBIGUOUS",
];

/// Keys that mean something to LinOTP or to our own documents and are not built yet. They are refused: a gateway that
/// is driven without what somebody wrote down sends wrong SMS, or none.
const NOT_YET: &[&str] = &[
    "AUTH_TYPE",
    "BODY",
    "CLIENT_CERTIFICATE",
    "DLR",
    "HEADERS",
    "MESSAGE_ID",
    "MSISDN",
    "NUMBER_FORMAT",
    "PROFILE",
    "RETURN_FAIL_REGEX",
    "RETURN_SUCCESS_REGEX",
    "SERVER_CERTIFICATE",
    "STATUS",
    "SUCCESS_JSON",
    "SUPPRESS_PREFIX",
    "VALIDITY_KEY",
    "VALIDITY_UNIT",
];

/// Why `key` cannot be there; `None` if it can.
pub(super) fn refusal(key: &str) -> Option<String> {
    if KNOWN.contains(&key) {
        None
    } else if NOT_YET.contains(&key) {
        Some("is not supported yet".to_owned())
    } else {
        Some(format!("no such key; did you mean {}?", nearest(key)))
    }
}

fn nearest(key: &str) -> &'static str {
    let key = key.to_lowercase();
    let distance = |known: &&&str| strsim::damerau_levenshtein(&known.to_lowercase(), &key);
    KNOWN.iter().chain(NOT_YET).min_by_key(distance).copied().expect("there are keys")
}
