//! The modem's thread: plugged, served, unplugged, plugged again.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread::JoinHandle;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::sleep;

use super::engine::Engine;
use super::port::{Link, Port};
use super::state::State;
use super::wire::Wire;

/// What the handle tells the thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Unplug,
    Replug,
    Stop,
}

/// A thread with a runtime of its own: a test that blocks its runtime, or stops its clock, does not stop the modem.
#[derive(Debug)]
pub(super) struct Life {
    orders: UnboundedSender<Order>,
    thread: Option<JoinHandle<()>>,
}

impl Life {
    /// Begins it; returns when the tty is there for the first time.
    pub(super) fn begin(state: Arc<State>, link: PathBuf) -> Self {
        let (orders, to_thread) = unbounded_channel();
        let (plugged, first) = std::sync::mpsc::channel();
        let thread = std::thread::Builder::new().name("modem".to_owned()).spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime for the modem").block_on(live(
                &state,
                &Link(link),
                to_thread,
                &plugged,
            ));
        });
        let life = Self { orders, thread: Some(thread.expect("a thread for the modem")) };
        first.recv().expect("a pseudo terminal for the modem");
        life
    }

    pub(super) fn order(&self, order: Order) {
        // a thread that has ended takes no orders; whoever waits for their effect sees that none comes
        self.orders.send(order).ok();
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        self.order(Order::Stop);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            eprintln!("testkit: the modem's thread has panicked");
        }
    }
}

async fn live(state: &Arc<State>, link: &Link, mut orders: UnboundedReceiver<Order>, plugged: &Sender<()>) {
    let mut last = None;
    loop {
        let port = Port::plug().expect("a pseudo terminal");
        link.lead_to(port.name()).expect("the folder of the stable name can be written");
        drop(last.take()); // only now: the new tty has another name than the last
        let kept = port.keep();
        {
            let mut book = state.book();
            book.boot();
            book.tty = Some(port.name().to_owned());
        }
        plugged.send(()).ok(); // only the first one is waited for
        let mut engine = Engine::new(Arc::clone(state), Wire::new(port, Arc::clone(state)));
        let order = tokio::select! {
            biased;
            order = next(&mut orders) => Some(order),
            _ = engine.serve() => None,
        };
        link.remove().expect("the folder of the stable name can be written");
        state.book().tty = None;
        drop(engine); // last: who reads the end of file finds the names gone
        state.book().visitors = 0;
        last = Some(kept);
        let boot_time = state.book().rules.boot_time;
        let order = match order {
            Some(order) => order,
            None => tokio::select! {
                biased;
                order = next(&mut orders) => order,
                () = sleep(boot_time) => Order::Replug,
            },
        };
        if !is_back(order, &mut orders).await {
            return;
        }
    }
}

/// Waits until it is plugged in again; `false` = never again.
async fn is_back(mut order: Order, orders: &mut UnboundedReceiver<Order>) -> bool {
    loop {
        match order {
            Order::Replug => return true,
            Order::Stop => return false,
            Order::Unplug => order = next(orders).await,
        }
    }
}

/// A handle that is gone without a word means stop.
async fn next(orders: &mut UnboundedReceiver<Order>) -> Order {
    orders.recv().await.unwrap_or(Order::Stop)
}
