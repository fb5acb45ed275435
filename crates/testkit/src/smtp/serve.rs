//! One connection: the server's half of RFC 5321, with what was planned in the place of its answers.

use std::io::{self, ErrorKind};
use std::sync::Arc;

use data_encoding::BASE64;
use tokio::time::sleep;

use super::act::{Act, Deed, Stage, Then};
use super::offer::{Offer, Security};
use super::state::{Mail, State};
use super::wire::Wire;
use crate::door::Visitor;

/// Serves until the client leaves, an act ends the connection, or the server refuses connections.
pub(super) async fn serve(state: Arc<State>, offer: Arc<Offer>, visitor: Visitor) {
    let Visitor { stream, number, mut dismissal, counted: _counted } = visitor;
    let session = Session { state, offer, number, wire: None, user: None, envelope: None };
    tokio::select! {
        biased;
        () = dismissal.told() => {}
        _left = session.run(Wire::new(stream)) => {}
    }
}

struct Session {
    state: Arc<State>,
    offer: Arc<Offer>,
    number: usize,
    /// `None` once an act has ended it.
    wire: Option<Wire>,
    user: Option<String>,
    envelope: Option<Envelope>,
}

#[derive(Default)]
struct Envelope {
    sender: String,
    parameters: String,
    recipients: Vec<String>,
}

/// Whether the client got the ordinary answer.
#[derive(PartialEq, Eq)]
enum Answer {
    Ordinary,
    Other,
}

impl Session {
    async fn run(mut self, wire: Wire) -> io::Result<()> {
        self.wire = Some(match &self.offer.security {
            Security::Implicit(acceptor) => wire.secured(acceptor).await?,
            Security::None | Security::StartTls(_) => wire,
        });
        self.answer(Stage::Greeting, "220 sink.test ESMTP\r\n").await?;
        loop {
            let line = self.wire()?.line().await?;
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            let (verb, rest) = line.split_once(' ').unwrap_or((&line, ""));
            let verb = verb.to_ascii_uppercase();
            let noted = if verb == "AUTH" {
                line.split(' ').take(2).collect::<Vec<_>>().join(" ")
            } else {
                line.clone()
            };
            self.state.book().commands.push((self.number, noted));
            self.obey(&verb, rest).await?;
        }
    }

    async fn obey(&mut self, verb: &str, rest: &str) -> io::Result<()> {
        match verb {
            "EHLO" if self.offer.esmtp => self.ehlo().await,
            "HELO" => self.answer(Stage::Helo, "250 sink.test\r\n").await.map(drop),
            "STARTTLS" => self.start_tls().await,
            "AUTH" => self.auth(rest).await,
            "MAIL" => self.mail(rest).await,
            "RCPT" => self.recipient(rest).await,
            "DATA" => self.data().await,
            "RSET" => {
                self.envelope = None;
                self.answer(Stage::Reset, "250 2.0.0 flushed\r\n").await.map(drop)
            }
            "NOOP" => self.say("250 2.0.0 nothing\r\n").await,
            "QUIT" => {
                self.answer(Stage::Quit, "221 2.0.0 bye\r\n").await?;
                self.end(Then::Close).await
            }
            _ => self.say("500 5.5.2 unknown command\r\n").await,
        }
    }

    async fn ehlo(&mut self) -> io::Result<()> {
        let secure = self.wire()?.is_secure();
        let lines = self.offer.extensions(secure).join("\n");
        let Deed::Bytes(bytes, _) = Act::answer(250, &lines).deed else { unreachable!("an answer is bytes") };
        self.answer(Stage::Ehlo, &String::from_utf8_lossy(&bytes)).await.map(drop)
    }

