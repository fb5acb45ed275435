//! TLS and logins: what is configured happens, or no mail goes out.

use std::path::Path;
use std::sync::Arc;

use mtan_jobs::SystemClock;
use mtan_sender_smtp::{SmtpConfig, SmtpProvider};
use mtan_testkit::smtp::{Act, Authority, Issued, Offer, SmtpSink, Stage};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{provider, send, word};

/// An authority, a server's certificate and a client's, and their files.
struct Pki {
    authority: Authority,
    server: Issued,
    folder: TempDir,
}

impl Pki {
    fn new() -> Pki {
        let (authority, folder) = (Authority::new(), TempDir::new().unwrap());
        let (server, client) = (authority.server("127.0.0.1"), authority.client());
        let write = |name: &str, pem: &str| std::fs::write(folder.path().join(name), pem).unwrap();
        write("ca.pem", authority.pem());
        write("client.pem", &client.certificate);
        write("client.key", &client.key);
        write("both.pem", &(client.certificate + &client.key));
        Pki { authority, server, folder }
    }

    /// A provider whose files are in our folder.
    fn provider(&self, sink: &SmtpSink, keys: Value) -> SmtpProvider {
        let mut config = json!({
            "mailserver": sink.address().to_string(),
            "mailsender": "mtan@sender.test",
            "mailto": "<phone>@gateway.test",
            "SERVER_CERTIFICATE": "ca.pem",
        });
        for (key, value) in keys.as_object().unwrap() {
            config[key] = value.clone();
        }
        let config = SmtpConfig::from_json(&config.to_string(), self.path()).unwrap();
        SmtpProvider::new(config, Arc::new(SystemClock))
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }
}

#[tokio::test]
async fn mail_goes_through_tls_that_comes_first_or_later() {
    let pki = Pki::new();
    for (offer, keys) in [
        (Offer::start_tls(&pki.server), json!({ "start_tls": "True" })),
        (Offer::implicit_tls(&pki.server), json!({ "use_ssl": true })),
    ] {
        for login in [None, Some(("user", "pässword"))] {
            let (mut offer, mut keys) = (offer.clone(), keys.clone());
            if let Some((user, password)) = login {
                offer = offer.with_login(user, password);
                keys["mailuser"] = user.into();
                keys["mailpassword"] = password.into();
            }
            let sink = SmtpSink::start(offer).await;
            let provider = pki.provider(&sink, keys.clone());
            for n in 1..=3 {
                assert_eq!(word(&send(&provider).await), format!("accepted SINK{n}"), "{keys}");
            }
            assert!(
                sink.mails()
                    .iter()
                    .all(|mail| mail.secure && mail.user.as_deref() == login.map(|(user, _)| user))
            );
            assert_eq!(sink.connections(), 1);
        }
    }
}

#[tokio::test]
async fn without_the_configured_tls_no_mail_goes_out() {
    let pki = Pki::new();
    let plain = SmtpSink::start(Offer::plain()).await;
    let stranger = Authority::new();
    let untrusted = SmtpSink::start(Offer::start_tls(&stranger.server("127.0.0.1"))).await;
    let wrong_name = SmtpSink::start(Offer::implicit_tls(&pki.authority.server("other.test"))).await;
    let refusing = SmtpSink::start(Offer::start_tls(&pki.server)).await;
    refusing.always(Stage::StartTls, Act::answer(454, "4.7.0 not now"));
    let injected = SmtpSink::start(Offer::start_tls(&pki.server)).await;
    injected.always(Stage::StartTls, Act::raw("220 go\r\n250 slipped in\r\n"));
    for (sink, key, expected, words) in [
        (&plain, "start_tls", "retry gateway_unreachable", "offers no STARTTLS"),
        (&plain, "use_ssl", "retry gateway_unreachable", "TLS failed"),
        (&untrusted, "start_tls", "retry gateway_unreachable", "invalid peer certificate"),
        (&wrong_name, "use_ssl", "retry gateway_unreachable", "certificate not valid for name"),
        (&refusing, "start_tls", "retry gateway_error", "STARTTLS 454"),
        (&injected, "start_tls", "retry gateway_error", "no SMTP: STARTTLS"),
    ] {
        let verdict = send(&pki.provider(sink, json!({ key: true }))).await;
        assert_eq!(word(&verdict), expected, "{key} {words}: {verdict:?}");
        assert!(format!("{verdict:?}").contains(words), "{words}: {verdict:?}");
        assert_eq!((sink.mails().len(), sink.count("MAIL"), sink.count("AUTH")), (0, 0, 0));
    }
    let off = pki.provider(&untrusted, json!({ "start_tls": true, "SERVER_CERTIFICATE": false }));
    assert_eq!(word(&send(&off).await), "accepted SINK1", "switched off, and warned about at load");
}

