//! The mail server does exactly what it is told, and the real one takes mail.

#![expect(clippy::unwrap_used, reason = "a test that unwraps in vain fails, as it should")]

use std::sync::Arc;
use std::time::Duration;

use mtan_testkit::exim::EximServer;
use mtan_testkit::gateway::Hold;
use mtan_testkit::smtp::{Act, Authority, Offer, SmtpSink, Stage};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

use mtan_testkit::smtp::Issued;

trait Both: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Both for S {}

/// A client that says what it is told and shows what comes.
struct Client(BufReader<Box<dyn Both>>);

impl Client {
    async fn connect(sink: &SmtpSink) -> Client {
        Client(BufReader::new(Box::new(TcpStream::connect(sink.address()).await.unwrap())))
    }

    async fn secured(self, authority: &Authority, own: Option<&Issued>) -> Client {
        let certificate = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(certificate(authority.pem())).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots);
        let config = match own {
            None => builder.with_no_client_auth(),
            Some(own) => {
                let key = PrivateKeyDer::from_pem_slice(own.key.as_bytes()).unwrap();
                builder.with_client_auth_cert(vec![certificate(&own.certificate)], key).unwrap()
            }
        };
        let name = "127.0.0.1".try_into().unwrap();
        let stream = TlsConnector::from(Arc::new(config)).connect(name, self.0.into_inner()).await.unwrap();
        Client(BufReader::new(Box::new(stream)))
    }

    /// One answer, its lines joined; empty at the end of the connection.
    async fn answer(&mut self) -> String {
        let mut answer = String::new();
        loop {
            let start = answer.len();
            if self.0.read_line(&mut answer).await.unwrap_or(0) == 0 || answer.as_bytes()[start + 3] == b' ' {
                return answer.trim_end().to_owned();
            }
        }
    }

    async fn say(&mut self, line: &str) -> String {
        match self.0.write_all(format!("{line}\r\n").as_bytes()).await {
            Ok(()) => self.answer().await,
            Err(_) => String::new(), // the server has ended the connection
        }
    }

    async fn send(&mut self, to: &str, data: &str) -> String {
        let recipient = format!("RCPT TO:<{to}>");
        for line in ["MAIL FROM:<a@b.test> BODY=8BITMIME", recipient.as_str(), "DATA"] {
            let answer = self.say(line).await;
            if !answer.starts_with(['2', '3']) {
                return answer;
            }
        }
        self.say(&format!("{data}\r\n.")).await
    }
}

#[tokio::test]
async fn a_mail_is_kept_as_it_was_meant() {
    let sink = SmtpSink::start(Offer::plain()).await;
    let mut client = Client::connect(&sink).await;
    assert_eq!(client.answer().await, "220 sink.test ESMTP");
    assert!(client.say("EHLO me").await.contains("8BITMIME"));
    assert_eq!(
        client.send("x@y.test", "Subject: a\r\n\r\n..\r\n..b\r\nc").await,
        "250 2.0.0 Ok: queued as SINK1"
    );
    assert_eq!(client.say("QUIT").await, "221 2.0.0 bye");
    let mail = &sink.mails()[0];
    assert_eq!(mail.data, b"Subject: a\r\n\r\n.\r\n.b\r\nc\r\n");
    assert_eq!((mail.sender.as_str(), mail.parameters.as_str()), ("a@b.test", "BODY=8BITMIME"));
    assert_eq!((mail.recipients.as_slice(), mail.connection), (["x@y.test".to_owned()].as_slice(), 1));
    assert!(!mail.secure && mail.user.is_none());
    sink.wait_for_open(0).await;
}

#[tokio::test]
async fn what_is_planned_takes_the_place_of_one_answer() {
    let sink = SmtpSink::start(Offer::plain()).await;
    sink.next(1, Stage::Mail, Act::answer(451, "4.3.0 later"));
    sink.next(1, Stage::Dot, Act::answer(554, "5.0.0 no"));
    sink.for_recipient("bad@y.test", Act::answer(550, "5.1.1 who?"));
    let mut client = Client::connect(&sink).await;
    client.answer().await;
    assert_eq!(client.send("x@y.test", "").await, "451 4.3.0 later");
    assert_eq!(client.send("bad@y.test", "").await, "550 5.1.1 who?");
    assert_eq!(client.say("DATA").await, "503 5.5.1 no valid recipients");
    assert_eq!(client.say("MAIL FROM:<a@b.test>").await, "503 5.5.1 nested MAIL");
    assert_eq!(client.say("RSET").await, "250 2.0.0 flushed");
    assert_eq!(client.send("x@y.test", "one").await, "554 5.0.0 no");
    assert_eq!(client.send("x@y.test", "two").await, "250 2.0.0 Ok: queued as SINK2");
    assert_eq!(sink.count("MAIL"), 5);
}

