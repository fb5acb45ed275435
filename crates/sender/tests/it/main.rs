//! The loop keeps its promises, over small fakes of seam 1 and a gateway that follows a script. Time is paused: a
//! test that waits for an hour takes a moment.

#![expect(clippy::unwrap_used, reason = "a test that unwraps in vain fails, as it should")]

mod afterwards;
mod book;
mod breaker;
mod deliveries;
mod ends;
mod faults;
mod inbox;
mod room;
mod roster;
mod script;
mod stop;
mod throttle;
mod together;
mod world;
