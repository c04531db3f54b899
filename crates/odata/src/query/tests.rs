//! Tests of queries as text.
