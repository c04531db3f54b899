//! The memory store keeps the contract of the port.

driftless_testkit::store_conformance!(driftless_testkit::store::Volatile(
    driftless_store::MemoryStore::new
));
