//! Where state with expiry lives: Redis, or one embedded file.
