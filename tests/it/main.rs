//! Whole stories over real servers and our real processes.

mod walls;
