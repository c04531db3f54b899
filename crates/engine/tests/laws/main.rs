//! The laws of the engine, through its public API, over the in-memory store and a back end that breaks on command.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should fail there")]

mod behind;
mod chance;
mod clash;
mod clocks;
mod commands;
mod common;
mod convergence;
mod decisions;
mod driving;
mod durable;
mod fragile;
mod groups;
mod keys;
mod killed;
mod ladder;
mod made_keys;
mod main_job;
mod mended;
mod objections;
mod once;
mod order;
mod parts;
mod patience;
mod picks;
mod policies;
mod queue;
mod reading;
mod refusals;
mod reshaped;
mod reshaping;
mod rules;
mod scope;
mod script;
mod sides;
mod split;
mod squash;
mod stuck;
mod tap;
mod truth;
mod unproved;
mod unsure;
mod view;
mod watched;
mod wire;
