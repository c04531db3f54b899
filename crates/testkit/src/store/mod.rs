//! The conformance suite of the store port, and doubles of stores.
//!
//! A store passes with one line in its `tests/conformance.rs`:
//!
//! ```
//! use driftless_store::MemoryStore;
//! use driftless_testkit::store::Volatile;
//!
//! driftless_testkit::store_conformance!(Volatile(MemoryStore::new));
//! ```

pub mod cases;
mod factory;
mod model;
pub mod sample;
mod strict;

pub use factory::{FileKeeper, OnDisk, OpenFiles, StoreFactory, Volatile};
pub use model::Model;
pub use strict::StrictStore;

/// Makes a test of each case of the store suite. The argument makes a fresh [`StoreFactory`] for each.
#[macro_export]
macro_rules! store_conformance {
    ($factory:expr) => {
        $crate::store_conformance!(@ $factory;
            commit::an_empty_store_has_nothing,
            commit::numbers_of_commits_grow,
            commit::a_stale_batch_changes_nothing,
            commit::an_unfit_write_leaves_nothing_of_its_batch,
            commit::everything_survives_reopening,
            commit::readers_see_whole_commits,
            rows::named_columns_are_set_and_others_stay,
            rows::every_kind_of_value_comes_back,
            rows::removed_rows_are_gone,
            rows::ids_come_in_order_and_in_pages,
            rows::names_that_look_alike_stay_apart,
            rows::unknown_names_are_refused,
            query::queries_agree_with_the_interpreter,
            query::counts_ignore_paging,
            query::what_does_not_fit_the_schema_is_refused,
            load::loading_rows_are_hidden_from_queries_alone,
            load::a_load_survives_reopening_and_takes_rows_twice,
            journal::operations_come_in_sequence,
            journal::pending_follows_the_state,
            journal::an_operation_replaces_the_one_of_its_id,
            journal::two_operations_never_share_a_sequence_number,
            journal::sendings_are_kept_until_dropped,
            journal::images_mark_unsettled_records,
            journal::an_image_stays_with_its_record,
            journal::log_entries_are_open_until_settled,
            journal::notes_are_set_and_removed,
            journal::file_rows_belong_to_records,
            schema::a_new_schema_keeps_operations_and_images,
            schema::fields_come_go_and_change_kind,
            schema::a_renamed_field_keeps_its_values,
            schema::rows_of_unsettled_records_outlive_their_entity,
            schema::a_schema_that_cannot_be_stored_is_refused,
            files::unnamed_files_are_swept,
            property::random_batches_read_like_the_model,
        );
    };
    (@ $factory:expr; $($module:ident::$case:ident),* $(,)?) => {
        $(
            #[test]
            fn $case() {
                $crate::store::cases::$module::$case(&mut $factory);
            }
        )*
    };
}
