//! What stands on the wire, seen from the far side.
