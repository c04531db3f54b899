//! Tests of stored forms.
