//! LinOTP's wildcard: `*` stands for any text.

/// A text that may have stars in it; upper and lower case are the same.
pub(crate) struct Wildcard(String);

impl Wildcard {
    pub(crate) fn new(text: &str) -> Wildcard {
        Wildcard(text.to_lowercase())
    }

    /// Whether the whole `text` fits.
    pub(crate) fn fits(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        let mut parts = self.0.split('*');
        let first = parts.next().unwrap_or_default();
        let Some(mut rest) = text.strip_prefix(first) else { return false };
        let Some(last) = parts.next_back() else { return rest.is_empty() };
        for part in parts {
            match rest.find(part) {
                Some(at) => rest = &rest[at + part.len()..],
                None => return false,
            }
        }
        rest.ends_with(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text_and_the_rest_for_itself() {
        for (pattern, text, fits) in [
            ("LSSM1", "lssm1", true),
            ("LSSM", "LSSM1", false),
            ("LSSM*", "LSSM1", true),
            ("*1", "LSSM1", true),
            ("*", "", true),
            ("**", "x", true),
            ("L*M*1", "LSSM01", true),
            ("L*M*1", "LSS01", false),
            ("a*a", "a", false),
            ("a*b*c", "abbc", true),
            ("a*bc*c", "abc", false),
            ("", "", true),
            ("", "x", false),
            ("ä*", "Äb", true),
            ("a.c", "abc", false),
        ] {
            assert_eq!(Wildcard::new(pattern).fits(text), fits, "{pattern} {text}");
        }
    }
}
