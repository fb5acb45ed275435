//! The loop that all senders share.
