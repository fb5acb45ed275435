//! Puts the configuration together, key by key.

use std::path::Path;

use mtan_daemon::Fault;
use mtan_sender::certificates::{Identity, ServerCheck};
use mtan_sender::keys::Keys;
use mtan_sender::number::NumberRule;

use crate::profile;

use super::keys::KNOWN;
use super::{HttpConfig, Method, address, body, delivery, headers, parameters, reply};

pub(super) fn read(text: &str, folder: &Path) -> Result<HttpConfig, Vec<Fault>> {
    let (object, faults) = profile::expand(Keys::object_in(text)?)?;
    let mut keys = Keys::of(object, folder, KNOWN);
    faults.into_iter().for_each(|fault| keys.fault(fault.key, fault.message));
    keys.warn_of_repair(text);
    let config = config(&mut keys);
    let (config, warnings) = keys.finish(config)?;
    Ok(HttpConfig { warnings, ..config })
}

/// `None` only beside a fault.
fn config(keys: &mut Keys) -> Option<HttpConfig> {
    let (url, url_login) = address::url(keys).unzip();
    let method = method(keys);
    let headers = headers::read(keys);
    let body = body::read(keys, method, &headers);
    let callbacks = delivery::read(keys, body.as_ref(), &headers);
    let number = NumberRule::read(keys);
    let auth = address::auth(keys, url_login.flatten());
    headers::refuse_two_authorizations(keys, &headers, auth.is_some());
    let proxy = address::proxy(keys, url.as_ref());
    let server = ServerCheck::read(keys, "SERVER_CERTIFICATE");
    let identity = Identity::read(keys, "CLIENT_CERTIFICATE");
    let reply = reply::read(keys);
    let longest_life = parameters::longest_life(keys);
    let time_outs = keys.time_outs();
    let ambiguous = keys.unknown_rule();
    let config = HttpConfig {
        url: url?,
        method,
        body: body?,
        headers,
        number,
        auth,
        proxy,
        server: server?,
        identity,
        reply,
        time_outs,
        longest_life,
        ambiguous,
        callbacks,
        warnings: Vec::new(),
    };
    warn_about_unused_certificates(keys, &config);
    Some(config)
}

fn method(keys: &mut Keys) -> Method {
    keys.choice("HTTP_Method", &[("GET", Method::Get), ("POST", Method::Post)]).unwrap_or(Method::Post)
}

fn warn_about_unused_certificates(keys: &mut Keys, config: &HttpConfig) {
    for key in ["SERVER_CERTIFICATE", "CLIENT_CERTIFICATE"] {
        if keys.has(key) && !config.uses_tls() {
            keys.warn(format!("{key} means nothing here: neither URL nor PROXY begins with https://"));
        }
    }
}
