//! Whatever a disk does at whichever call: a commit is there whole or not at all, what was acknowledged is there, and
//! commits are numbered on.
//!
//! Each test is one kind of commit that the engine makes. It is followed by an edit and the closing of the store, and
//! for every kind of fault it meets one at the first call, at the second, and so on. After each, the store is opened
//! again, mostly after a power cut, and looked at as a whole.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(
    clippy::print_stdout,
    reason = "how many faults were tried is part of the result"
)]

#[path = "../common/mod.rs"]
mod common;
mod open;
mod story;
mod trial;
mod world;

use driftless_fault_vfs::Kind;
use driftless_store::WriteBatch;

use story::{Act, Story};

/// Tries a commit after others.
fn check(name: &str, before: &[WriteBatch], commit: &WriteBatch) {
    trial::check(name, 24, &Kind::ALL, |closed| {
        Story::new(world::after(before, closed), Act::Commit(commit.clone()))
    });
}

#[test]
fn an_edit_is_whole_or_not_there() {
    check("edit", &world::usual(), &world::edit());
}

#[test]
fn an_edit_that_brings_a_checkpoint_is_whole_or_not_there() {
    trial::check("checkpoint", 14, &Kind::ALL, |_| {
        Story::new(world::before_a_checkpoint(), Act::Commit(world::edit()))
    });
}

#[test]
fn a_created_and_a_deleted_record_are_whole_or_not_there() {
    check("create and delete", &world::usual(), &world::create_and_delete());
}

#[test]
fn a_sending_is_put_whole_or_not() {
    check("sending", &world::usual(), &world::send());
}

#[test]
fn a_confirmed_push_is_whole_or_not_there() {
    check("confirm", &world::usual(), &world::confirm());
}

#[test]
fn a_pulled_page_and_its_checkpoint_come_together() {
    check("page", &world::usual(), &world::page());
}

#[test]
fn a_load_begins_whole_or_not() {
    check("load begins", &world::usual(), &world::load_begins());
}

#[test]
fn a_page_of_a_load_is_whole_or_not_there() {
    check("load goes on", &world::loading(), &world::load_goes_on());
}

#[test]
fn a_load_ends_with_its_indexes_or_not_at_all() {
    check("load ends", &world::loaded(), &world::load_ends());
}

#[test]
fn a_schema_changes_whole_or_not() {
    check("schema", &world::usual(), &world::schema_change());
}

#[test]
fn a_refusal_and_its_log_entry_come_together() {
    check("refusal", &world::usual(), &world::refusal());
}

#[test]
fn a_resolution_is_whole_or_not_there() {
    check("resolution", &world::refused(), &world::resolution());
}

#[test]
fn notes_change_together_or_not() {
    check("notes", &world::usual(), &world::notes());
}

#[test]
fn file_rows_change_together_or_not() {
    check("files", &world::usual(), &world::files());
}

#[test]
fn a_fresh_store_is_made_whole_or_not() {
    trial::check("fresh", 24, &Kind::ALL, |_| {
        Story::new(world::nothing(), Act::Open)
    });
}

#[cfg(not(feature = "encryption"))]
#[test]
fn a_store_of_format_1_is_upgraded_whole_or_not() {
    trial::check("format 1", 32, &Kind::ALL, |closed| {
        Story::new(world::format_1(closed), Act::Open)
    });
}

#[test]
fn opening_a_store_loses_nothing() {
    trial::check("open", 24, &Kind::ALL, |closed| {
        Story::new(world::after(&world::usual(), closed), Act::Open)
    });
}
