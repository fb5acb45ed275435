//! Slow PIN hashes are worked out on threads of their own, one for each core, with a bounded line in front of them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;

use futures_channel::oneshot;

/// How many may stand in line, those at work included. At 30 ms each, two cores take half a second for them: who comes
/// later would wait longer than a login bears.
const LONGEST_LINE: usize = 32;

type Work = Box<dyn FnOnce() + Send>;

/// The line is full.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Busy;

/// The threads start with the first work, so an installation without slow hashes has none.
#[derive(Default)]
pub(crate) struct SlowLane {
    line: OnceLock<Sender<Work>>,
    length: Arc<AtomicUsize>,
}

/// A place in the line; given back when dropped, also by a panic of the work.
struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl SlowLane {
    /// What `work` returns, when its turn has come. Nothing is worked out for a caller who has left.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let place = self.place()?;
        let (answer, answered) = oneshot::channel();
        let task = move || {
            let _place = place;
            if !answer.is_canceled() {
                // who has left meanwhile wants no answer
                drop(answer.send(work()));
            }
        };
        self.line.get_or_init(start).send(Box::new(task)).map_err(|_| Busy)?;
        answered.await.map_err(|_| Busy)
    }

    fn place(&self) -> Result<Place, Busy> {
        let place = Place(Arc::clone(&self.length));
        if self.length.fetch_add(1, Ordering::Relaxed) < LONGEST_LINE { Ok(place) } else { Err(Busy) }
    }
}

/// The threads end with the last sender.
fn start() -> Sender<Work> {
    let (sender, receiver) = channel::<Work>();
    let receiver = Arc::new(Mutex::new(receiver));
    for number in 0..thread::available_parallelism().map_or(1, usize::from) {
        let receiver = Arc::clone(&receiver);
        let thread = thread::Builder::new().name(format!("pin-{number}"));
        thread.spawn(move || work_off(&receiver)).expect("the system has threads");
    }
    sender
}

fn work_off(line: &Mutex<Receiver<Work>>) {
    loop {
        // the lock is held while waiting for work, not while working
        let next = line.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(work) = next else { return };
        // who waits hears of a panic by the dropped answer; the thread goes on with the next
        drop(catch_unwind(AssertUnwindSafe(work)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use futures_util::future::join_all;

    /// With a waker that unparks this thread: the room knows no runtime.
    fn block_on<F: Future>(future: F) -> F::Output {
        struct Unpark(thread::Thread);
        impl std::task::Wake for Unpark {
            fn wake(self: Arc<Self>) {
                self.0.unpark();
            }
        }
        let waker = Arc::new(Unpark(thread::current())).into();
        let mut future = std::pin::pin!(future);
        let mut context = std::task::Context::from_waker(&waker);
        loop {
            match future.as_mut().poll(&mut context) {
                std::task::Poll::Ready(output) => return output,
                std::task::Poll::Pending => thread::park(),
            }
        }
    }

    #[test]
    fn everybody_in_line_gets_the_own_answer() {
        let lane = SlowLane::default();
        let answers = block_on(join_all((0..LONGEST_LINE).map(|n| lane.run(move || n * n))));
        assert_eq!(answers, (0..LONGEST_LINE).map(|n| Ok(n * n)).collect::<Vec<_>>());
    }

    #[test]
    fn a_full_line_says_so_at_once_and_empties_again() {
        let lane = SlowLane::default();
        let gate = Arc::new(Mutex::new(()));
        let closed = gate.lock().unwrap();
        let mut waiting: Vec<_> = (0..LONGEST_LINE)
            .map(|_| {
                let gate = Arc::clone(&gate);
                Box::pin(lane.run(move || drop(gate.lock().unwrap())))
            })
            .collect();
        for one in &mut waiting {
            assert!(one.now_or_never().is_none(), "each stands in line");
        }
        assert_eq!(block_on(lane.run(|| ())), Err(Busy));
        drop(closed);
        assert!(lane.length.load(Ordering::Relaxed) >= 1);
        // `now_or_never` does not consume what it polls by reference: each still has its answer to come
        for one in waiting {
            assert_eq!(block_on(one), Ok(()));
        }
        while lane.length.load(Ordering::Relaxed) > 0 {
            thread::yield_now();
        }
        assert_eq!(block_on(lane.run(|| 7)), Ok(7));
    }

    #[test]
    fn work_that_panics_takes_its_own_answer_only() {
        let lane = SlowLane::default();
        for _ in 0..LONGEST_LINE * 2 {
            assert_eq!(block_on(lane.run(|| panic!("expected by this test"))), Err::<(), _>(Busy));
        }
        assert_eq!(block_on(lane.run(|| 7)), Ok(7));
    }
}
