//! A session with the server: opened, secured, logged in, and then one transaction after the other.

use std::net::SocketAddr;
use std::sync::Arc;

use data_encoding::BASE64;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Duration, Instant, timeout_at};
use tokio_rustls::TlsConnector;

use crate::config::{Login, Security, SmtpConfig};
use crate::line::Line;
use crate::message::Mail;
use crate::reply::{Failure, Reply, Step};

/// How long a farewell may take.
const FAREWELL: Duration = Duration::from_secs(2);

pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// A session that is open for mail.
pub(crate) struct Session {
    line: Line<Box<dyn Stream>>,
    extensions: Extensions,
    /// A transaction was broken off in it: the next one begins with RSET.
    broken_off: bool,
}

/// The times of one hand-over.
#[derive(Clone, Copy)]
pub(crate) struct Times<'a> {
    /// Until then the content must be on its way: end of the time-out, or death of the code.
    pub(crate) begin: Instant,
    /// Until then an answer to it is waited for.
    pub(crate) end: Instant,
    /// Whether the code still lives; asked right before the content.
    pub(crate) is_alive: &'a (dyn Fn() -> bool + Sync),
}

/// What the server said to EHLO, in capitals.
#[derive(Default)]
struct Extensions(Vec<String>);

impl Extensions {
    fn of(reply: &Reply) -> Extensions {
        Extensions(reply.lines.iter().skip(1).map(|line| line.to_ascii_uppercase()).collect())
    }

    fn has(&self, keyword: &str) -> bool {
        self.0.iter().any(|line| line.split(' ').next() == Some(keyword))
    }

    /// Some servers of old write `AUTH=LOGIN`.
    fn has_auth(&self, mechanism: &str) -> bool {
        let auth = self.0.iter().filter_map(|line| line.strip_prefix("AUTH"));
        auth.flat_map(|rest| rest.split([' ', '='])).any(|offered| offered == mechanism)
    }
}

impl Session {
    /// Connects, says hello, and does what `config` wants of TLS and login. No mail goes before that.
    pub(crate) async fn open(config: &SmtpConfig, until: Instant) -> Result<Session, Failure> {
        let (stream, own) = connect(config, until.min(Instant::now() + config.connect_time_out)).await?;
        let mut session =
            Session { line: Line::new(stream), extensions: Extensions::default(), broken_off: false };
        let name = literal(own);
        let greeting = session.line.answer(Step::Greeting, until).await?;
        expect(Step::Greeting, greeting, 220)?;
        session.hello(config, &name, until).await?;
        if let Security::StartTls(tls) = &config.security {
            session = session.start_tls(config, tls, &name, until).await?;
        }
        if let Some(login) = &config.login {
            session.log_in(login, until).await?;
        }
        Ok(session)
    }

    async fn hello(&mut self, config: &SmtpConfig, name: &str, until: Instant) -> Result<(), Failure> {
        let reply = self.line.command(Step::Hello, &format!("EHLO {name}"), until).await?;
        // RFC 5321 §3.2: a server of old knows HELO only; it has neither TLS nor login
        if matches!(reply.code, 500..=504) && !config.needs_extensions() {
            let reply = self.line.command(Step::Hello, &format!("HELO {name}"), until).await?;
            return expect(Step::Hello, reply, 250).map(drop);
        }
        self.extensions = Extensions::of(&expect(Step::Hello, reply, 250)?);
        Ok(())
    }

    /// RFC 3207. Without TLS there is no mail, and what was said before it is forgotten.
    async fn start_tls(
        mut self,
        config: &SmtpConfig,
        tls: &Arc<ClientConfig>,
        name: &str,
        until: Instant,
    ) -> Result<Session, Failure> {
        if !self.extensions.has("STARTTLS") {
            self.line.farewell_now();
            return Err(Failure::NoStartTls);
        }
        let reply = self.line.command(Step::StartTls, "STARTTLS", until).await?;
        expect(Step::StartTls, reply, 220)?;
        let stream = self.line.into_inner().ok_or(Failure::Garbage(Step::StartTls))?;
        let stream = secure(config, tls, stream, until).await?;
        let mut session =
            Session { line: Line::new(stream), extensions: Extensions::default(), broken_off: false };
        let reply = session.line.command(Step::Hello, &format!("EHLO {name}"), until).await?;
        session.extensions = Extensions::of(&expect(Step::Hello, reply, 250)?);
        Ok(session)
    }

    async fn log_in(&mut self, login: &Login, until: Instant) -> Result<(), Failure> {
        let reply = if self.extensions.has_auth("PLAIN") {
            // RFC 4616
            let secret = BASE64.encode(format!("\0{}\0{}", login.user, login.password).as_bytes());
            self.line.command(Step::Auth, &format!("AUTH PLAIN {secret}"), until).await?
        } else if self.extensions.has_auth("LOGIN") {
            let reply = self.line.command(Step::Auth, "AUTH LOGIN", until).await?;
            expect(Step::Auth, reply, 334)?;
            let reply = self.line.command(Step::Auth, &BASE64.encode(login.user.as_bytes()), until).await?;
            expect(Step::Auth, reply, 334)?;
            self.line.command(Step::Auth, &BASE64.encode(login.password.as_bytes()), until).await?
        } else {
            self.line.farewell_now();
            return Err(Failure::NoAuth);
        };
        if reply.code != 235 {
            self.line.farewell_now();
        }
        expect(Step::Auth, reply, 235).map(drop)
    }

