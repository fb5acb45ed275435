//! Texts with places for what a job brings: `<phone>`, `<otp>`, `<text>`, `<id>`, `<dlr_url>`.

use std::borrow::Cow;

use mtan_jobs::SendJob;

use crate::keys::Keys;

/// A place in a template. Tags are written small.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tag {
    /// `<phone>`: the number, as the gateway wants it.
    Phone,
    /// `<otp>`: the bare code where the job names it, else the whole text.
    Otp,
    /// `<text>`: the whole text.
    Text,
    /// `<id>`: the job's id.
    Id,
    /// `<dlr_url>`: where the gateway is to report delivery.
    DlrUrl,
}

const DLR_URL: &str = "<dlr_url>";

const TAGS: [(&str, Tag); 5] = [
    ("<phone>", Tag::Phone),
    ("<otp>", Tag::Otp),
    ("<text>", Tag::Text),
    ("<id>", Tag::Id),
    (DLR_URL, Tag::DlrUrl),
];

/// A text with tags, taken apart once. May hold passwords: no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

#[derive(Clone, PartialEq, Eq)]
enum Piece {
    Fixed(String),
    Tag(Tag),
}

/// What stands for the tags of one job.
#[derive(Clone, Copy)]
pub struct Values<'a> {
    phone: &'a str,
    otp: &'a str,
    text: &'a str,
    id: &'a str,
    dlr_url: &'a str,
}

impl<'a> Values<'a> {
    /// The values of `job`, with its number in the gateway's form.
    pub fn of(job: &'a SendJob, phone: &'a str) -> Values<'a> {
        Values { phone, otp: job.otp_or_text(), text: job.text.expose(), id: job.id.as_str(), dlr_url: "" }
    }

    /// The same with the URL to which the gateway is to report delivery.
    pub fn reporting_to(self, dlr_url: &'a str) -> Values<'a> {
        Values { dlr_url, ..self }
    }

    /// What stands for `tag`; nothing for a URL that there is none of.
    pub fn get(&self, tag: Tag) -> &'a str {
        match tag {
            Tag::Phone => self.phone,
            Tag::Otp => self.otp,
            Tag::Text => self.text,
            Tag::Id => self.id,
            Tag::DlrUrl => self.dlr_url,
        }
    }
}

impl Template {
    /// Any text is one; what looks like a tag and is none stands for itself.
    pub fn new(text: &str) -> Template {
        let (mut pieces, mut fixed, mut rest) = (Vec::new(), String::new(), text);
        while let Some(at) = rest.find('<') {
            fixed.push_str(&rest[..at]);
            rest = &rest[at..];
            match TAGS.iter().find(|(written, _)| rest.starts_with(written)) {
                None => {
                    fixed.push('<');
                    rest = &rest[1..];
                }
                Some((written, tag)) => {
                    pieces.extend((!fixed.is_empty()).then(|| Piece::Fixed(std::mem::take(&mut fixed))));
                    pieces.push(Piece::Tag(*tag));
                    rest = &rest[written.len()..];
                }
            }
        }
        fixed.push_str(rest);
        pieces.extend((!fixed.is_empty()).then_some(Piece::Fixed(fixed)));
        Template(pieces)
    }

    /// Whether `tag` stands in it.
    pub fn has(&self, tag: Tag) -> bool {
        self.0.iter().any(|piece| matches!(piece, Piece::Tag(own) if *own == tag))
    }

    /// Whether the callback's URL stands in it and `values` have none: then it says nothing.
    pub fn lacks_url(&self, values: &Values<'_>) -> bool {
        self.has(Tag::DlrUrl) && values.get(Tag::DlrUrl).is_empty()
    }

    /// Whether the first thing in it is a tag.
    pub fn begins_with_tag(&self) -> bool {
        matches!(self.0.first(), Some(Piece::Tag(_)))
    }

    /// Whether no tag stands in it.
    pub fn is_fixed(&self) -> bool {
        self.fixed().is_some()
    }

    /// The text, if no tag stands in it.
    pub fn fixed(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Piece::Fixed(text)] => Some(text),
            _ => None,
        }
    }

    /// What stands between the tags.
    pub fn fixed_parts(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Fixed(text) => Some(text.as_str()),
            Piece::Tag(_) => None,
        })
    }

    /// The text with the values in their places, in one pass: a tag inside a value stays text.
    pub fn fill(&self, values: &Values<'_>) -> String {
        self.fill_escaped(values, Cow::Borrowed)
    }

    /// As [`Template::fill`], with each value as `escape` writes it for the place where it stands. What is fixed stays.
    pub fn fill_escaped<'a>(&self, values: &Values<'a>, escape: impl Fn(&'a str) -> Cow<'a, str>) -> String {
        let mut filled = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Fixed(text) => filled.push_str(text),
                Piece::Tag(tag) => filled.push_str(&escape(values.get(*tag))),
            }
        }
        filled
    }
}

