//! Tests of reading and writing bodies.
