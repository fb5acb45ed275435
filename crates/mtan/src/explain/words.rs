//! What a report means, and what to do about it: the lines of `docs/report-codes.md` for a person at a terminal.

use mtan_jobs::{Outcome, ReportCode, SendReport};

/// What happened, and what to do, if there is anything.
pub(super) fn meaning(report: &SendReport) -> (&'static str, Option<&'static str>) {
    use ReportCode as C;
    match report.code {
        C::GatewayAccepted => ("the gateway took the SMS", None),
        C::GatewayRejected => {
            ("the gateway refused the SMS", Some("check account, credit, sender name and RETURN_SUCCESS"))
        }
        C::GatewayAuthFailed => (
            "the gateway refused our credentials",
            Some("check USERNAME, PASSWORD, PARAMETER and PROXY; mailuser and mailpassword"),
        ),
        C::GatewayUnreachable => (
            "the gateway could not be reached",
            Some("check URL or mailserver, DNS, firewall, PROXY and certificates"),
        ),
        C::GatewayBusy => {
            ("the gateway asked for patience", Some("lower the rate, or ask the provider for more"))
        }
        C::GatewayError => {
            ("the gateway failed in itself", Some("call the provider, or add a second pool to the route"))
        }
        C::NoAnswer => (
            "the SMS was handed over and no usable answer came: nobody knows whether it went out",
            Some("compare with the gateway's own log; consider AMBIGUOUS"),
        ),
        C::RedirectRefused => (
            "the gateway answered with a redirect, which is not followed",
            Some("set URL to the place that it names"),
        ),
        C::NumberRejected => ("the number itself was refused", Some("correct the token's phone number")),
        C::Expired => (
            "its time was over before it could be handed over",
            Some("more senders, a faster gateway, or a longer SMSProviderTimeout"),
        ),
        C::AttemptsExhausted => (
            "every try of every pool of the route failed",
            Some("the pools' metrics show the reason of the failures"),
        ),
        C::InvalidJob => (
            "the job could not be read: a member is missing or wrong",
            Some("tell the publisher; the faults stand in the dead letter's headers"),
        ),
        C::UnknownVersion => (
            "the job speaks another version of the contract",
            Some("update the senders first, publishers after"),
        ),
        C::SenderLost => (
            "a sender stopped in the middle of the hand-over: nobody knows whether the SMS went out",
            Some("look for the reason of the stop"),
        ),
        C::DeliveryReport if report.outcome == Outcome::Delivered => ("the SMS reached the phone", None),
        C::DeliveryReport => (
            "the SMS did not reach the phone",
            Some("read the network's words; check the number, and whether the phone is on"),
        ),
    }
}
