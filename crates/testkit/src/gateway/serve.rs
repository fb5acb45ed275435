//! One connection: reads requests, and does to each what was planned.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::behaviour::{Act, Behaviour};
use super::request::Request;
use super::state::{InFlight, State};
use crate::door::Visitor;
use crate::http::{Connection, Head, response_head};

/// Bytes of an endless body that go out at once.
const ENDLESS_BLOCK: usize = 16 * 1024;

/// What becomes of the connection after a request.
enum After {
    Next(Connection),
    /// It was closed or reset, or the client has left.
    End,
}

/// Serves until the client leaves, a behaviour ends the connection, or the gateway refuses connections; then
/// a request in flight still gets its answer.
pub(super) async fn serve(state: Arc<State>, visitor: Visitor) {
    let Visitor { stream, number, mut dismissal, counted: _counted } = visitor;
    let mut connection = Connection::new(stream);
    loop {
        let head = tokio::select! {
            biased;
            () = dismissal.told() => return,
            head = connection.read_head() => head,
        };
        let after = match head {
            Ok(Some(head)) => exchange(&state, connection, head, number).await,
            Ok(None) => return,
            Err(error) => refuse(connection, error).await,
        };
        match after {
            Ok(After::Next(same)) => connection = same,
            Ok(After::End) | Err(_) => return, // the client has broken off
        }
    }
}

async fn exchange(state: &State, mut connection: Connection, head: Head, number: usize) -> io::Result<After> {
    let (drawn, in_flight) = state.draw();
    if drawn.resets_before_body() {
        drawn.behaviour.its_time().await;
        connection.reset();
        return Ok(After::End);
    }
    let body = match connection.read_body(&head).await {
        Ok(body) => body,
        Err(error) => return refuse(connection, error).await,
    };
    let keeps_alive = head.keeps_alive();
    let (behaviour, sequence) = state.record(Request::new(head, body, number), drawn);
    tokio::select! {
        () = behaviour.its_time() => {}
        () = connection.client_left() => return Ok(After::End),
    }
    Reply { state, behaviour, sequence, keeps_alive }.perform(connection, in_flight).await
}

/// 400 for what is no HTTP request, and the end.
async fn refuse(mut connection: Connection, error: io::Error) -> io::Result<After> {
    if error.kind() == ErrorKind::InvalidData {
        let why = error.to_string();
        let length = why.len().to_string();
        let head = response_head(400, [("Content-Length", length.as_str()), ("Connection", "close")]);
        connection.write((head + &why).as_bytes()).await?;
    }
    Ok(After::End)
}

/// What the client gets to see of one request.
struct Reply<'a> {
    state: &'a State,
    behaviour: Behaviour,
    sequence: usize,
    keeps_alive: bool,
}

impl Reply<'_> {
    async fn perform(&self, mut connection: Connection, in_flight: InFlight<'_>) -> io::Result<After> {
        match self.behaviour.act {
            Act::Answer => return self.answer(connection, in_flight).await,
            Act::Dribble(interval) => return self.dribble(connection, in_flight, interval).await,
            Act::Endless => self.endless(&mut connection).await?,
            Act::Silence => connection.client_left().await,
            Act::Close => drop(connection),
            // planned for a number: by then the body has been read
            Act::ResetBeforeBody | Act::ResetBeforeAnswer => connection.reset(),
            Act::ResetInsideAnswer => {
                self.half_an_answer(&mut connection).await?;
                connection.reset();
            }
        }
        Ok(After::End)
    }

    async fn answer(&self, connection: Connection, in_flight: InFlight<'_>) -> io::Result<After> {
        let body = self.behaviour.body(self.sequence);
        let head = self.behaviour.head(Some(body.len()), self.keeps_alive);
        self.finish(connection, in_flight, (head + &body).as_bytes()).await
    }

    async fn dribble(
        &self,
        mut connection: Connection,
        in_flight: InFlight<'_>,
        interval: Duration,
    ) -> io::Result<After> {
        let body = self.behaviour.body(self.sequence);
        connection.write(self.behaviour.head(Some(body.len()), self.keeps_alive).as_bytes()).await?;
        let (last, others) = body
            .as_bytes()
            .split_last()
            .map_or((&[][..], &[][..]), |(last, others)| (std::slice::from_ref(last), others));
        for byte in others {
            sleep(interval).await;
            connection.write(&[*byte]).await?;
        }
        sleep(interval).await;
        self.finish(connection, in_flight, last).await
    }

    /// Without a length the body ends with the connection, RFC 9112 §6.3, and so never.
    async fn endless(&self, connection: &mut Connection) -> io::Result<()> {
        connection.write(self.behaviour.head(None, false).as_bytes()).await?;
        let text = self.behaviour.body(self.sequence);
        let block = text.repeat(ENDLESS_BLOCK.div_ceil(text.len()));
        loop {
            connection.write(block.as_bytes()).await?;
        }
    }

    async fn half_an_answer(&self, connection: &mut Connection) -> io::Result<()> {
        let body = self.behaviour.body(self.sequence).into_bytes();
        let head = self.behaviour.head(Some(body.len()), self.keeps_alive);
        connection.write(&[head.as_bytes(), &body[..body.len() / 2]].concat()).await
    }

    /// Sends the last bytes of an answer.
    async fn finish(
        &self,
        mut connection: Connection,
        in_flight: InFlight<'_>,
        last: &[u8],
    ) -> io::Result<After> {
        // before the client can know: else its next request might overlap with this one in the peak
        drop(in_flight);
        connection.write(last).await?;
        self.state.answered();
        let goes_on = self.keeps_alive && !self.behaviour.closes;
        Ok(if goes_on { After::Next(connection) } else { After::End })
    }
}
