//! The modems of a pool and who has work: a job takes a place first, and then the modem that has rested longest.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mtan_jobs::ReportCode;
use mtan_sender::{NoPlace, Verdict};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};

use crate::metrics;
use crate::modem::Order;

/// How long no modem may be fit for work before the pool is called out of order: a reset takes as long.
const PATIENCE: Duration = Duration::from_secs(15);

/// Which modem.
pub(crate) type Seat = u64;

/// What a modem's keeper says of an order.
#[derive(Debug)]
pub(crate) enum Answer {
    /// This came of it.
    Done(Verdict),
    /// Nothing of it was handed over, and another modem may do it; the verdict stands if there is none.
    NotTaken(Verdict),
    /// As [`Answer::NotTaken`], for the modem itself is lost: it is no less fit for the job when it comes back.
    Lost(Verdict),
}

/// An order on its way to a modem.
pub(crate) type Mail = (Order, oneshot::Sender<Answer>);

/// How a modem stands, for people and for the pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stand {
    /// It may have work.
    Ready,
    /// It is at work.
    Busy,
    /// It may have none: why, in plain words.
    Away(String),
}

struct Member {
    label: String,
    stand: Stand,
    /// What is known of its network, for people.
    network: String,
    /// Its rate allows no SMS before.
    rests_until: Instant,
    worked_last: u64,
    mail: mpsc::Sender<Mail>,
    /// Of the modem behind the port, once it is known.
    identity: Option<String>,
}

/// The modems, shared by their keepers and the jobs.
pub(crate) struct Modems {
    book: Mutex<Book>,
    /// Counts up with every change.
    changes: watch::Sender<u64>,
}

#[derive(Default)]
struct Book {
    members: BTreeMap<Seat, Member>,
    /// Places that are held, also by jobs that a modem is at work on.
    promised: usize,
    next_seat: Seat,
    orders: u64,
    /// Since when no modem is fit for work.
    unfit_since: Option<Instant>,
}

/// Room for one job.
pub(crate) struct Promise(Arc<Modems>);

impl Drop for Promise {
    fn drop(&mut self) {
        self.0.change(|book| book.promised = book.promised.saturating_sub(1));
    }
}

impl Modems {
    pub(crate) fn new() -> Arc<Modems> {
        let book = Book { unfit_since: Some(Instant::now()), ..Book::default() };
        Arc::new(Modems { book: Mutex::new(book), changes: watch::Sender::new(0) })
    }

    /// A modem more, which is away for now.
    pub(crate) fn join(&self, label: &str) -> (Seat, mpsc::Receiver<Mail>) {
        let (mail, orders) = mpsc::channel(1);
        let member = Member {
            label: label.to_owned(),
            stand: Stand::Away("is being looked for".to_owned()),
            network: String::new(),
            rests_until: Instant::now(),
            worked_last: 0,
            mail,
            identity: None,
        };
        metrics::up(label, false);
        let seat = self.change(|book| {
            let seat = book.next_seat;
            book.next_seat += 1;
            book.members.insert(seat, member);
            seat
        });
        (seat, orders)
    }

    pub(crate) fn leave(&self, seat: Seat) {
        if let Some(member) = self.change(|book| book.members.remove(&seat)) {
            metrics::up(&member.label, false);
            metrics::registered(&member.label, false);
        }
    }

    /// How a modem stands now; true if that is another word than before.
    pub(crate) fn stands(&self, seat: Seat, stand: Stand) -> bool {
        self.change(|book| {
            let Some(member) = book.members.get_mut(&seat) else { return false };
            metrics::up(&member.label, !matches!(stand, Stand::Away(_)));
            let changed = member.stand != stand;
            member.stand = stand;
            changed
        })
    }

    /// What is known of its network, for `/readyz`.
    pub(crate) fn hears(&self, seat: Seat, network: String) {
        if let Some(member) = self.lock().members.get_mut(&seat) {
            member.network = network;
        }
    }

    /// It has sent so much that it rests for `rest`.
    pub(crate) fn rests(&self, seat: Seat, rest: Duration) {
        self.change(|book| {
            if let Some(member) = book.members.get_mut(&seat) {
                member.rests_until = member.rests_until.max(Instant::now()) + rest;
            }
        });
    }

    /// Claims the modem `identity` for `seat`: a modem shows several ports, and is driven by one. An error is the label of
    /// the port that has it.
    pub(crate) fn claim(&self, seat: Seat, identity: &str) -> Result<(), String> {
        self.change(|book| {
            let has_it = |other: &Member| other.identity.as_deref() == Some(identity);
            if let Some((_, other)) =
                book.members.iter().find(|(other_seat, other)| **other_seat != seat && has_it(other))
            {
                return Err(other.label.clone());
            }
            if let Some(member) = book.members.get_mut(&seat) {
                member.identity = Some(identity.to_owned());
            }
            Ok(())
        })
    }

    /// The modem behind the port of `seat` may be driven by another one of its ports.
    pub(crate) fn release(&self, seat: Seat) {
        self.change(|book| {
            if let Some(member) = book.members.get_mut(&seat) {
                member.identity = None;
            }
        });
    }

