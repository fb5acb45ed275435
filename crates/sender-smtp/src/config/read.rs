//! Reads the keys one by one and collects every mistake.

use std::path::Path;
use std::sync::Arc;

use lettre::Address;
use mtan_daemon::Fault;
use mtan_sender::certificates::{self, Identity, ServerCheck};
use mtan_sender::keys::{Keys, Known, TimeOuts};
use mtan_sender::number::NumberRule;
use mtan_sender::tags::{Tag, Template};

use super::address::{is_loopback, mail_address, server};
use super::{Login, Security, SmtpConfig};
use crate::message::{Charset, Encoding, fits_body, fits_subject};

pub(super) const KNOWN: Known = Known {
    read: &[
        "mailserver",
        "mailserver_port",
        "mailsender",
        "mailto",
        "mailuser",
        "mailpassword",
        "subject",
        "body",
        "start_tls",
        "use_ssl",
        "SERVER_CERTIFICATE",
        "certfile",
        "keyfile",
        "charset",
        "encoding",
        "TIMEOUT",
        "MSISDN",
        "SUPPRESS_PREFIX",
        "NUMBER_FORMAT",
        "AMBIGUOUS",
        "raise_exception",
    ],
    not_yet: &[],
};

/// The whole configuration, and the warnings about it.
pub(super) fn config(text: &str, folder: &Path) -> Result<(SmtpConfig, Vec<String>), Vec<Fault>> {
    let mut keys = Keys::parse(text, folder, KNOWN)?;
    let tls = tls(&mut keys);
    let place = place(&mut keys, tls);
    let sender = sender(&mut keys);
    let recipient = recipient(&mut keys);
    let login = login(&mut keys);
    let (charset, encoding) = form(&mut keys);
    let (subject, body) = texts(&mut keys, charset, encoding);
    check_tags(&mut keys, recipient.as_ref(), &subject, &body);
    let number = NumberRule::read(&mut keys);
    let TimeOuts { connect, total } = keys.time_outs();
    let ambiguous = keys.unknown_rule();
    let security = security(&mut keys, tls);
    if keys.truth("raise_exception").is_some() {
        keys.warn("raise_exception is LinOTP's and changes nothing here");
    }
    warn_of_the_open(&mut keys, place.as_ref(), tls, login.is_some());
    let read = place.zip(sender).zip(recipient).zip(security);
    let read = read.map(|((((host, port), sender), recipient), security)| SmtpConfig {
        host,
        port,
        security,
        login,
        sender,
        recipient,
        subject,
        body,
        charset,
        encoding,
        number,
        connect_time_out: connect,
        total_time_out: total,
        ambiguous,
        warnings: Vec::new(),
    });
    keys.finish(read)
}

/// When TLS begins.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tls {
    Never,
    Later,
    First,
}

fn tls(keys: &mut Keys) -> Tls {
    let start_tls = keys.truth("start_tls").unwrap_or(false);
    match (start_tls, keys.truth("use_ssl").unwrap_or(false)) {
        (false, false) => Tls::Never,
        (true, false) => Tls::Later,
        (false, true) => Tls::First,
        (true, true) => {
            keys.fault("use_ssl", "one of start_tls and use_ssl is expected: TLS comes later, or first");
            Tls::First
        }
    }
}

fn security(keys: &mut Keys, tls: Tls) -> Option<Security> {
    if tls == Tls::Never {
        return Some(Security::None);
    }
    let (check, identity) = (ServerCheck::read(keys, "SERVER_CERTIFICATE"), identity(keys));
    let config = certificates::client_config(&check?, identity.as_ref());
    let config = config.map(Arc::new).map_err(|message| keys.fault("SERVER_CERTIFICATE", message)).ok()?;
    Some(if tls == Tls::Later { Security::StartTls(config) } else { Security::Implicit(config) })
}

/// LinOTP's certfile and keyfile; one file may hold both.
fn identity(keys: &mut Keys) -> Option<Identity> {
    let (certificate, key) = (keys.string("certfile"), keys.string("keyfile"));
    match (certificate, key) {
        (None, None) => None,
        (Some(certificate), Some(key)) => {
            Identity::from_files(keys, ("certfile", &certificate), ("keyfile", &key))
        }
        (Some(both), None) => Identity::from_files(keys, ("certfile", &both), ("certfile", &both)),
        (None, Some(_)) => {
            keys.fault("certfile", "is required beside keyfile");
            None
        }
    }
}

/// A string that must be there.
fn required(keys: &mut Keys, key: &str) -> Option<String> {
    if !keys.has(key) {
        keys.fault(key, "is required");
    }
    keys.string(key)
}

/// Host and port.
fn place(keys: &mut Keys, tls: Tls) -> Option<(String, u16)> {
    let own = own_port(keys);
    let text = required(keys, "mailserver")?;
    let Some((host, port)) = server(&text) else {
        keys.fault("mailserver", "host or host:port is expected, as in mail.example.com:587");
        return None;
    };
    if port.is_some() && own.is_some() {
        keys.fault("mailserver_port", "mailserver has a port already");
    }
    let default = match tls {
        Tls::Never => 25,
        Tls::Later => 587,
        Tls::First => 465,
    };
    let port = port.or(own).unwrap_or(default);
    if port == 465 && tls != Tls::First {
        keys.warn("servers on port 465 speak TLS from the first byte: use_ssl is true for them");
    }
    Some((host, port))
}