    /// One transaction. The answer is the one to the final dot, and positive.
    pub(crate) async fn send(
        &mut self,
        sender: &str,
        mail: &Mail,
        times: Times<'_>,
    ) -> Result<Reply, Failure> {
        let outcome = self.transaction(sender, mail, times).await;
        self.broken_off = outcome.is_err();
        outcome
    }

    async fn transaction(&mut self, sender: &str, mail: &Mail, times: Times<'_>) -> Result<Reply, Failure> {
        let Times { begin, end, is_alive } = times;
        if self.broken_off {
            let reply = self.line.command(Step::Reset, "RSET", begin).await?;
            expect(Step::Reset, reply, 250)?;
        }
        let body = match (mail.eight_bit, self.extensions.has("8BITMIME")) {
            (true, true) => " BODY=8BITMIME",
            (true, false) => return Err(Failure::NoEightBit),
            (false, _) => "",
        };
        let reply = self.line.command(Step::Mail, &format!("MAIL FROM:<{sender}>{body}"), begin).await?;
        positive(Step::Mail, reply)?;
        let reply =
            self.line.command(Step::Recipient, &format!("RCPT TO:<{}>", mail.recipient), begin).await?;
        positive(Step::Recipient, reply)?;
        let reply = self.line.command(Step::Data, "DATA", begin).await?;
        expect(Step::Data, reply, 354)?;
        if !is_alive() {
            return Err(Failure::Expired);
        }
        positive(Step::Dot, self.line.content(&mail.data, end).await?)
    }

    /// Whether the connection is still there, as far as the system knows without asking the server.
    pub(crate) fn is_quiet(&mut self) -> bool {
        self.line.is_quiet()
    }

    /// QUIT and its answer; whatever comes of it, the connection ends.
    pub(crate) async fn farewell(mut self) {
        let until = Instant::now() + FAREWELL;
        // a server that does not answer a farewell has been told
        self.line.command(Step::Reset, "QUIT", until).await.ok();
    }

    /// QUIT without waiting for anything.
    pub(crate) fn farewell_now(&mut self) {
        self.line.farewell_now();
    }
}

/// A connection with TCP_NODELAY, within TLS where it comes first; and our own address.
async fn connect(
    config: &SmtpConfig,
    until: Instant,
) -> Result<(Box<dyn Stream>, Option<SocketAddr>), Failure> {
    let target = (config.host.as_str(), config.port);
    let connected = timeout_at(until, TcpStream::connect(target)).await;
    let stream =
        connected.map_err(|_| Failure::TimedOut(Step::Connect))?.map_err(|e| lost(Step::Connect, &e))?;
    // a mail and its dot must not wait for an acknowledgement of what went before
    stream.set_nodelay(true).map_err(|e| lost(Step::Connect, &e))?;
    let own = stream.local_addr().ok();
    let stream: Box<dyn Stream> = Box::new(stream);
    match &config.security {
        Security::Implicit(tls) => Ok((secure(config, tls, stream, until).await?, own)),
        Security::None | Security::StartTls(_) => Ok((stream, own)),
    }
}

async fn secure(
    config: &SmtpConfig,
    tls: &Arc<ClientConfig>,
    stream: Box<dyn Stream>,
    until: Instant,
) -> Result<Box<dyn Stream>, Failure> {
    let name =
        ServerName::try_from(config.host.clone()).map_err(|e| Failure::Lost(Step::Tls, e.to_string()))?;
    let connecting = TlsConnector::from(Arc::clone(tls)).connect(name, stream);
    match timeout_at(until, connecting).await {
        Ok(Ok(stream)) => Ok(Box::new(stream)),
        Ok(Err(error)) => Err(lost(Step::Tls, &error)),
        Err(_) => Err(Failure::TimedOut(Step::Tls)),
    }
}

fn lost(step: Step, error: &std::io::Error) -> Failure {
    Failure::Lost(step, error.to_string())
}

fn expect(step: Step, reply: Reply, code: u16) -> Result<Reply, Failure> {
    if reply.code == code { Ok(reply) } else { Err(Failure::Refused(step, reply)) }
}

fn positive(step: Step, reply: Reply) -> Result<Reply, Failure> {
    if reply.is_positive() { Ok(reply) } else { Err(Failure::Refused(step, reply)) }
}

/// Our name for EHLO, RFC 5321 §4.1.3: the address, for a machine's name is seldom one that others know.
fn literal(own: Option<SocketAddr>) -> String {
    match own {
        Some(SocketAddr::V4(own)) => format!("[{}]", own.ip()),
        Some(SocketAddr::V6(own)) => format!("[IPv6:{}]", own.ip()),
        None => "[127.0.0.1]".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_are_found_however_they_are_written() {
        let lines = ["mx STARTTLS", "8bitmime", "AUTH PLAIN login", "AUTH=CRAM-MD5", "SIZE 100"];
        let lines = lines.map(str::to_owned).to_vec();
        let extensions = Extensions::of(&Reply { code: 250, lines });
        assert!(extensions.has("8BITMIME") && extensions.has("SIZE"));
        assert!(!extensions.has("STARTTLS"), "that is its name");
        for (mechanism, offered) in [("PLAIN", true), ("LOGIN", true), ("CRAM-MD5", true), ("GSSAPI", false)]
        {
            assert_eq!(extensions.has_auth(mechanism), offered, "{mechanism}");
        }
    }

    #[test]
    fn our_name_is_our_address() {
        assert_eq!(literal(Some("192.0.2.7:4711".parse().unwrap())), "[192.0.2.7]");
        assert_eq!(literal(Some("[2001:db8::7]:4711".parse().unwrap())), "[IPv6:2001:db8::7]");
    }
}
