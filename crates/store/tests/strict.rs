//! The strict double keeps the contract of the port too.

driftless_testkit::store_conformance!(driftless_testkit::store::Volatile(
    driftless_testkit::store::StrictStore::new
));