/// LinOTP's other way to write the port.
fn own_port(keys: &mut Keys) -> Option<u16> {
    let port = keys.text("mailserver_port")?.trim().parse().ok().filter(|port| *port > 0);
    if port.is_none() {
        keys.fault("mailserver_port", "a port from 1 to 65535 is expected");
    }
    port
}

fn sender(keys: &mut Keys) -> Option<Address> {
    let sender = mail_address(required(keys, "mailsender")?.trim());
    if sender.is_none() {
        keys.fault("mailsender", "a bare mail address is expected, as in mtan@example.com");
    }
    sender
}

fn recipient(keys: &mut Keys) -> Option<Template> {
    let text = required(keys, "mailto")?.trim().to_owned();
    let template = keys.template("mailto", &text);
    if [Tag::Otp, Tag::Text, Tag::Id].into_iter().any(|tag| template.has(tag)) {
        keys.fault("mailto", "only <phone> is filled in here");
        return None;
    }
    let tag_in_domain = text.rsplit_once('@').is_some_and(|(_, domain)| domain.contains('<'));
    // as long as a number with its plus can be
    if tag_in_domain || mail_address(&text.replace("<phone>", "+123456789012345")).is_none() {
        keys.fault(
            "mailto",
            "a bare mail address is expected, as in sms@gateway.example or <phone>@gateway.example",
        );
        return None;
    }
    Some(template)
}

/// Both or neither; what is empty is not there, as in LinOTP.
fn login(keys: &mut Keys) -> Option<Login> {
    let mut given = |key: &str| keys.text(key).filter(|text| !text.is_empty());
    let (user, password) = (given("mailuser"), given("mailpassword"));
    match (user, password) {
        (None, None) => None,
        (Some(user), Some(password)) => {
            for (key, text) in [("mailuser", &user), ("mailpassword", &password)] {
                if text.chars().any(char::is_control) {
                    keys.fault(key, "no control characters are expected");
                }
            }
            Some(Login { user, password })
        }
        (Some(_), None) => {
            keys.fault("mailpassword", "is required beside mailuser");
            None
        }
        (None, Some(_)) => {
            keys.fault("mailuser", "is required beside mailpassword");
            None
        }
    }
}

/// charset and encoding.
fn form(keys: &mut Keys) -> (Charset, Encoding) {
    let encoding = keys.choice(
        "encoding",
        &[
            ("auto", Encoding::Auto),
            ("7bit", Encoding::SevenBit),
            ("8bit", Encoding::EightBit),
            ("quoted-printable", Encoding::QuotedPrintable),
            ("base64", Encoding::Base64),
        ],
    );
    let encoding = encoding.unwrap_or(Encoding::Auto);
    let Some(name) = keys.string("charset") else { return (Charset::UTF_8, encoding) };
    let Some(charset) = Charset::by_name(&name) else {
        keys.fault(
            "charset",
            "utf-8, us-ascii, iso-8859-1, windows-1252 or another with ASCII in it is expected",
        );
        return (Charset::UTF_8, encoding);
    };
    if encoding == Encoding::SevenBit && charset != Charset::Ascii && charset != Charset::UTF_8 {
        keys.warn("charset changes nothing beside 7bit, which takes ASCII alone");
    }
    (charset, encoding)
}

/// Subject and body; what is fixed in them must fit, or no mail ever would.
fn texts(keys: &mut Keys, charset: Charset, encoding: Encoding) -> (Template, Template) {
    let subject = keys.string("subject").unwrap_or_else(|| "[mtan]".to_owned());
    let body = keys.string("body").unwrap_or_else(|| "<otp>".to_owned());
    let unfit = "has characters, or lines, that charset and encoding do not take";
    if !fits_subject(&subject, charset, encoding) {
        keys.fault("subject", unfit);
    }
    if !fits_body(&body, charset, encoding) {
        keys.fault("body", unfit);
    }
    if body.chars().any(|c| c.is_control() && !matches!(c, '\r' | '\n' | '\t')) {
        keys.fault("body", "no control characters but line ends are expected");
    }
    (keys.template("subject", &subject), keys.template("body", &body))
}

/// The gateway must learn number and code.
fn check_tags(keys: &mut Keys, recipient: Option<&Template>, subject: &Template, body: &Template) {
    // a mailto that could not be read is a fault already
    let has_phone = recipient.is_none_or(|recipient| recipient.has(Tag::Phone));
    if !has_phone && !subject.has(Tag::Phone) && !body.has(Tag::Phone) {
        keys.fault("mailto", "<phone> is expected in mailto, subject or body: the gateway needs the number");
    }
    if ![subject, body].into_iter().any(|template| template.has(Tag::Otp) || template.has(Tag::Text)) {
        keys.fault("body", "<otp> or <text> is expected in subject or body: the SMS would say nothing");
    }
}

/// LinOTP's users come from plain connections; they are told what those show.
fn warn_of_the_open(keys: &mut Keys, place: Option<&(String, u16)>, tls: Tls, has_login: bool) {
    let is_near = place.is_none_or(|(host, _)| is_loopback(host));
    if tls == Tls::Never && !is_near {
        let what = if has_login { "codes, mailuser and mailpassword travel" } else { "codes travel" };
        keys.warn(format!("{what} unencrypted to mailserver: set start_tls or use_ssl"));
    }
    for key in ["SERVER_CERTIFICATE", "certfile", "keyfile"] {
        if tls == Tls::Never && keys.has(key) {
            keys.warn(format!("{key} changes nothing without start_tls or use_ssl"));
        }
    }
}
