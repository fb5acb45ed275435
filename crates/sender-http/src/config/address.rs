//! Where to, through whom, and as whom: URL, PROXY, USERNAME, PASSWORD, AUTH_TYPE.

use mtan_sender::keys::Keys;
use mtan_sender::tags::Template;
use percent_encoding::percent_decode_str;
use serde_json::Value;
use url::Url;

use super::{Auth, Login, Proxy};

/// The gateway's URL, and the credentials that stand in it.
pub(super) fn url(keys: &mut Keys) -> Option<(Url, Option<Login>)> {
    if !keys.has("URL") {
        keys.fault("URL", "is required");
    }
    let text = keys.string("URL")?;
    if !Template::new(&text).is_fixed() {
        keys.fault("URL", "no tags are expected here: PARAMETER, HEADERS and BODY take them");
    }
    let (mut url, login) = web_address(keys, "URL", &text)?;
    url.set_fragment(None);
    Some((url, login))
}

/// An `http://` or `https://` address and its user and password, percent-decoded.
fn web_address(keys: &mut Keys, key: &str, text: &str) -> Option<(Url, Option<Login>)> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let Some(mut url) = url else {
        keys.fault(key, "an address that begins with http:// or https:// is expected");
        return None;
    };
    let decode = |part: &str| percent_decode_str(part).decode_utf8().ok().map(|part| part.into_owned());
    let login = match (decode(url.username()), decode(url.password().unwrap_or_default())) {
        (Some(user), Some(password)) => Login { user, password },
        _ => {
            keys.fault(key, "user and password in it are no UTF-8");
            return None;
        }
    };
    refuse_control(keys, key, &[&login.user, &login.password]);
    let has_login = !(login.user.is_empty() && login.password.is_empty());
    url.set_username("")
        .and_then(|()| url.set_password(None))
        .expect("an http address with a host has a place for them");
    Some((url, has_login.then_some(login)))
}

/// RFC 7617 §2; and no field of a header holds them, where Digest writes the name.
fn refuse_control(keys: &mut Keys, key: &str, texts: &[&str]) {
    if texts.iter().any(|text| text.contains(char::is_control)) {
        keys.fault(key, "control characters are expected neither in a name nor in a password");
    }
}

/// PROXY: one address, or one for each scheme that the gateway's URL may have.
pub(super) fn proxy(keys: &mut Keys, url: Option<&Url>) -> Option<Proxy> {
    let addresses = match keys.value("PROXY")? {
        Value::String(text) => vec![("PROXY".to_owned(), None, text.clone())],
        Value::Object(object) => {
            let (addresses, wrong): (Vec<_>, Vec<_>) =
                object.clone().into_iter().partition(|(scheme, value)| {
                    matches!(scheme.as_str(), "http" | "https") && value.is_string()
                });
            for (name, _) in wrong {
                keys.fault(
                    format!("PROXY.{name}"),
                    "\"http\" and \"https\" are expected, each with an address",
                );
            }
            let one = |(scheme, value): (String, Value)| {
                (format!("PROXY.{scheme}"), Some(scheme), value.as_str().unwrap_or_default().to_owned())
            };
            addresses.into_iter().map(one).collect()
        }
        _ => {
            keys.fault("PROXY", "an address, or {\"http\": address, \"https\": address}, is expected");
            return None;
        }
    };
    let mut ours = None;
    for (key, scheme, text) in addresses {
        let proxy = one_proxy(keys, &key, &text);
        if scheme.is_none_or(|scheme| url.is_some_and(|url| url.scheme() == scheme)) {
            ours = proxy;
        }
    }
    ours
}

fn one_proxy(keys: &mut Keys, key: &str, text: &str) -> Option<Proxy> {
    let (url, login) = web_address(keys, key, text)?;
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        keys.fault(key, "nothing is expected behind host and port");
    }
    Some(Proxy { url, login })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AuthType {
    Basic,
    Digest,
    Bearer,
}

/// USERNAME, PASSWORD and AUTH_TYPE; what stands in the URL only where the first two are absent.
pub(super) fn auth(keys: &mut Keys, in_url: Option<Login>) -> Option<Auth> {
    let types = [("basic", AuthType::Basic), ("digest", AuthType::Digest), ("bearer", AuthType::Bearer)];
    let auth_type = keys.choice("AUTH_TYPE", &types).unwrap_or(AuthType::Basic);
    if auth_type == AuthType::Bearer {
        return bearer(keys, in_url).map(Auth::Bearer);
    }
    let login = login(keys, in_url);
    if login.is_none() && keys.has("AUTH_TYPE") && !keys.has("USERNAME") && !keys.has("PASSWORD") {
        keys.fault("AUTH_TYPE", "USERNAME and PASSWORD are required beside it");
    }
    let login = login?;
    if login.user.contains(':') {
        // RFC 7617 §2, RFC 7616 §3.4.2
        keys.fault("USERNAME", "no colon is expected: HTTP ends the name there");
    }
    match auth_type {
        AuthType::Digest => Some(Auth::Digest(login)),
        _ => Some(Auth::Basic(login)),
    }
}

fn login(keys: &mut Keys, in_url: Option<Login>) -> Option<Login> {
    let (user, password) = (keys.text("USERNAME"), keys.text("PASSWORD"));
    for (key, text) in [("USERNAME", &user), ("PASSWORD", &password)] {
        refuse_control(keys, key, &text.as_deref().into_iter().collect::<Vec<_>>());
    }
    match (keys.has("USERNAME"), keys.has("PASSWORD")) {
        (false, false) => return in_url,
        (true, true) => {}
        (true, false) => keys.fault("PASSWORD", "is required beside USERNAME"),
        (false, true) => keys.fault("USERNAME", "is required beside PASSWORD"),
    }
    if in_url.is_some() {
        keys.warn("USERNAME and PASSWORD win over those in URL");
    }
    Some(Login { user: user?, password: password? })
}

/// The token is PASSWORD; RFC 6750 §2.1 says what may stand in it.
fn bearer(keys: &mut Keys, in_url: Option<Login>) -> Option<String> {
    if keys.has("USERNAME") || in_url.is_some() {
        keys.fault("USERNAME", "no name is expected beside AUTH_TYPE bearer: PASSWORD is the token");
    }
    if !keys.has("PASSWORD") {
        keys.fault("PASSWORD", "is required: with AUTH_TYPE bearer it is the token");
    }
    let token = keys.text("PASSWORD")?;
    if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
        keys.fault("PASSWORD", "a token of visible ASCII characters is expected");
    }
    Some(token)
}