    async fn start_tls(&mut self) -> io::Result<()> {
        let Security::StartTls(acceptor) = &self.offer.security else {
            return self.say("502 5.5.1 no TLS here\r\n").await;
        };
        let acceptor = acceptor.clone();
        if self.answer(Stage::StartTls, "220 2.0.0 go ahead\r\n").await? == Answer::Ordinary {
            let wire = self.wire.take().ok_or(ErrorKind::NotConnected)?;
            self.wire = Some(wire.secured(&acceptor).await?);
        }
        Ok(())
    }

    async fn auth(&mut self, rest: &str) -> io::Result<()> {
        let (mechanism, initial) = rest.split_once(' ').unwrap_or((rest, ""));
        let offered = self.offer.mechanisms.split(' ').any(|offered| offered.eq_ignore_ascii_case(mechanism));
        let given = match mechanism.to_ascii_uppercase().as_str() {
            "PLAIN" if offered => self.plain(initial).await?,
            "LOGIN" if offered => self.login().await?,
            _ => return self.say("504 5.5.4 no such mechanism\r\n").await,
        };
        if self.offer.login != given {
            return self.answer(Stage::Auth, "535 5.7.8 authentication failed\r\n").await.map(drop);
        }
        if self.answer(Stage::Auth, "235 2.7.0 welcome\r\n").await? == Answer::Ordinary {
            self.user = given.map(|(user, _)| user);
        }
        Ok(())
    }

    /// RFC 4616: authorization identity, NUL, name, NUL, password.
    async fn plain(&mut self, initial: &str) -> io::Result<Option<(String, String)>> {
        let text = if initial.is_empty() { self.secret("334 \r\n").await? } else { decoded(initial) };
        let mut parts = text.split('\0').skip(1).map(str::to_owned);
        Ok(parts.next().zip(parts.next()))
    }

    async fn login(&mut self) -> io::Result<Option<(String, String)>> {
        let user = self.secret("334 VXNlcm5hbWU6\r\n").await?;
        let password = self.secret("334 UGFzc3dvcmQ6\r\n").await?;
        Ok(Some((user, password)))
    }

    /// A line in base64 that is written down nowhere.
    async fn secret(&mut self, prompt: &str) -> io::Result<String> {
        self.say(prompt).await?;
        let line = self.wire()?.line().await?;
        Ok(decoded(String::from_utf8_lossy(&line).trim_end()))
    }

    async fn mail(&mut self, rest: &str) -> io::Result<()> {
        if self.offer.login.is_some() && self.user.is_none() {
            return self.say("530 5.7.0 authentication required\r\n").await;
        }
        if self.envelope.is_some() {
            return self.say("503 5.5.1 nested MAIL\r\n").await;
        }
        let Some((sender, parameters)) = path(rest, "FROM:") else {
            return self.say("501 5.5.4 syntax\r\n").await;
        };
        if self.answer(Stage::Mail, "250 2.1.0 sender ok\r\n").await? == Answer::Ordinary {
            self.envelope = Some(Envelope { sender, parameters, recipients: Vec::new() });
        }
        Ok(())
    }

    async fn recipient(&mut self, rest: &str) -> io::Result<()> {
        let Some((recipient, _)) = path(rest, "TO:") else { return self.say("501 5.5.4 syntax\r\n").await };
        if self.envelope.is_none() {
            return self.say("503 5.5.1 MAIL first\r\n").await;
        }
        let act = self.state.draw_for(&recipient);
        if self.perform(act, "250 2.1.5 recipient ok\r\n").await? == Answer::Ordinary {
            self.envelope.as_mut().expect("looked at above").recipients.push(recipient);
        }
        Ok(())
    }

