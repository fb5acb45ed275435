//! Runs several requests at once on one thread, one step at a time, in an order that a seed decides.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

pub(crate) type Task<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

thread_local! {
    static RUNNING: Cell<usize> = const { Cell::new(0) };
}

/// The number of the request that is being worked on: the store notes who asked for a step.
pub(crate) fn running() -> usize {
    RUNNING.get()
}

/// Does `work` under the number `request`.
pub(crate) async fn as_request<T>(request: usize, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    poll_fn(|context| {
        let outer = RUNNING.replace(request);
        let poll = work.as_mut().poll(context);
        RUNNING.set(outer);
        poll
    })
    .await
}

/// Lets others go first, once.
pub(crate) async fn step_aside() {
    let mut asked = false;
    poll_fn(move |context| {
        if std::mem::replace(&mut asked, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Runs tasks together until all are done; their results in the order of the tasks.
pub(crate) fn together<T>(seed: u64, mut tasks: Vec<Task<'_, T>>) -> Vec<T> {
    let mut dice = Dice(seed);
    let mut results: Vec<Option<T>> = tasks.iter().map(|_| None).collect();
    let mut waiting: Vec<usize> = (0..tasks.len()).collect();
    let mut context = Context::from_waker(Waker::noop());
    while !waiting.is_empty() {
        let place = dice.below(waiting.len());
        let task = waiting[place];
        if let Poll::Ready(result) = tasks[task].as_mut().poll(&mut context) {
            results[task] = Some(result);
            waiting.swap_remove(place);
        }
    }
    results.into_iter().map(|r| r.expect("every task ran to its end")).collect()
}

/// Runs one task alone.
pub(crate) fn alone<T>(task: impl Future<Output = T>) -> T {
    together(0, vec![Box::pin(task)]).pop().expect("one task, one result")
}

/// SplitMix64: the same numbers for the same seed.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).expect("below a usize")
    }
}
