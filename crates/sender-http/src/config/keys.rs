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
        "PROXY",
        "RETURN_SUCCESS",
        "RETURN_FAIL",
        "TIMEOUT",
        "AMBIGUOUS",
    ],
    not_yet: &[
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
    ],
};
