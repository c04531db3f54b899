//! Planning what to send: pure, from one reading of the outbox to the next batch.

mod batch;
mod case;
mod change;
mod clocks;
mod command;
mod decide;
mod group;
mod lanes;
mod misfit;
mod objection;
mod request;
mod run;
mod settle;

pub(crate) use batch::{Batch, Context, next_batch};
pub(crate) use case::{Answers, Case, Judging};
pub(crate) use decide::{Draft, overtaken};
pub(crate) use group::in_order_of_groups;
pub(crate) use misfit::misfits;
pub(crate) use objection::Objection;
pub(crate) use run::merge;
pub(crate) use settle::creatable;

#[cfg(test)]
mod tests;
