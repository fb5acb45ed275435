//! The claim book in Redis.