#[tokio::test]
async fn connections_end_as_told() {
    let sink = SmtpSink::start(Offer::plain()).await;
    for (stage, act) in [
        (Stage::Greeting, Act::close()),
        (Stage::Content, Act::reset()),
        (Stage::Dot, Act::close()),
        (Stage::Data, Act::answer(354, "go").then_reset()),
    ] {
        sink.next(1, stage, act);
        let mut client = Client::connect(&sink).await;
        if !client.answer().await.is_empty() {
            assert!(
                client.send("x@y.test", "text").await.starts_with("354") || client.answer().await.is_empty()
            );
        }
        assert_eq!(client.0.read(&mut [0]).await.unwrap_or(0), 0, "{stage:?}");
        sink.wait_for_open(0).await;
    }
    assert_eq!(sink.mails().len(), 1, "the one whose dot came");
    let hold = Hold::new();
    sink.next(1, Stage::Greeting, Act::ordinary().held_by(&hold));
    let mut client = Client::connect(&sink).await;
    hold.wait_for(1).await;
    hold.release();
    assert!(client.answer().await.starts_with("220"));
    sink.refuse().await;
    assert!(TcpStream::connect(sink.address()).await.is_err());
}

#[tokio::test]
async fn only_who_logs_in_may_send() {
    let sink = SmtpSink::start(Offer::plain().with_login("user", "secret")).await;
    let mut client = Client::connect(&sink).await;
    client.answer().await;
    assert!(client.say("EHLO me").await.contains("AUTH PLAIN LOGIN"));
    assert!(client.send("x@y.test", "").await.starts_with("530"));
    assert!(client.say("AUTH PLAIN AHVzZXIAd3Jvbmc=").await.starts_with("535"));
    assert!(client.say("AUTH LOGIN").await.starts_with("334"));
    assert!(client.say("dXNlcg==").await.starts_with("334"));
    assert!(client.say("c2VjcmV0").await.starts_with("235"));
    client.send("x@y.test", "").await;
    assert_eq!(sink.mails()[0].user.as_deref(), Some("user"));
    assert!(
        sink.commands().iter().all(|(_, command)| !command.contains("c2VjcmV0") && !command.contains("AHVz"))
    );
}

#[tokio::test]
async fn tls_comes_first_or_in_the_middle() {
    let authority = Authority::new();
    let identity = authority.server("127.0.0.1");
    let sink = SmtpSink::start(Offer::start_tls(&identity)).await;
    let mut client = Client::connect(&sink).await;
    client.answer().await;
    assert!(client.say("EHLO me").await.contains("STARTTLS"));
    assert!(client.say("STARTTLS").await.starts_with("220"));
    let mut client = client.secured(&authority, None).await;
    assert!(!client.say("EHLO me").await.contains("STARTTLS"));
    client.send("x@y.test", "").await;
    assert!(sink.mails()[0].secure);

    let sink = SmtpSink::start(Offer::mutual_tls(&identity, &authority)).await;
    let mut client = Client::connect(&sink).await.secured(&authority, Some(&authority.client())).await;
    assert!(client.answer().await.starts_with("220"));
    client.send("x@y.test", "").await;
    assert!(sink.mails()[0].secure && sink.mails()[0].client_certificate);
    let mut stranger = Client::connect(&sink).await.secured(&authority, None).await;
    assert_eq!(stranger.answer().await, "");
}

#[tokio::test]
async fn the_real_server_delivers_and_does_not_relay() {
    let exim = EximServer::start().await;
    let mut client = Client(BufReader::new(Box::new(TcpStream::connect(exim.address()).await.unwrap())));
    assert!(client.answer().await.starts_with("220"));
    client.say("EHLO [127.0.0.1]").await;
    assert!(client.send("x@elsewhere.test", "").await.starts_with("550"));
    client.say("RSET").await;
    let to = format!("x@{}", EximServer::DOMAIN);
    let mail =
        "From: a@b.test\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@b.test>\r\n\r\nhello";
    let answer = client.send(&to, mail).await;
    assert!(answer.starts_with("250 OK id="), "{answer}");
    let mails = tokio::time::timeout(Duration::from_secs(40), exim.wait_for_mails(1)).await.unwrap();
    assert!(String::from_utf8_lossy(&mails[0]).ends_with("\n\nhello\n"));
}
