//! The transport port of driftless: what a back end can do, pull, push, retry classes.
