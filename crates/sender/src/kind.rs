//! Which sender a pool needs, by the class names that the seed and LinOTP use.

use std::fmt;
use std::str::FromStr;

/// The three kinds of way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProviderKind {
    /// `HttpSMSProvider`
    Http,
    /// `SmtpSMSProvider`
    Smtp,
    /// `DeviceSMSProvider`
    Device,
}

impl ProviderKind {
    /// Every kind.
    pub const ALL: [ProviderKind; 3] = [ProviderKind::Http, ProviderKind::Smtp, ProviderKind::Device];

    /// The short class name.
    pub fn class(self) -> &'static str {
        match self {
            ProviderKind::Http => "HttpSMSProvider",
            ProviderKind::Smtp => "SmtpSMSProvider",
            ProviderKind::Device => "DeviceSMSProvider",
        }
    }

    /// `http`, `smtp`, `modem`: as it stands in reports and in the names of processes.
    pub fn as_str(self) -> &'static str {
        match self {
            ProviderKind::Http => "http",
            ProviderKind::Smtp => "smtp",
            ProviderKind::Device => "modem",
        }
    }

    /// All spellings of the class: short, the seed's, and LinOTP 3's.
    fn spellings(self) -> [String; 4] {
        let x = self.class();
        [
            x.to_owned(),
            format!("smsprovider.{x}"),
            format!("smsprovider.{x}.{x}"),
            format!("linotp.provider.smsprovider.{x}"),
        ]
    }
}

impl fmt::Display for ProviderKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.class())
    }
}

/// A class name that nobody knows; names the known ones and the nearest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "HttpSMSProvider, SmtpSMSProvider or DeviceSMSProvider is expected (X also as smsprovider.X, smsprovider.X.X or \
     linotp.provider.smsprovider.X); did you mean {nearest}?"
)]
pub struct UnknownProvider {
    /// The known spelling that is nearest to what was given.
    pub nearest: String,
}

impl FromStr for ProviderKind {
    type Err = UnknownProvider;

    fn from_str(text: &str) -> Result<ProviderKind, UnknownProvider> {
        let known = |kind: &ProviderKind| kind.spellings().iter().any(|s| s == text);
        ProviderKind::ALL.into_iter().find(known).ok_or_else(|| UnknownProvider { nearest: nearest(text) })
    }
}

fn nearest(text: &str) -> String {
    let text = text.to_lowercase();
    let spellings = ProviderKind::ALL.into_iter().flat_map(ProviderKind::spellings);
    let distance = |s: &String| strsim::damerau_levenshtein(&s.to_lowercase(), &text);
    spellings.min_by_key(distance).expect("there are twelve spellings")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_class_is_known() {
        for (text, kind) in [
            ("HttpSMSProvider", ProviderKind::Http),
            ("smsprovider.HttpSMSProvider", ProviderKind::Http),
            ("smsprovider.HttpSMSProvider.HttpSMSProvider", ProviderKind::Http),
            ("linotp.provider.smsprovider.HttpSMSProvider", ProviderKind::Http),
            ("SmtpSMSProvider", ProviderKind::Smtp),
            ("smsprovider.SmtpSMSProvider", ProviderKind::Smtp),
            ("smsprovider.SmtpSMSProvider.SmtpSMSProvider", ProviderKind::Smtp),
            ("linotp.provider.smsprovider.SmtpSMSProvider", ProviderKind::Smtp),
            ("DeviceSMSProvider", ProviderKind::Device),
            ("smsprovider.DeviceSMSProvider", ProviderKind::Device),
            ("smsprovider.DeviceSMSProvider.DeviceSMSProvider", ProviderKind::Device),
            ("linotp.provider.smsprovider.DeviceSMSProvider", ProviderKind::Device),
        ] {
            assert_eq!(text.parse(), Ok(kind), "{text}");
        }
    }

    #[test]
    fn an_unknown_class_is_refused_with_the_nearest_known_one() {
        for (text, nearest) in [
            ("HTTPSMSProvider", "HttpSMSProvider"),
            ("HttpSmsProvider", "HttpSMSProvider"),
            ("smsprovider.SmtpSMSProvider.SmptSMSProvider", "smsprovider.SmtpSMSProvider.SmtpSMSProvider"),
            ("DeviceProvider", "DeviceSMSProvider"),
            (" HttpSMSProvider", "HttpSMSProvider"),
        ] {
            let error = text.parse::<ProviderKind>().unwrap_err();
            assert_eq!(error.nearest, nearest, "{text}");
            assert!(error.to_string().contains("SmtpSMSProvider or DeviceSMSProvider"), "{error}");
        }
        assert!("".parse::<ProviderKind>().is_err());
    }
}
