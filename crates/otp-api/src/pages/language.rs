//! The language in which a page speaks, as the browser's `Accept-Language` wants it (RFC 9110 §12.5.4).

use axum::http::HeaderMap;
use axum::http::header::ACCEPT_LANGUAGE;

/// The languages of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    English,
    German,
}

/// The language with the most weight; of equal ones the first, and English where none is ours.
pub(super) fn preferred(headers: &HeaderMap) -> Language {
    let wanted = headers.get_all(ACCEPT_LANGUAGE).iter().filter_map(|value| value.to_str().ok());
    let mut best = (Language::English, 0.0);
    for (language, weight) in wanted.flat_map(|text| text.split(',')).filter_map(offer) {
        if weight > best.1 {
            best = (language, weight);
        }
    }
    best.0
}

/// `de-CH;q=0.8`: one of our languages, and its weight from 0 to 1.
fn offer(text: &str) -> Option<(Language, f32)> {
    let (range, weight) = text.split_once(';').unwrap_or((text, "q=1"));
    let language = match range.trim().split('-').next().unwrap_or_default() {
        name if name.eq_ignore_ascii_case("de") => Language::German,
        name if name.eq_ignore_ascii_case("en") || name == "*" => Language::English,
        _ => return None,
    };
    let weight = weight.trim().strip_prefix("q=")?.parse().ok()?;
    (0.0..=1.0).contains(&weight).then_some((language, weight))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_with_the_most_weight_is_spoken() {
        for (accepted, expected) in [
            ("", Language::English),
            ("de", Language::German),
            ("de-AT,de;q=0.9,en;q=0.8", Language::German),
            ("fr, DE-ch;q=0.7, en;q=0.8", Language::English),
            ("fr;q=1, de;q=0.1", Language::German),
            ("en, de", Language::English),
            ("de;q=0, en;q=0.1", Language::English),
            ("*", Language::English),
            ("de;q=NaN", Language::English),
            ("de;q=7", Language::English),
            ("deutsch", Language::English),
            (",;,=;q=", Language::English),
        ] {
            let headers = HeaderMap::from_iter([(ACCEPT_LANGUAGE, accepted.parse().unwrap())]);
            assert_eq!(preferred(&headers), expected, "{accepted}");
        }
        assert_eq!(preferred(&HeaderMap::new()), Language::English);
    }
}
