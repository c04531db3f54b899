//! Online, hybrid and offline: the mode state machine of driftless.