    async fn data(&mut self) -> io::Result<()> {
        if self.envelope.as_ref().is_none_or(|envelope| envelope.recipients.is_empty()) {
            return self.say("503 5.5.1 no valid recipients\r\n").await;
        }
        if self.answer(Stage::Data, "354 go ahead\r\n").await? == Answer::Other {
            return Ok(());
        }
        let data = self.content().await?;
        let Envelope { sender, parameters, recipients } = self.envelope.take().expect("looked at above");
        let (connection, user) = (self.number, self.user.clone());
        let (secure, client_certificate) = (self.wire()?.is_secure(), self.wire()?.has_client_certificate());
        let mail =
            Mail { sender, parameters, recipients, data, connection, secure, client_certificate, user };
        let number = {
            let mut book = self.state.book();
            book.mails.push(mail);
            book.mails.len()
        };
        self.answer(Stage::Dot, &format!("250 2.0.0 Ok: queued as SINK{number}\r\n")).await.map(drop)
    }

    /// RFC 5321 §4.5.2: a first dot is taken off, a lone one is the end.
    async fn content(&mut self) -> io::Result<Vec<u8>> {
        let (mut data, mut first) = (Vec::new(), true);
        loop {
            let line = self.wire()?.line().await?;
            if std::mem::take(&mut first) {
                self.answer(Stage::Content, "").await?;
            }
            if line == b".\r\n" {
                return Ok(data);
            }
            data.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
        }
    }

    async fn answer(&mut self, stage: Stage, ordinary: &str) -> io::Result<Answer> {
        let act = self.state.draw(stage);
        self.perform(act, ordinary).await
    }

    async fn perform(&mut self, act: Option<Act>, ordinary: &str) -> io::Result<Answer> {
        let Act { delay, hold, deed } = act.unwrap_or_else(Act::ordinary);
        if !delay.is_zero() {
            sleep(delay).await;
        }
        if let Some(hold) = hold {
            let wire = self.wire()?;
            tokio::select! {
                () = hold.pass() => {}
                () = wire.client_left() => return Err(ErrorKind::UnexpectedEof.into()),
            }
        }
        match deed {
            Deed::Ordinary => self.say(ordinary).await.map(|()| Answer::Ordinary),
            Deed::Bytes(bytes, then) => {
                self.wire()?.write(&bytes).await?;
                self.end(then).await.map(|()| Answer::Other)
            }
            Deed::Dribble(interval) => {
                for byte in ordinary.bytes() {
                    sleep(interval).await;
                    self.wire()?.write(&[byte]).await?;
                }
                Ok(Answer::Ordinary)
            }
            Deed::Endless(line) => loop {
                self.say(&line).await?;
            },
            Deed::Silence => {
                self.wire()?.client_left().await;
                Err(ErrorKind::UnexpectedEof.into())
            }
            Deed::End(then) => self.end(then).await.map(|()| Answer::Other),
        }
    }

    async fn say(&mut self, line: &str) -> io::Result<()> {
        if line.is_empty() { Ok(()) } else { self.wire()?.write(line.as_bytes()).await }
    }

    /// Ends the connection, unless it goes on.
    async fn end(&mut self, then: Then) -> io::Result<()> {
        match then {
            Then::GoOn => return Ok(()),
            Then::Close => self.wire.take().ok_or(ErrorKind::NotConnected)?.close().await?,
            Then::Reset => self.wire.take().ok_or(ErrorKind::NotConnected)?.reset(),
        }
        Err(ErrorKind::NotConnected.into())
    }

    fn wire(&mut self) -> io::Result<&mut Wire> {
        self.wire.as_mut().ok_or_else(|| ErrorKind::NotConnected.into())
    }
}

/// `FROM:<address> PARAMETERS`: the address, and what follows.
fn path(rest: &str, word: &str) -> Option<(String, String)> {
    let head = rest.get(..word.len())?;
    let rest = rest[word.len()..].strip_prefix('<')?;
    let (address, parameters) = rest.split_once('>')?;
    head.eq_ignore_ascii_case(word).then(|| (address.to_owned(), parameters.trim().to_owned()))
}

fn decoded(text: &str) -> String {
    String::from_utf8_lossy(&BASE64.decode(text.as_bytes()).unwrap_or_default()).into_owned()
}
