//! A bound on wrong passwords for each address: guesses run dry, and come back slowly.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use jiff::Timestamp;
use mtan_jobs::Clock;

/// Guesses that may come at once.
const BURST: u32 = 20;

/// Time after which one guess comes back.
pub(crate) const REFILL: Duration = Duration::from_secs(1);

/// Addresses that are counted on their own; while that many have guesses missing, the newcomers share one count.
const ADDRESSES: usize = 4096;

/// How many guesses are left to each address: one that guesses does not lock out the others. Behind a proxy all
/// callers have the proxy's address and share its count.
pub(crate) struct Throttle {
    clock: Arc<dyn Clock>,
    counts: Mutex<Counts>,
}

/// Where a guess comes from: an IPv4 address, or an IPv6 network of 64 bits, because its owner has all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Origin(Option<IpAddr>);

struct Counts {
    /// Those that have guesses missing, and recovered ones until they are dropped.
    own: HashMap<Origin, Left>,
    shared: Left,
    /// When the recovered ones were last dropped.
    swept: Timestamp,
}

struct Left {
    guesses: u32,
    /// Up to when refills have been counted.
    counted_to: Timestamp,
}

impl Origin {
    /// All that have no known address are one.
    pub(crate) fn new(peer: Option<IpAddr>) -> Origin {
        Origin(peer.map(|address| match address.to_canonical() {
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
            v4 => v4,
        }))
    }
}

impl Throttle {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Throttle {
        let now = clock.now();
        let counts = Counts { own: HashMap::new(), shared: Left::full(now), swept: now };
        Throttle { clock, counts: Mutex::new(counts) }
    }

    /// Takes one of the guesses of `origin`, if there is one: before anything is compared.
    pub(crate) fn take(&self, origin: Origin) -> bool {
        let now = self.clock.now();
        self.counts().of(origin, now).take(now)
    }

    /// Gives a guess back: the password was right.
    pub(crate) fn give_back(&self, origin: Origin) {
        let mut counts = self.counts();
        let Counts { own, shared, .. } = &mut *counts;
        let left = own.get_mut(&origin).unwrap_or(shared);
        left.guesses = (left.guesses + 1).min(BURST);
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().expect("no panic while it is held")
    }
}

impl Counts {
    fn of(&mut self, origin: Origin, now: Timestamp) -> &mut Left {
        if !self.own.contains_key(&origin) {
            self.sweep(now);
            if self.own.len() >= ADDRESSES {
                return &mut self.shared;
            }
        }
        self.own.entry(origin).or_insert_with(|| Left::full(now))
    }

    /// Drops the recovered ones if there is no room: no more often than guesses come back, for it looks at all.
    fn sweep(&mut self, now: Timestamp) {
        let may_have_recovered = now.duration_since(self.swept).unsigned_abs() >= REFILL;
        if self.own.len() >= ADDRESSES && may_have_recovered {
            self.swept = now;
            self.own.retain(|_, left| !left.recovered(now));
        }
    }
}

impl Left {
    fn full(now: Timestamp) -> Left {
        Left { guesses: BURST, counted_to: now }
    }

    fn take(&mut self, now: Timestamp) -> bool {
        self.refill(now);
        let taken = self.guesses.checked_sub(1);
        self.guesses = taken.unwrap_or(0);
        taken.is_some()
    }

    fn recovered(&mut self, now: Timestamp) -> bool {
        self.refill(now);
        self.guesses == BURST
    }

    fn refill(&mut self, now: Timestamp) {
        let passed = now.duration_since(self.counted_to).as_secs();
        // A clock that was set back refills nothing and starts to count again.
        if passed != 0 {
            let refilled = u32::try_from(passed.max(0) as u64 / REFILL.as_secs()).unwrap_or(u32::MAX);
            self.guesses = self.guesses.saturating_add(refilled).min(BURST);
            self.counted_to = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Origin = Origin(None);

    struct Hand(Mutex<Timestamp>);

    impl Clock for Hand {
        fn now(&self) -> Timestamp {
            *self.0.lock().unwrap()
        }
    }

    impl Hand {
        fn turn(&self, seconds: i64) {
            let mut now = self.0.lock().unwrap();
            *now = Timestamp::from_second(now.as_second() + seconds).unwrap();
        }
    }

    fn dry() -> (Arc<Hand>, Throttle) {
        let hand = Arc::new(Hand(Mutex::new(Timestamp::from_second(1_000).unwrap())));
        let throttle = Throttle::new(hand.clone());
        for _ in 0..BURST {
            assert!(throttle.take(HERE));
        }
        assert!(!throttle.take(HERE));
        (hand, throttle)
    }

    #[test]
    fn guesses_run_dry_and_come_back_one_a_second() {
        let (hand, throttle) = dry();
        hand.turn(1);
        assert!(throttle.take(HERE));
        assert!(!throttle.take(HERE));
        hand.turn(100_000);
        for _ in 0..BURST {
            assert!(throttle.take(HERE));
        }
        assert!(!throttle.take(HERE), "never more than the burst");
    }

    #[test]
    fn a_right_password_costs_nothing() {
        let (hand, throttle) = dry();
        hand.turn(1);
        for _ in 0..100 {
            assert!(throttle.take(HERE));
            throttle.give_back(HERE);
        }
    }

    #[test]
    fn a_clock_that_is_set_back_gives_no_guesses_and_takes_none_for_ever() {
        let (hand, throttle) = dry();
        hand.turn(-500);
        assert!(!throttle.take(HERE));
        hand.turn(1);
        assert!(throttle.take(HERE));
    }

    fn from(address: &str) -> Origin {
        Origin::new(Some(address.parse().unwrap()))
    }

    #[test]
    fn an_address_that_is_dry_takes_nothing_from_the_others() {
        let (_, throttle) = dry();
        assert!(throttle.take(from("192.0.2.1")));
        assert!(!throttle.take(HERE));
    }

    #[test]
    fn a_network_of_64_bits_and_a_mapped_address_are_one_origin() {
        assert_eq!(from("2001:db8::1"), from("2001:db8::ffff:2:3:4"));
        assert_ne!(from("2001:db8::1"), from("2001:db8:0:1::1"));
        assert_eq!(from("::ffff:192.0.2.1"), from("192.0.2.1"));
        assert_ne!(from("192.0.2.1"), from("192.0.2.2"));
    }

    #[test]
    fn too_many_addresses_share_one_count_until_others_have_recovered() {
        let (hand, throttle) = dry();
        let nth = |n: u32| Origin::new(Some(IpAddr::V4(n.into())));
        let most = ADDRESSES as u32 - 1;
        assert!((0..most).all(|n| throttle.take(nth(n))));
        assert!((most..most + BURST).all(|n| throttle.take(nth(n))));
        assert!(!throttle.take(nth(most + BURST)), "newcomers share one count");
        assert!(throttle.take(nth(0)), "who was counted before keeps a count of its own");
        assert_eq!(throttle.counts().own.len(), ADDRESSES);

        hand.turn(1);
        assert!((most..most + BURST).all(|n| throttle.take(nth(n))), "there is room again");
        assert!(!throttle.counts().own.contains_key(&nth(1)) && throttle.counts().own.contains_key(&nth(0)));
        assert!(throttle.take(HERE) && !throttle.take(HERE), "who has not recovered is not forgotten");
    }
}
