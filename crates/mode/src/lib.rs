#![doc = include_str!("../README.md")]

mod machine;

pub use machine::{Activity, Administrator, Choice, Effect, Event, Mode, State};
