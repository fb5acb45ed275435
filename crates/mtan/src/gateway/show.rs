//! A profile, for people: a line of the table, and a page.

use std::fmt::Write;

use mtan_sender_http::profile::{Need, Profile};
use serde_json::Value;

/// Name, title and documentation, a line each.
pub(super) fn list(profiles: &[Profile]) -> String {
    let width = |cell: fn(&Profile) -> usize| profiles.iter().map(cell).max().unwrap_or(0);
    let (name, title) = (width(|p| p.name.len()), width(|p| p.title.chars().count()));
    let line = |p: &Profile| format!("{:name$}  {:title$}  {}\n", p.name, p.title, p.documentation);
    profiles.iter().map(line).collect()
}

/// Everything about one.
pub(super) fn page(profile: &Profile) -> String {
    let mut page = format!("{}: {}\n{}\n\nIt needs\n", profile.name, profile.title, profile.documentation);
    let mut line = |text: &str| writeln!(page, "{text}").expect("a String takes every line");
    profile.needs.iter().for_each(|need| line(&format!("  {}", needed(need))));
    if !profile.notes.is_empty() {
        line("\nGood to know");
        profile.notes.iter().for_each(|note| line(&format!("  {note}")));
    }
    line(match profile.dlr {
        Some(_) => "\nDelivery reports: with \"DLR\": true, and dlr_listen and dlr_url in [sender].",
        None => "\nDelivery reports: none that a request can ask for.",
    });
    line("\nIt sets (keys of your own win; null takes one away)");
    line(&indented(&pretty(&Value::Object(profile.config.clone()))));
    line("\nTo paste into the configuration, with your own values\n");
    line(&snippet(profile));
    page
}

fn needed(need: &Need) -> String {
    let or = need.or.as_ref().map_or_else(String::new, |or| format!(" or {or}"));
    let optional = if need.optional { " (may be left out)" } else { "" };
    format!("{}{or}{optional}: {}", need.key, need.is)
}

/// TOML: the seed's two keys; what must be given in the order in which it is explained.
pub(super) fn snippet(profile: &Profile) -> String {
    let sample = profile.sample();
    let mut keys = vec!["PROFILE"];
    for key in profile.needs.iter().filter_map(|need| need.key.split('.').next()) {
        if sample.contains_key(key) && !keys.contains(&key) {
            keys.push(key);
        }
    }
    let lines: Vec<_> =
        keys.into_iter().map(|key| format!("  {}: {}", Value::from(key), in_a_line(&sample[key]))).collect();
    let json = lines.join(",\n");
    format!("[sms]\nSMSProvider = \"HttpSMSProvider\"\nSMSProviderConfig = '''\n{{\n{json}\n}}\n'''")
}

fn in_a_line(value: &Value) -> String {
    match value {
        Value::Object(object) => {
            let members = object.iter().map(|(key, value)| format!("{}: {value}", Value::from(key.as_str())));
            format!("{{ {} }}", members.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).expect("a JSON value is JSON")
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use mtan_daemon::Config;
    use mtan_sender_http::HttpConfig;

    #[test]
    fn every_snippet_can_be_pasted() {
        for profile in Profile::all() {
            let snippet = snippet(&profile);
            let mut config = Config::parse(&snippet, ".".as_ref(), []).unwrap();
            let pools = mtan_daemon::pools(&mut config);
            config.finish().unwrap_or_else(|e| panic!("{}: {e}\n{snippet}", profile.name));
            let read = HttpConfig::from_json(&pools[0].config, ".".as_ref());
            assert!(read.is_ok(), "{}: {read:?}\n{snippet}", profile.name);
        }
    }

    #[test]
    fn the_list_has_a_line_for_each() {
        let list = list(&Profile::all());
        assert_eq!(list.lines().count(), Profile::all().len());
        assert!(
            list.lines().any(|line| line.starts_with("twilio ") && line.contains("https://www.twilio.com/"))
        );
    }

    #[test]
    fn a_page_names_what_is_needed_and_set() {
        let page = page(&Profile::named("twilio").unwrap());
        for words in [
            "PARAMETER.From or PARAMETER.MessagingServiceSid: ",
            "\"ValidityPeriod\"",
            "SMSProviderConfig = '''",
        ] {
            assert!(page.contains(words), "{words}: {page}");
        }
    }
}
