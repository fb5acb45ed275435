//! The format of `/etc/passwd` as LinOTP reads it, text to users. Pure.
//!
//! `name:password:id:group:details:…`, and in the details, divided by commas: full name, room, mobile, telephone, and then
//! anything of which the last that looks like an address is one.

use std::collections::BTreeMap;

use super::Profile;

/// Fields up to the details.
const LEAST_FIELDS: usize = 5;

/// Everybody of a text, by name; or every mistake with its line. Empty lines and those that begin with `#` are passed over.
pub(super) fn parse(text: &str) -> Result<BTreeMap<String, Profile>, Vec<String>> {
    let (mut users, mut mistakes) = (BTreeMap::new(), Vec::new());
    let mut ids = BTreeMap::new();
    for (number, line) in (1..).zip(text.lines().map(str::trim)) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match profile(line) {
            Err(expected) => mistakes.push(format!("line {number}: {expected}")),
            Ok(profile) => {
                if let Some(first) = ids.insert(profile.userid.clone(), number) {
                    mistakes.push(format!("line {number}: the id of line {first} again"));
                }
                if users.insert(profile.username.clone(), profile).is_some() {
                    mistakes.push(format!("line {number}: a name that was there before"));
                }
            }
        }
    }
    if mistakes.is_empty() { Ok(users) } else { Err(mistakes) }
}

fn profile(line: &str) -> Result<Profile, &'static str> {
    let fields: Vec<&str> = line.split(':').collect();
    if fields.len() < LEAST_FIELDS {
        return Err("at least five fields are expected, divided by colons: name:password:id:group:details");
    }
    let (username, userid, details) = (fields[0], fields[2], fields[4]);
    if username.is_empty() || username.chars().any(char::is_control) || username.chars().count() > 255 {
        return Err("a name of 1 to 255 characters is expected");
    }
    if userid.is_empty() {
        return Err("an id is expected in the third field");
    }
    let parts: Vec<&str> = details.split(',').map(str::trim).collect();
    let part = |n: usize| parts.get(n).copied().unwrap_or_default().to_owned();
    let (givenname, surname) = parts[0].split_once(' ').unwrap_or((parts[0], ""));
    let email = parts.iter().skip(4).rev().find(|part| looks_like_an_address(part)).copied();
    Ok(Profile {
        username: username.to_owned(),
        userid: userid.to_owned(),
        description: details.to_owned(),
        email: email.unwrap_or_default().to_owned(),
        givenname: givenname.to_owned(),
        surname: surname.trim_start().to_owned(),
        mobile: part(2),
        phone: part(3),
    })
}

fn looks_like_an_address(text: &str) -> bool {
    text.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty()
            && domain.split_once('.').is_some_and(|(name, rest)| !name.is_empty() && !rest.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_details_hold_name_telephones_and_address() {
        let users = parse(
            "# our people\n\nalice:x:1001:100:Alice de Vries,12,+491701234567,+4930123,staff,alice@corp.example:/home/a:/bin/sh\r\n\
             bob:x:1002:100:Bob::\ncarl:*:1003:100:",
        )
        .unwrap();
        assert_eq!(
            users["alice"],
            Profile {
                username: "alice".into(),
                userid: "1001".into(),
                description: "Alice de Vries,12,+491701234567,+4930123,staff,alice@corp.example".into(),
                email: "alice@corp.example".into(),
                givenname: "Alice".into(),
                surname: "de Vries".into(),
                phone: "+4930123".into(),
                mobile: "+491701234567".into(),
            }
        );
        assert_eq!((users["bob"].givenname.as_str(), users["bob"].mobile.as_str()), ("Bob", ""));
        assert_eq!(users["carl"].givenname, "");
        assert_eq!(users.len(), 3);
    }

    #[test]
    fn every_mistake_is_told_with_its_line() {
        let mistakes =
            parse("alice:x:1:1:\n\nbob\n:x:2:2:\nalice:x:3:3:\ncarl:x:1:1:\ndora:x::1:\n").unwrap_err();
        let expected = [
            "line 3: at least five fields are expected, divided by colons: name:password:id:group:details",
            "line 4: a name of 1 to 255 characters is expected",
            "line 5: a name that was there before",
            "line 6: the id of line 1 again",
            "line 7: an id is expected in the third field",
        ];
        assert_eq!(mistakes, expected);
    }

    #[test]
    fn a_word_with_an_at_sign_is_no_address_yet() {
        for (text, expected) in [
            ("a@b.c", true),
            ("@b.c", false),
            ("a@b", false),
            ("a@.c", false),
            ("a@b.", false),
            ("a.b", false),
        ] {
            assert_eq!(looks_like_an_address(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in "[a:,\\n #@.+1\u{fc}\u{0}]{0,80}") {
            if let Ok(users) = parse(&text) {
                prop_assert!(users.iter().all(|(name, profile)| *name == profile.username && !name.is_empty()));
            }
        }
    }
}
