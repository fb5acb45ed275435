//! Whole stories, from the PIN to the used-up code; they live in `it/`.
