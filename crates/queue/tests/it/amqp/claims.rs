//! The claim book in a real Redis.
