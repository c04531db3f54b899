//! Tests of reading and writing metadata.
