//! Tests of batches.
