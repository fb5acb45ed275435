//! A fake HTTP SMS gateway that records every request and misbehaves exactly as told.

mod behaviour;
mod hold;
mod request;
mod serve;
mod state;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::door::Door;
use crate::wait_until;
use state::State;

pub use behaviour::Behaviour;
pub use hold::Hold;
pub use request::Request;

/// Time for requests to arrive, with room for a loaded machine.
const WAIT_DEADLINE: Duration = Duration::from_secs(30);

/// A gateway on a free loopback port that takes any method and path and answers 200 `ID: <n>` until it is told
/// otherwise. Dropped = refused from that moment on, and every connection ends.
#[derive(Debug)]
pub struct Gateway {
    door: Door,
    state: Arc<State>,
}

impl Gateway {
    /// Starts one; it serves when this returns.
    ///
    /// # Panics
    /// When the system has no free port left.
    pub async fn start() -> Self {
        let state = Arc::new(State::default());
        let of_connections = Arc::clone(&state);
        let door = Door::open(move |visitor| serve::serve(Arc::clone(&of_connections), visitor));
        Self { door, state }
    }

    /// `http://127.0.0.1:PORT/send`; any other path does as well.
    pub fn url(&self) -> String {
        format!("http://{}/send", self.address())
    }

    /// Where it listens; stays the same over [`refuse`](Self::refuse).
    pub fn address(&self) -> SocketAddr {
        self.door.address()
    }

    /// From now on does this with every request for which nothing else is planned.
    pub fn always(&self, behaviour: Behaviour) {
        self.state.book().plan.always = behaviour;
    }

    /// Does this with the next `n` requests, after those that are planned already. A request takes its turn
    /// when its head has come, whether or not its body follows.
    pub fn next(&self, n: usize, behaviour: Behaviour) {
        self.state.book().plan.next.extend(vec![behaviour; n]);
    }

    /// Does this with every request that has `number` as a parameter, whatever is planned for the others.
    pub fn for_number(&self, number: impl Into<String>, behaviour: Behaviour) {
        self.state.book().plan.numbers.insert(number.into(), behaviour);
    }

    /// Forgets all that is planned and accepts everything again.
    pub fn recover(&self) {
        self.state.book().plan = state::Plan::default();
    }

    /// Refuses connections: the listener is closed, and so is every connection on which no request is in
    /// flight. Requests in flight still get their answer, and then their connection is closed too.
    ///
    /// # Panics
    /// When idle connections do not end in 30 s.
    pub async fn refuse(&self) {
        self.door.close();
        wait_until("idle connections to end", WAIT_DEADLINE, async || {
            let (open, in_flight) = (self.door.visiting(), self.in_flight());
            if open <= in_flight { Ok(()) } else { Err(format!("{open} open, {in_flight} in flight")) }
        })
        .await;
    }

    /// Takes connections again, on the same port.
    pub fn listen(&self) {
        self.door.reopen();
    }

    /// Every request that came in whole, in the order in which their last bytes came.
    pub fn requests(&self) -> Vec<Request> {
        self.state.book().requests.clone()
    }

    /// The requests that have exactly this number as a parameter, of query or form, of any name.
    pub fn sms_to(&self, number: &str) -> Vec<Request> {
        self.requests_where(|request| request.is_to(number))
    }

    /// The requests in which the parameter `name`, of query or form, is exactly `value`.
    pub fn requests_with(&self, name: &str, value: &str) -> Vec<Request> {
        self.requests_where(|request| request.parameter(name) == Some(value))
    }

    /// Waits until at least `n` requests have come in whole, and hands out all of them.
    ///
    /// # Panics
    /// After 30 s, with those that came.
    pub async fn wait_for_requests(&self, n: usize) -> Vec<Request> {
        self.wait_for("requests", n, || self.requests()).await
    }

    /// Waits until at least `n` requests to `number` have come in whole, and hands out all of them.
    ///
    /// # Panics
    /// After 30 s, with all that came.
    pub async fn wait_for_sms_to(&self, number: &str, n: usize) -> Vec<Request> {
        self.wait_for(&format!("requests to {number}"), n, || self.sms_to(number)).await
    }

    /// Waits until at least `n` answers have gone out to the last byte.
    ///
    /// # Panics
    /// After 30 s, with the number that have.
    pub async fn wait_for_answers(&self, n: usize) {
        wait_until(&format!("{n} answers"), WAIT_DEADLINE, async || match self.answers() {
            answers if answers >= n => Ok(()),
            answers => Err(format!("{answers} answers to {} requests", self.requests().len())),
        })
        .await;
    }

    /// Requests of which at least the head has come, recorded or not.
    pub fn attempts(&self) -> usize {
        self.state.book().attempts
    }

    /// Answers that have gone out to the last byte.
    pub fn answers(&self) -> usize {
        self.state.book().answers
    }

    /// Requests whose head has come and that have neither got an answer nor lost their client.
    pub fn in_flight(&self) -> usize {
        self.state.book().in_flight
    }

    /// The most requests that ever were in flight together.
    pub fn peak_in_flight(&self) -> usize {
        self.state.book().peak_in_flight
    }

    /// Connections accepted so far: fewer than requests when the client keeps them alive.
    pub fn connections(&self) -> usize {
        self.door.accepted()
    }

    fn requests_where(&self, wanted: impl Fn(&Request) -> bool) -> Vec<Request> {
        self.state.book().requests.iter().filter(|request| wanted(request)).cloned().collect()
    }

    async fn wait_for(&self, what: &str, n: usize, look: impl Fn() -> Vec<Request>) -> Vec<Request> {
        wait_until(&format!("{n} {what}"), WAIT_DEADLINE, async || {
            let found = look();
            if found.len() >= n { Ok(found) } else { Err(self.status(found.len())) }
        })
        .await
    }

    fn status(&self, found: usize) -> String {
        let targets: Vec<_> = self
            .requests()
            .into_iter()
            .map(|request| format!("{} {}", request.method, request.target))
            .collect();
        format!("{found}; {} attempts; recorded: {targets:?}", self.attempts())
    }
}
