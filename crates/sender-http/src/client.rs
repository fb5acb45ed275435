//! The HTTP client, and what its errors say about an SMS.

use std::error::Error;
use std::io;
use std::time::Duration;

use mtan_jobs::ReportCode;
use mtan_sender::certificates;
use mtan_sender::{About, Detail, Verdict};
use reqwest::{Client, ClientBuilder, redirect};
use rustls::AlertDescription as Alert;

use crate::config::HttpConfig;

/// A connection that is idle for so long is not used again: less than the 5 s after which common servers close theirs,
/// for a request that meets a closing connection is a request of unknown outcome.
const IDLE: Duration = Duration::from_secs(4);

/// Connects to nothing yet; has a connection within `connect_within`, TLS included, or none. The error is for people.
pub(crate) fn build(config: &HttpConfig, connect_within: Duration) -> Result<Client, String> {
    // whoever came first has installed the same one: ring is the only provider in the tree
    drop(rustls::crypto::ring::default_provider().install_default());
    let builder = Client::builder()
        .user_agent(concat!("mtan/", env!("CARGO_PKG_VERSION")))
        // a POST that becomes a GET loses the SMS, and a stranger must not get it
        .redirect(redirect::Policy::none())
        .referer(false)
        .connect_timeout(connect_within)
        .pool_idle_timeout(IDLE)
        .tcp_nodelay(true);
    let builder = with_tls(builder, config)?;
    let builder = with_proxy(builder, config).map_err(|e| innermost(&e.without_url()))?;
    builder.build().map_err(|e| innermost(&e.without_url()))
}

/// A machine without root certificates can still talk to a gateway that has no TLS.
fn with_tls(builder: ClientBuilder, config: &HttpConfig) -> Result<ClientBuilder, String> {
    if !config.uses_tls() {
        return Ok(builder.tls_certs_only([]));
    }
    let mut tls = certificates::client_config(&config.server, config.identity.as_ref())?;
    // no HTTP/2: there a request may wait for a stream, out of our sight, until its code is dead
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(builder.tls_backend_preconfigured(tls))
}

/// Without PROXY no proxy, whatever the environment says.
fn with_proxy(builder: ClientBuilder, config: &HttpConfig) -> reqwest::Result<ClientBuilder> {
    let Some(proxy) = &config.proxy else { return Ok(builder.no_proxy()) };
    let all = reqwest::Proxy::all(proxy.url.clone())?;
    Ok(builder.proxy(match &proxy.login {
        None => all,
        Some(login) => all.basic_auth(&login.user, &login.password),
    }))
}

/// No reply at all. While there was no connection nothing was sent; from then on nobody knows.
pub(crate) fn unanswered(error: &reqwest::Error) -> Verdict {
    let detail = |words: &str| Some(Detail::own(words));
    let refused = |words| {
        let (about, code) = (About::Gateway, ReportCode::GatewayAuthFailed);
        Verdict::Rejected { about, code, detail: detail(words) }
    };
    if error.is_connect() && proxy_wants_credentials(error) {
        return refused("the proxy wants other credentials");
    }
    if refuses_certificate(error) {
        return refused("the gateway refuses our certificate, or wants one");
    }
    if error.is_connect() || error.is_builder() {
        let words = if error.is_timeout() { "no connection in time".to_owned() } else { innermost(error) };
        return Verdict::Retry { code: ReportCode::GatewayUnreachable, after: None, detail: detail(&words) };
    }
    let words = if error.is_timeout() { "no reply in time" } else { "the connection broke before a reply" };
    Verdict::Unknown { code: ReportCode::NoAnswer, detail: detail(words) }
}

/// A 407 to CONNECT comes as an error whose type is private; its words are the only sign of it.
fn proxy_wants_credentials(error: &reqwest::Error) -> bool {
    chain(error).any(|cause| cause.to_string().ends_with("proxy authorization required"))
}

/// With TLS 1.3 a server refuses a client after the handshake, when the request may be on its way; it has read nothing
/// of it (RFC 8446 §4.4.2.4).
fn refuses_certificate(error: &reqwest::Error) -> bool {
    chain(error).any(|cause| {
        let inner = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        let tls = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>());
        let tls = tls.or_else(|| cause.downcast_ref());
        matches!(
            tls,
            Some(rustls::Error::AlertReceived(
                Alert::BadCertificate
                    | Alert::UnsupportedCertificate
                    | Alert::CertificateRevoked
                    | Alert::CertificateExpired
                    | Alert::CertificateUnknown
                    | Alert::CertificateRequired
                    | Alert::UnknownCA
                    | Alert::AccessDenied
            ))
        )
    })
}

/// The root of the trouble, as in `Connection refused`: the outer ones name the URL.
fn innermost(error: &(dyn Error + 'static)) -> String {
    chain(error).last().map_or_else(|| "unknown".to_owned(), ToString::to_string)
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&cause| cause.source())
}