#[tokio::test]
async fn a_client_certificate_is_shown_to_who_asks_for_it() {
    let pki = Pki::new();
    let sink = SmtpSink::start(Offer::mutual_tls(&pki.server, &pki.authority)).await;
    for keys in [
        json!({ "use_ssl": true, "certfile": "client.pem", "keyfile": "client.key" }),
        json!({ "use_ssl": true, "certfile": "both.pem" }),
    ] {
        let verdict = send(&pki.provider(&sink, keys)).await;
        assert!(word(&verdict).starts_with("accepted"), "{verdict:?}");
        assert!(sink.mails().last().unwrap().client_certificate);
    }
    let verdict = send(&pki.provider(&sink, json!({ "use_ssl": true }))).await;
    assert_eq!(word(&verdict), "retry gateway_unreachable", "{verdict:?}");
}

#[tokio::test]
async fn a_login_is_made_or_nothing_is_sent() {
    let login = json!({ "mailuser": "user", "mailpassword": "hunter2" });
    for (offer, expected) in [
        (Offer::plain().with_login("user", "hunter2"), "accepted SINK1"),
        (Offer::plain().with_login("user", "hunter2").with_mechanisms("LOGIN"), "accepted SINK1"),
        (Offer::plain().with_login("user", "hunter2").with_mechanisms("CRAM-MD5 PLAIN"), "accepted SINK1"),
        (Offer::plain().with_login("user", "other"), "rejected gateway_auth_failed"),
        (Offer::plain().with_login("user", "other").with_mechanisms("LOGIN"), "rejected gateway_auth_failed"),
        (
            Offer::plain().with_login("user", "hunter2").with_mechanisms("CRAM-MD5"),
            "rejected gateway_auth_failed",
        ),
        (Offer::plain(), "rejected gateway_auth_failed"),
        (Offer::plain().without_ehlo(), "rejected gateway_rejected"),
    ] {
        let sink = SmtpSink::start(offer.clone()).await;
        let verdict = send(&provider(&sink, login.clone())).await;
        assert_eq!(word(&verdict), expected, "{offer:?}: {verdict:?}");
        assert!(!format!("{verdict:?}").contains("hunter2"));
        let mails = if expected.starts_with("accepted") { 1 } else { 0 };
        assert_eq!((sink.mails().len(), sink.count("MAIL")), (mails, mails), "{offer:?}");
        assert!(sink.mails().iter().all(|mail| mail.user.as_deref() == Some("user")));
    }
    let sink = SmtpSink::start(Offer::plain().with_login("user", "hunter2")).await;
    assert_eq!(word(&send(&provider(&sink, json!({}))).await), "rejected gateway_auth_failed", "530 at MAIL");
    sink.always(Stage::Auth, Act::answer(454, "4.7.0 user hunter2: later"));
    let verdict = send(&provider(&sink, login)).await;
    assert_eq!(word(&verdict), "retry gateway_error");
    assert!(!format!("{verdict:?}").contains("hunter2"), "{verdict:?}");
}

#[tokio::test]
async fn a_server_of_old_that_knows_helo_only_gets_its_mail() {
    let sink = SmtpSink::start(Offer::plain().without_ehlo()).await;
    assert_eq!(word(&send(&provider(&sink, json!({}))).await), "accepted SINK1");
    assert_eq!((sink.count("EHLO [127.0.0.1]"), sink.count("HELO [127.0.0.1]")), (1, 1));
}
