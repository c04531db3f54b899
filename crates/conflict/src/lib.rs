//! Conflict policies for driftless: the port, three-way merge and the built-in policies.
