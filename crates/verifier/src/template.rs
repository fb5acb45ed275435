//! The text of the SMS: a template with tags.

use mtan_sms::{SmsText, SmsTextError};

/// An SMS template. Tags: `<otp>`, `<serial>`, `<transactionid>`, `<user>`; anything else stands for itself.
/// A template without `<otp>` gets it in front, as LinOTP does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(String);

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// Rendered with usual values it is no SMS.
    #[error("no SMS can be made of it: {0}")]
    Text(SmsTextError),
}

/// What the tags stand for.
pub(crate) struct Values<'a> {
    pub(crate) otp: &'a str,
    pub(crate) serial: &'a str,
    pub(crate) transaction: &'a str,
    pub(crate) user: &'a str,
}

impl Template {
    /// Takes the template if it makes an SMS with usual values.
    pub fn new(text: &str) -> Result<Template, TemplateError> {
        let text = if text.contains("<otp>") {
            text.to_owned()
        } else {
            format!("<otp> {text}").trim_end().to_owned()
        };
        let template = Template(text);
        let usual = Values {
            otp: "12345678",
            serial: "LSSM00000000",
            transaction: "12345678901234567",
            user: "user",
        };
        SmsText::new(template.fill(&usual)).map_err(TemplateError::Text)?;
        Ok(template)
    }

    /// The SMS. Should unusual values (a very long user name) make it longer than an SMS can be, the code alone goes out.
    pub(crate) fn render(&self, values: &Values<'_>) -> SmsText {
        SmsText::new(self.fill(values))
            .or_else(|_| SmsText::new(values.otp))
            .expect("a code of 6 to 8 digits is an SMS")
    }

    /// One pass from left to right: what a value contains is never taken for a tag.
    fn fill(&self, values: &Values<'_>) -> String {
        let tags = [
            ("<otp>", values.otp),
            ("<serial>", values.serial),
            ("<transactionid>", values.transaction),
            ("<user>", values.user),
        ];
        let mut filled = String::with_capacity(self.0.len() + 32);
        let mut rest = self.0.as_str();
        while let Some(at) = rest.find('<') {
            filled.push_str(&rest[..at]);
            rest = &rest[at..];
            match tags.iter().find(|(tag, _)| rest.starts_with(tag)) {
                Some((tag, value)) => {
                    filled.push_str(value);
                    rest = &rest[tag.len()..];
                }
                None => {
                    filled.push('<');
                    rest = &rest[1..];
                }
            }
        }
        filled + rest
    }
}

impl Default for Template {
    /// The bare code, as LinOTP's.
    fn default() -> Template {
        Template("<otp>".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(template: &str, user: &str) -> String {
        let values = Values { otp: "123456", serial: "LSSM1", transaction: "99", user };
        Template::new(template).unwrap().render(&values).expose().to_owned()
    }

    #[test]
    fn tags_are_replaced_once_and_the_rest_stands() {
        assert_eq!(render("Your code: <otp>", "x"), "Your code: 123456");
        assert_eq!(
            render("<otp><otp> <serial>/<transactionid> <b> 1<2 <", "x"),
            "123456123456 LSSM1/99 <b> 1<2 <"
        );
        assert_eq!(render("<user>: <otp>", "<otp><serial>"), "<otp><serial>: 123456");
    }

    #[test]
    fn a_template_without_the_code_gets_it_in_front() {
        assert_eq!(render("is your code", "x"), "123456 is your code");
        assert_eq!(render("", "x"), "123456");
    }

    #[test]
    fn a_template_too_long_is_refused_and_a_text_too_long_becomes_the_code() {
        assert!(Template::new(&format!("<otp>{}", "x".repeat(1530))).is_err());
        assert_eq!(render(&format!("<user><otp>{}", "x".repeat(1500)), &"u".repeat(255)), "123456");
    }
}