    /// Waits for room for one job more: a modem that is free and well, and promised to nobody.
    pub(crate) async fn place(self: &Arc<Self>, patience: Duration) -> Result<Promise, NoPlace> {
        let until = Instant::now() + patience;
        let mut changes = self.changes.subscribe();
        loop {
            changes.mark_unchanged();
            let look_again = match self.change_if(Book::promise) {
                Looked::Free(()) => return Ok(Promise(Arc::clone(self))),
                Looked::OutOfOrder => return Err(NoPlace::OutOfOrder),
                Looked::Later(at) => at,
            };
            if Instant::now() >= until {
                return Err(NoPlace::Late);
            }
            tokio::select! {
                _ = changes.changed() => {}
                () = sleep_until(look_again.min(until)) => {}
            }
        }
    }

    /// Gives `order` to a modem that is free and not in `tried`, as soon as there is one; `None` if there is none until
    /// `until`. The answer may never come: the modem's keeper died.
    pub(crate) async fn give(
        &self,
        order: &Order,
        tried: &[Seat],
        until: Instant,
    ) -> Option<(Seat, oneshot::Receiver<Answer>)> {
        let mut changes = self.changes.subscribe();
        loop {
            changes.mark_unchanged();
            let look_again = match self.change_if(|book| book.hand(order, tried)) {
                Looked::Free(given) => return Some(given),
                Looked::Later(at) => at,
                Looked::OutOfOrder => until,
            };
            if Instant::now() >= until {
                return None;
            }
            tokio::select! {
                _ = changes.changed() => {}
                () = sleep_until(look_again.min(until)) => {}
            }
        }
    }

    /// Every modem in plain words, one after the other.
    pub(crate) fn describe(&self) -> String {
        let book = self.lock();
        if book.members.is_empty() {
            return "no modem is plugged in: none of the ports is there".to_owned();
        }
        let mut words: Vec<String> = book.members.values().map(Member::describe).collect();
        if book.unfit_since.is_some() {
            words.insert(0, "no modem can send now".to_owned());
        }
        words.join("; ")
    }

    fn change<T>(&self, act: impl FnOnce(&mut Book) -> T) -> T {
        let done = {
            let mut book = self.lock();
            let done = act(&mut book);
            let unfit = !book.members.values().any(|member| !matches!(member.stand, Stand::Away(_)));
            book.unfit_since = unfit.then(|| book.unfit_since.unwrap_or_else(Instant::now));
            done
        };
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
        done
    }

    /// As [`Modems::change`], without a word to those who wait: a look that finds nothing must not wake the others.
    fn change_if<T>(&self, look: impl FnOnce(&mut Book) -> Looked<T>) -> Looked<T> {
        look(&mut self.lock())
    }

    /// Every change under it is whole, so a panic elsewhere leaves nothing half done.
    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Looked<T> {
    Free(T),
    /// Not before, unless something changes.
    Later(Instant),
    OutOfOrder,
}

impl Book {
    fn promise(&mut self) -> Looked<()> {
        let now = Instant::now();
        let free = self.members.values().filter(|member| member.is_free(now)).count();
        let busy = self.members.values().filter(|member| member.stand == Stand::Busy).count();
        // who is at work holds a promise too
        if free > 0 && free + busy > self.promised {
            self.promised += 1;
            return Looked::Free(());
        }
        match self.unfit_since.map(|since| since + PATIENCE) {
            Some(at) if at <= now => Looked::OutOfOrder,
            Some(at) => Looked::Later(at),
            None => Looked::Later(self.rest_ends(now)),
        }
    }

    fn hand(&mut self, order: &Order, tried: &[Seat]) -> Looked<(Seat, oneshot::Receiver<Answer>)> {
        let now = Instant::now();
        let free = self
            .members
            .iter_mut()
            .filter(|(seat, member)| member.is_free(now) && !tried.contains(seat))
            .min_by_key(|(_, member)| member.worked_last);
        let Some((seat, member)) = free else { return Looked::Later(self.rest_ends(now)) };
        let (answer, answered) = oneshot::channel();
        self.orders += 1;
        member.worked_last = self.orders;
        // it is ready, so its box is empty; should it not be, or its keeper be gone, nothing was handed over
        if let Err(error) = member.mail.try_send((order.clone(), answer)) {
            let (_, answer) = error.into_inner();
            let verdict = Verdict::Retry { code: ReportCode::GatewayUnreachable, after: None, detail: None };
            drop(answer.send(Answer::Lost(verdict)));
        }
        member.stand = Stand::Busy;
        Looked::Free((*seat, answered))
    }

    /// When the first modem that only rests is through.
    fn rest_ends(&self, now: Instant) -> Instant {
        let resting = self.members.values().filter(|member| member.stand == Stand::Ready);
        let ends = resting.map(|member| member.rests_until).filter(|until| *until > now);
        ends.min().unwrap_or(now + Duration::from_secs(3600))
    }
}

impl Member {
    fn is_free(&self, now: Instant) -> bool {
        self.stand == Stand::Ready && self.rests_until <= now
    }

    fn describe(&self) -> String {
        let Member { label, network, .. } = self;
        match &self.stand {
            Stand::Ready | Stand::Busy if network.is_empty() => format!("{label}: ready"),
            Stand::Ready | Stand::Busy => format!("{label}: ready, {network}"),
            Stand::Away(why) => format!("{label}: {why}"),
        }
    }
}