impl Keys {
    /// The template `text`, which stands at `key`. A tag in capitals is warned about, for it would go out as it stands.
    pub fn template(&mut self, key: &str, text: &str) -> Template {
        if text.contains(DLR_URL) && !self.is_given("DLR") {
            self.fault(
                key,
                format!("{DLR_URL} stands for nothing without the key DLR, which HttpSMSProvider has"),
            );
        }
        let small = text.to_ascii_lowercase();
        for (tag, _) in TAGS {
            if small.matches(tag).count() > text.matches(tag).count() {
                self.warn(format!("{key}: tags are written small, as in {tag}; others go out as they stand"));
            }
        }
        Template::new(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::tests::{keys, said};
    use proptest::prelude::*;

    fn job(text: &str, otp: Option<&str>) -> SendJob {
        let body = serde_json::json!({ "id": "job-1", "to": "+491701234567", "text": text, "otp": otp });
        SendJob::from_json(body.to_string().as_bytes()).unwrap()
    }

    fn filled(template: &str, job: &SendJob) -> String {
        Template::new(template).fill(&Values::of(job, "0170"))
    }

    #[test]
    fn each_tag_gives_way_to_its_value() {
        let named = job("Code 042", Some("042"));
        for (template, expected) in [
            ("<phone>", "0170"),
            ("<otp>", "042"),
            ("<text>", "Code 042"),
            ("<id>", "job-1"),
            ("<phone><otp>", "0170042"),
            ("a<b <text>!<phone>", "a<b Code 042!0170"),
            ("<<otp>>", "<042>"),
            ("", ""),
            ("<Phone><text <>ä<", "<Phone><text <>ä<"),
        ] {
            assert_eq!(filled(template, &named), expected, "{template}");
        }
        assert_eq!(filled("<otp>", &job("bare", None)), "bare", "without a code <otp> is the text");
    }

    #[test]
    fn the_callback_s_url_stands_where_there_is_one() {
        let job = job("x", None);
        let template = Template::new("<dlr_url>?s=%d");
        let values = Values::of(&job, "0170");
        assert_eq!(template.fill(&values.reporting_to("http://a/b")), "http://a/b?s=%d");
        assert_eq!(template.fill(&values), "?s=%d");
    }

    #[test]
    fn a_tag_in_a_value_is_text() {
        assert_eq!(
            filled("[<text>]", &job("say <otp> & <id> <phone>", Some("1"))),
            "[say <otp> & <id> <phone>]"
        );
    }

    #[test]
    fn values_are_escaped_and_what_is_fixed_is_not() {
        let job = job("a&b", None);
        let template = Template::new("&<text>&<id>");
        let escaped = template.fill_escaped(&Values::of(&job, ""), |value| value.replace('&', "+").into());
        assert_eq!(escaped, "&a+b&job-1");
    }

    #[test]
    fn a_template_knows_its_tags() {
        let template = Template::new("x<phone>y");
        assert!(template.has(Tag::Phone) && !template.has(Tag::Otp) && !template.is_fixed());
        assert!(Template::new("<Phone>").is_fixed());
        assert!(Template::new("<id>x").begins_with_tag() && !template.begins_with_tag());
        let fixed = |text| Template::new(text).fixed().map(str::to_owned);
        assert_eq!(
            (fixed("a<b"), fixed(""), fixed("<id>")),
            (Some("a<b".to_owned()), Some(String::new()), None)
        );
    }

    #[test]
    fn tags_that_are_none_are_noticed() {
        let mut read = keys("{}");
        read.template("BODY", "<phone> <b> <number>");
        read.template("BODY", "<OTP> <otp>");
        read.template("HEADERS.X", "<dlr_url>");
        assert_eq!(
            said(read),
            [
                "HEADERS.X: <dlr_url> stands for nothing without the key DLR, which HttpSMSProvider has",
                "BODY: tags are written small, as in <otp>; others go out as they stand",
            ]
        );
    }

    proptest! {
        #[test]
        fn a_template_without_tags_is_itself(text in ".{0,60}") {
            prop_assume!(Template::new(&text).is_fixed());
            prop_assert_eq!(filled(&text, &job("x", None)), text);
        }

        #[test]
        fn a_value_comes_out_whole(before in "[^<>]{0,20}", after in "[^<>]{0,20}", text in "[^\\p{Cc}]{1,60}") {
            let filled = filled(&format!("{before}<text>{after}"), &job(&text, None));
            prop_assert_eq!(filled, format!("{before}{text}{after}"));
        }
    }
}
