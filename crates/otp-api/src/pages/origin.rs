//! Whether a form was sent from our own page: another site must not make somebody's browser try PINs or ask for SMS.

use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, Uri};

/// Whether the request comes from a page of ours, or from no browser's page at all.
///
/// There is no session that a stranger's page could use: this keeps browsers from being made tools. `Sec-Fetch-Site` is what
/// browsers say over https and on this machine. Over plain http there is `Origin`, which is `null` from our own pages, for they
/// send no referrer. A program says neither, and could as well call /validate.
pub(super) fn is_ours(headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin" || site == "none";
    }
    match headers.get(ORIGIN).map(|origin| origin.to_str().unwrap_or_default()) {
        None | Some("null") => true,
        Some(origin) => names(origin, headers).unwrap_or(false),
    }
}

fn names(origin: &str, headers: &HeaderMap) -> Option<bool> {
    let host = headers.get(HOST)?.to_str().ok()?;
    let origin: Uri = origin.parse().ok()?;
    Some(origin.authority()?.as_str().eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours(headers: &[(&'static str, &'static str)]) -> bool {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        is_ours(&headers.collect())
    }

    #[test]
    fn what_the_browser_says_of_the_site_decides() {
        for (site, expected) in
            [("same-origin", true), ("none", true), ("same-site", false), ("cross-site", false), ("", false)]
        {
            assert_eq!(
                ours(&[("sec-fetch-site", site), ("host", "a"), ("origin", "http://a")]),
                expected,
                "{site}"
            );
        }
    }

    #[test]
    fn an_older_browser_names_the_origin() {
        for (origin, expected) in [
            ("http://mtan.example:8080", true),
            ("https://MTAN.example:8080", true),
            ("null", true),
            ("http://mtan.example", false),
            ("http://evil.example:8080", false),
            ("http://mtan.example:8080.evil.example", false),
            ("mtan.example:8080@evil.example", false),
            ("", false),
        ] {
            assert_eq!(ours(&[("host", "mtan.example:8080"), ("origin", origin)]), expected, "{origin}");
        }
        assert!(!ours(&[("origin", "http://mtan.example")]), "without a host nothing is ours");
    }

    #[test]
    fn a_program_that_says_nothing_is_let_in() {
        assert!(ours(&[("host", "mtan.example")]));
    }
}
