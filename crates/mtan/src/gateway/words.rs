//! What an answer means, and what to do about it: the lines of `docs/report-codes.md` for a person at a terminal.

use mtan_jobs::ReportCode;

/// What `code` means, and what to do.
pub(super) fn meaning(code: ReportCode) -> (&'static str, &'static str) {
    use ReportCode as C;
    match code {
        C::GatewayAccepted => (
            "the gateway took the SMS",
            "look whether it arrives; if it does not, ask the gateway's own log for the id",
        ),
        C::GatewayRejected => (
            "the gateway refused the SMS",
            "read its words above; check account, credit and sender name. If the SMS arrives all the same, RETURN_SUCCESS, \
             RETURN_SUCCESS_REGEX or SUCCESS_JSON does not know the gateway's good answer",
        ),
        C::GatewayAuthFailed => (
            "the gateway, or the proxy, refused the credentials",
            "check USERNAME, PASSWORD, HEADERS, the credentials in PARAMETER, and PROXY",
        ),
        C::GatewayUnreachable => {
            ("there was no connection: nothing was sent", "check URL, DNS, firewall, certificates and PROXY")
        }
        C::GatewayBusy => (
            "the gateway asks for patience; a sender would try again",
            "try again later; set tps of the pool to what the gateway allows",
        ),
        C::GatewayError => (
            "the gateway failed in itself; a sender would try again",
            "try again later, or call the provider",
        ),
        C::NoAnswer => (
            "the request was out and no usable answer came: nobody knows whether the SMS goes out",
            "look whether it arrives; a larger TIMEOUT may help; AMBIGUOUS decides what a sender does in this case",
        ),
        C::RedirectRefused => (
            "the gateway answered with a redirect, which is not followed: a POST would become a GET and lose the SMS",
            "set URL to the place that the gateway names, often the same with https://",
        ),
        C::NumberRejected => (
            "the gateway refused this number",
            "check the number, and NUMBER_FORMAT: how does the gateway want it written?",
        ),
        _ => ("the SMS was not handed over", "see docs/report-codes.md"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_of_a_way_out_has_words_of_its_own() {
        use ReportCode as C;
        let codes = [
            C::GatewayAccepted,
            C::GatewayRejected,
            C::GatewayAuthFailed,
            C::GatewayUnreachable,
            C::GatewayBusy,
            C::GatewayError,
            C::NoAnswer,
            C::RedirectRefused,
            C::NumberRejected,
        ];
        for code in codes {
            assert!(!meaning(code).1.contains("report-codes"), "{code}");
        }
    }
}
