//! The two HTTP configurations of the seed, read out of its own text.

use super::*;

const SEED: &str = include_str!("../../../tests/seed.txt");

/// The JSON objects of section 10.3.1, as they stand there.
pub(crate) fn samples() -> Vec<&'static str> {
    let section = SEED.split("10.3.1. HttpSMSProvider").nth(1).unwrap();
    let mut rest = section.split("10.3.2. DeviceSMSProvider").next().unwrap();
    let mut samples = Vec::new();
    while let Some(start) = rest.find('{') {
        let mut values = serde_json::Deserializer::from_str(&rest[start..]).into_iter::<serde_json::Value>();
        values.next().unwrap().unwrap();
        let end = start + values.byte_offset();
        samples.push(&rest[start..end]);
        rest = &rest[end..];
    }
    samples
}

#[test]
fn both_samples_are_read_without_a_warning() {
    let samples = samples();
    let urls: Vec<_> = samples.iter().map(|sample| config(sample).url.to_string()).collect();
    assert_eq!(urls, ["http://smsgateway.com/sms_send_api.cgi", "http://api.clickatell.com/http/sendmsg"]);
    for sample in samples {
        let config = config(sample);
        assert_eq!(config.method, Method::Get);
        assert!(config.warnings().is_empty(), "{:?}", config.warnings());
        assert!(config.proxy.is_some_and(|proxy| proxy.login.is_some()));
        assert!(matches!(config.reply.success, Success::BeginsWith(words) if words == ["ID"]));
    }
}

#[test]
fn the_samples_with_single_quotes_say_so() {
    for sample in samples() {
        let faults = faults(&sample.replace('"', "'"));
        assert!(faults.len() == 1 && faults[0].contains("single quotes"), "{faults:?}");
    }
}

#[test]
fn the_samples_with_typographic_quotes_load_with_a_warning() {
    for sample in samples() {
        let (straight, curly) = (config(sample), config(&sample.replace('"', "“")));
        assert_eq!(straight.url, curly.url);
        let warns = |config: &HttpConfig| {
            config.warnings().iter().any(|w| w.contains("typographic quotes were read"))
        };
        assert!(warns(&curly) && !warns(&straight));
    }
}
