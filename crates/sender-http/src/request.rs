//! A job becomes a request: pure.

use mtan_jobs::SendJob;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use crate::config::{HttpConfig, Method};

/// Everything but RFC 3986's unreserved characters. A space is `%20` and a plus `%2B`, in a form too: that way
/// round every gateway reads the same, whether it knows forms or only URLs.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What goes out. Holds passwords, text and number: no `Debug`.
pub(crate) struct Request {
    /// With the query, for a GET.
    pub(crate) url: Url,
    /// The body of a POST, `application/x-www-form-urlencoded`.
    pub(crate) form: Option<String>,
}

/// Fixed parameters, then number and text, each only where PARAMETER does not name it.
pub(crate) fn build(config: &HttpConfig, job: &SendJob) -> Request {
    let fixed = config.parameters.iter().map(|(name, value)| (name.as_str(), fill_in(value, job)));
    let own = [(&config.phone_key, job.to.expose()), (&config.text_key, job.text.expose())];
    let is_fixed = |name: &str| config.parameters.iter().any(|(fixed, _)| fixed == name);
    let own = own
        .into_iter()
        .filter(|(name, _)| !is_fixed(name))
        .map(|(name, value)| (name.as_str(), value.to_owned()));
    let pairs = fixed.chain(own).map(|(name, value)| format!("{}={}", encode(name), encode(&value)));
    let pairs = pairs.collect::<Vec<_>>().join("&");
    match config.method {
        Method::Post => Request { url: config.url.clone(), form: Some(pairs) },
        Method::Get => Request { url: with_query(&config.url, &pairs), form: None },
    }
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// The URL's own query stays, ours follows.
fn with_query(url: &Url, pairs: &str) -> Url {
    let query = match url.query() {
        None | Some("") => pairs.to_owned(),
        Some(own) => format!("{}&{pairs}", own.trim_end_matches('&')),
    };
    let mut url = url.clone();
    url.set_query(Some(&query));
    url
}

/// `<phone>`, `<otp>`, `<text>` and `<id>` in a fixed parameter. One pass: a tag in a text is text.
fn fill_in(template: &str, job: &SendJob) -> String {
    let tags = [
        ("<phone>", job.to.expose()),
        ("<otp>", job.otp_or_text()),
        ("<text>", job.text.expose()),
        ("<id>", job.id.as_str()),
    ];
    let (mut filled, mut rest) = (String::new(), template);
    while let Some(at) = rest.find('<') {
        filled.push_str(&rest[..at]);
        rest = &rest[at..];
        let tag = tags.iter().find(|(tag, _)| rest.starts_with(tag));
        let (written, length) = tag.map_or(("<", 1), |(tag, value)| (*value, tag.len()));
        filled.push_str(written);
        rest = &rest[length..];
    }
    filled + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn job(text: &str, otp: Option<&str>) -> SendJob {
        let body = serde_json::json!({ "id": "job-1", "to": "+491701234567", "text": text, "otp": otp });
        SendJob::from_json(body.to_string().as_bytes()).unwrap()
    }

    fn built(config: &str, job: &SendJob) -> Request {
        build(&HttpConfig::from_json(config, std::path::Path::new("")).unwrap(), job)
    }

    #[test]
    fn the_seed_s_first_sample_is_this_get() {
        let config = r#"{"URL":"http://smsgateway.com/sms_send_api.cgi",
             "PARAMETER": {
                 "from":"0170111111",
                 "password":"yoursecret",
                 "sender":"name",
                 "account":"company_ltd"
              },
             "SMS_TEXT_KEY":"text",
             "SMS_PHONENUMBER_KEY":"destination",
             "HTTP_Method":"GET",
             "PROXY":"http://username:password@your-proxy:8080",
             "RETURN_SUCCESS":"ID"
            }"#;
        let request = built(config, &job("123456", None));
        assert_eq!(
            request.url.as_str(),
            "http://smsgateway.com/sms_send_api.cgi?account=company_ltd&from=0170111111&password=yoursecret&\
             sender=name&destination=%2B491701234567&text=123456"
        );
        assert!(request.form.is_none());
    }

    #[test]
    fn the_seed_s_clickatell_sample_is_this_get() {
        let config = r#"{ "URL" : "http://api.clickatell.com/http/sendmsg",
                "PARAMETER" : {
             "user":"username",
             "password":"askme",
             "api_id":"12980436"
           },
           "SMS_TEXT_KEY":"text",
           "SMS_PHONENUMBER_KEY":"to",
           "HTTP_Method":"GET",
           "PROXY" : "http://user:pass@192.168.100.250:8080",
           "RETURN_SUCCESS" : "ID"
        }"#;
        assert_eq!(
            built(config, &job("123456", None)).url.as_str(),
            "http://api.clickatell.com/http/sendmsg?api_id=12980436&password=askme&user=username&\
             to=%2B491701234567&text=123456"
        );
    }

    #[test]
    fn without_a_method_it_is_a_post_with_the_default_names() {
        let request = built(r#"{"URL":"http://gw/?a=1"}"#, &job("hello", None));
        assert_eq!(request.url.as_str(), "http://gw/?a=1");
        assert_eq!(request.form.as_deref(), Some("phone=%2B491701234567&sms=hello"));
    }

    #[test]
    fn a_query_of_the_url_is_kept_as_it_is() {
        for (url, expected) in [
            ("http://gw/send?a=%C3%A4+1", "a=%C3%A4+1&phone=%2B491701234567&sms=x"),
            ("http://gw/send?", "phone=%2B491701234567&sms=x"),
            ("http://gw/send?a=1&", "a=1&phone=%2B491701234567&sms=x"),
            ("http://gw/send#top", "phone=%2B491701234567&sms=x"),
        ] {
            let config = format!(r#"{{"URL":"{url}","HTTP_Method":"get"}}"#);
            assert_eq!(built(&config, &job("x", None)).url.query(), Some(expected), "{url}");
        }
    }

    #[test]
    fn every_character_of_a_text_is_text() {
        let request = built(r#"{"URL":"http://gw/"}"#, &job("1+1 & ä=\"€\"\r\n<phone>%20#;'/", None));
        assert_eq!(
            request.form.unwrap().split_once("sms=").unwrap().1,
            "1%2B1%20%26%20%C3%A4%3D%22%E2%82%AC%22%0D%0A%3Cphone%3E%2520%23%3B%27%2F"
        );
    }

    #[test]
    fn parameter_wins_over_an_equal_name() {
        let request =
            built(r#"{"URL":"http://gw/","PARAMETER":{"sms":"fixed","n":7,"t":true}}"#, &job("x", None));
        assert_eq!(request.form.as_deref(), Some("n=7&sms=fixed&t=true&phone=%2B491701234567"));
    }

    #[test]
    fn tags_in_fixed_parameters_are_filled_in_once() {
        let config =
            r#"{"URL":"http://gw/","PARAMETER":{"ref":"<id>","code":"<otp>","x":"a<b <text>!<phone>"}}"#;
        let form = |job| built(config, &job).form.unwrap();
        let text = "say <otp> & <id>";
        assert!(form(job(text, Some("042"))).starts_with(
            "code=042&ref=job-1&x=a%3Cb%20say%20%3Cotp%3E%20%26%20%3Cid%3E%21%2B491701234567&phone="
        ));
        assert!(form(job("bare", None)).starts_with("code=bare&"));
    }

    proptest! {
        #[test]
        fn a_text_comes_out_of_the_encoding_as_it_went_in(text in "[^\\p{Cc}]{1,60}", name in "[^\\p{Cc}]{1,20}") {
            prop_assume!(name != "phone" && name != "sms");
            let config = serde_json::json!({ "URL": "http://gw/", "PARAMETER": { &name: "<text>" } }).to_string();
            let request = built(&config, &job(&text, None));
            let form = request.form.unwrap();
            let pairs: Vec<_> = url::form_urlencoded::parse(form.as_bytes()).into_owned().collect();
            let own = |n: &str, v: &str| (n.to_owned(), v.to_owned());
            prop_assert_eq!(pairs, [own(&name, &text), own("phone", "+491701234567"), own("sms", &text)]);
        }
    }
}
