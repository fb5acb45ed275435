//! embedded half of the queue.
