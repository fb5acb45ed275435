//! Which keys there are.

use mtan_sender::keys::Known;

pub(super) const KNOWN: Known = Known {
    read: &[
        "URL",
        "PARAMETER",
        "SMS_TEXT_KEY",
        "SMS_PHONENUMBER_KEY",
        "HTTP_Method",
        "USERNAME",
        "PASSWORD",
        "AUTH_TYPE",
        "PROXY",
        "RETURN_SUCCESS",
        "RETURN_FAIL",
        "RETURN_SUCCESS_REGEX",
        "RETURN_FAIL_REGEX",
        "SUCCESS_JSON",
        "MESSAGE_ID",
        "STATUS",
        "HEADERS",
        "BODY",
        "TIMEOUT",
        "MSISDN",
        "SUPPRESS_PREFIX",
        "NUMBER_FORMAT",
        "SERVER_CERTIFICATE",
        "CLIENT_CERTIFICATE",
        "VALIDITY_KEY",
        "VALIDITY_UNIT",
        "AMBIGUOUS",
        "UNICODE",
        "REFUSALS",
        "PROFILE",
    ],
    not_yet: &["DLR"],
};
