//! A TCP proxy that can be cut and paused.
